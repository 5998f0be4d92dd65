// Work that may wait, done a few milliseconds in each frame, so that a hand is never held up. In a
// tab that nobody sees there are no frames, and so no work.

export class Chores {
  /** @param {number} budget Milliseconds a frame, for all chores together. */
  constructor(budget = 8) {
    this.budget = budget; // milliseconds a frame, for all chores together
    this.steps = new Map(); // name to a function that does a little and says whether more is left
    this.longest = 0; // milliseconds of the longest frame's work
  }

  /**
   * Begin a chore; one of the same name is given up.
   * @param {string} name
   * @param {() => boolean} step
   */
  set(name, step) {
    this.steps.delete(name);
    this.steps.set(name, step);
    this.frame ??= requestAnimationFrame(() => this.#work());
  }

  /** @param {string} name */
  drop(name) {
    this.steps.delete(name);
  }

  destroy() {
    this.steps.clear();
    cancelAnimationFrame(this.frame);
  }

  // The chores take turns, one step each, until the frame's time is up.
  #work() {
    this.frame = null;
    const began = performance.now();
    let now = began;
    while (this.steps.size && now - began < this.budget) {
      const [name, step] = this.steps.entries().next().value;
      this.steps.delete(name);
      if (step() && !this.steps.has(name)) this.steps.set(name, step);
      now = performance.now();
    }
    this.longest = Math.max(this.longest, now - began);
    if (this.steps.size) this.frame = requestAnimationFrame(() => this.#work());
  }
}
