// A slow walk from digit to digit, decoded as it goes: what makes a card's picture move.

import { line } from "../../engine/arithmetic.js";
import { isStill } from "../../parts/theme.js";

const SECONDS = 2.6; // from one digit to the next
const REST = 0.25; // share of it in which nothing moves
const FRAME = 33; // milliseconds at least between two pictures

export class Walk {
  /**
   * @param {object} of
   * @param {Element} of.stage What must be in sight for it to move.
   * @param {(z: Float32Array) => void} of.draw
   * @param {(from: number, to: number) => void} of.tell Two digits' indexes: another part begins.
   */
  constructor({ stage, draw, tell }) {
    this.draw = draw;
    this.tell = tell;
    this.seen = true;
    this.moves = !isStill();
    /** @type {number | null} */
    this.frame = null;
    this.from = this.to = 0; // indexes of two digits
    this.share = 0; // of the way between
    this.observer = new IntersectionObserver(([entry]) => { this.seen = entry.isIntersecting; });
    this.observer.observe(stage);
  }

  destroy() {
    this.#stop();
    this.observer.disconnect();
  }

  /**
   * Begin at a digit's code.
   * @param {(index: number) => Float32Array} code
   * @param {number} from
   * @param {() => number} next The digit after.
   */
  begin(code, from, next) {
    this.code = code;
    this.next = next;
    this.#part(from, next());
    this.draw(code(from));
    if (this.moves) this.#start();
  }

  /** Nothing is there to be walked. */
  end() {
    this.#stop();
    this.code = null;
  }

  turn() {
    this.moves = !this.moves;
    if (!this.moves) this.#stop();
    else if (this.code) this.#start();
  }

  #part(from, to) {
    Object.assign(this, { from, to, share: 0 });
    this.tell(from, to);
  }

  #stop() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
  }

  #start() {
    if (this.frame) return;
    let last = null;
    const step = (/** @type {number} */ now) => {
      this.frame = requestAnimationFrame(step);
      if (last !== null && now - last < FRAME) return;
      const passed = last === null ? 0 : Math.min(100, now - last) / 1000;
      last = now;
      if (!this.seen) return;
      this.share += passed / SECONDS;
      if (this.share >= 1) this.#part(this.to, this.next());
      const along = Math.max(0, (this.share - REST) / (1 - REST));
      const eased = along * along * (3 - 2 * along);
      this.draw(Float32Array.from(line(this.code(this.from), this.code(this.to), eased)));
    };
    this.frame = requestAnimationFrame(step);
  }
}
