// Work that may wait, done a few milliseconds at a time between a page's frames, so that a hand is
// never held up; and where frames are few, between them as well.

import { handMoves, slice } from "../engine/slices.js";

const LATE = 25; // milliseconds: a frame that hasn't come by then is not waited for

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "input"]) {
  globalThis.addEventListener?.(kind, handMoves, { capture: true, passive: true });
}

export class Chores {
  constructor() {
    this.steps = new Map(); // name to a function that does a little and says whether more is left
    this.longest = 0; // milliseconds of the longest turn's work
    this.waiting = false; // for a turn, or in one
  }

  /**
   * Begin a chore; one of the same name is given up.
   * @param {string} name
   * @param {() => boolean} step
   */
  set(name, step) {
    this.steps.delete(name);
    this.steps.set(name, step);
    if (!this.waiting) this.#wait();
  }

  /** @param {string} name */
  drop(name) {
    this.steps.delete(name);
  }

  destroy() {
    this.steps.clear();
    this.#stop();
    this.waiting = false;
  }

  // Once a frame is painted, or soon where none comes.
  #wait() {
    this.waiting = true;
    this.rested = performance.now();
    this.late = setTimeout(() => this.#work(), LATE);
    this.frame = requestAnimationFrame(() => {
      clearTimeout(this.late);
      this.late = setTimeout(() => this.#work());
    });
  }

  #stop() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.late);
  }

  // The chores take turns, one step each, until the time is up.
  #work() {
    this.#stop();
    const began = performance.now();
    const end = began + slice(began - this.rested);
    let now = began;
    try {
      while (this.steps.size && now < end) {
        const [name, step] = this.steps.entries().next().value;
        this.steps.delete(name);
        if (step() && !this.steps.has(name)) this.steps.set(name, step);
        now = performance.now();
      }
    } finally { // a step that fails ends its own chore alone
      this.longest = Math.max(this.longest, now - began);
      this.waiting = false;
      if (this.steps.size) this.#wait();
    }
  }
}
