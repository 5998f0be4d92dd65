// Plays a walk by itself, to its end and back again; out of sight it rests.

import { clamp } from "../../engine/numbers.js";
import { isStill } from "../../parts/theme.js";

export class Player {
  /**
   * @param {any} text
   * @param {object} of
   * @param {HTMLElement} of.button
   * @param {HTMLInputElement} of.loop Whether it turns back at its ends.
   * @param {Element} of.stage What must be in sight.
   * @param {() => number} of.at Share of the walk that is shown.
   * @param {(t: number) => void} of.to Shows another share.
   * @param {() => number} of.seconds How long the whole walk takes.
   */
  constructor(text, { button, loop, stage, at, to, seconds }) {
    this.text = text;
    this.button = button;
    this.loop = loop;
    this.at = at;
    this.to = to;
    this.seconds = seconds;
    /** @type {number | null} */
    this.frame = null; // while it plays
    this.way = 1; // −1 on the way back
    this.seen = true;
    button.addEventListener("click", () => (this.frame ? this.stop() : this.start()));
    this.observer = new IntersectionObserver(([entry]) => (this.seen = entry.isIntersecting));
    this.observer.observe(stage);
    this.#show();
  }

  destroy() {
    this.stop();
    this.observer.disconnect();
  }

  // Play, unless somebody stopped it or the system asks that nothing moves by itself.
  begin() {
    if (!isStill() && !this.halted) this.start();
  }

  start() {
    this.halted = false;
    if (this.frame) return;
    let last = null;
    if (this.at() >= 1) this.way = -1;
    if (this.at() <= 0 || !this.loop.checked) this.way = 1;
    if (this.at() >= 1 && !this.loop.checked) this.to(0);
    const step = (now) => {
      const passed = last === null ? 0 : Math.min(0.1, (now - last) / 1000);
      last = now;
      if (!this.seen) {
        this.frame = requestAnimationFrame(step);
        return;
      }
      let t = this.at() + (this.way * passed) / this.seconds();
      if (t > 1 || t < 0) {
        t = clamp(t, 0, 1);
        if (this.loop.checked) this.way = -this.way;
        else {
          this.to(t);
          this.stop();
          return;
        }
      }
      this.to(t);
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
    this.#show();
  }

  stop() {
    cancelAnimationFrame(this.frame);
    if (this.frame) this.halted = true;
    this.frame = null;
    this.#show();
  }

  #show() {
    const { text } = this;
    this.button.textContent = this.frame ? text.pause : text.play;
    this.button.setAttribute("aria-pressed", String(Boolean(this.frame)));
  }
}
