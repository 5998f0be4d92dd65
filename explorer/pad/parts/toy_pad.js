// What the pads share that draw a toy of their own on a canvas and compute it themselves.

import { inSlices } from "../engine/slices.js";
import { format } from "./page.js";
import { Pad } from "./pad.js";
import { isStill } from "./theme.js";

/**
 * The pen of a canvas that has as many pixels as the screen, cleared.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function penOf(canvas, width, height) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

/** A pad over one canvas, `canvas`, that draws anew whenever its room changes. */
export class ToyPad extends Pad {
  /**
   * Draw on this canvas from now on.
   * @param {HTMLCanvasElement} canvas
   */
  paintOn(canvas) {
    this.canvas = canvas;
    this.observer = new ResizeObserver(() => {
      this.side = canvas.clientWidth; // asked for in a drag, it would cost a layout
      this.draw();
    });
    this.observer.observe(canvas);
  }

  destroy() {
    super.destroy();
    /** @type {any} */ (this).menu?.destroy();
    this.observer.disconnect();
  }

  /**
   * Call `change` with what a button of this kind says, and keep it in the link.
   * @param {string} of
   * @param {(value: string) => void} change
   */
  onChoice(of, change) {
    for (const button of this.root.querySelectorAll(`[data-${of}]`)) {
      button.addEventListener("click", () => {
        change(/** @type {any} */ (button).dataset[of]);
        this.settle();
      });
    }
  }

  // What is on the canvas, from what is known by now.
  draw() {}

  // What the link says, else what is usual.
  read() {}

  // What can be saved.
  offer() {}

  // What it shows is its own, so that nothing that the page passes again changes it.
  update() {}

  /**
   * Everything is here.
   * @param {any} data
   * @returns {any}
   */
  load(data) {
    super.load(data);
    this.recolour();
    this.read();
    this.offer();
    this.canvas.setAttribute("aria-busy", "false");
  }
}

/**
 * What a toy trains right here.
 * @typedef {{ step: () => void, done: number, steps: number, trained: boolean }} Learner
 */

/**
 * A toy that trains something while one looks: `progress`, and the parts `step`, `stop` and, of its
 * texts, `trained`, `step`, `stop` and `go_on` say how far it is.
 */
export class LearningToy extends ToyPad {
  /** @type {Learner & any} */
  learner = null;
  /** @type {object | null} */
  wanted = null; // the training that goes on

  destroy() {
    super.destroy();
    this.wanted = null;
  }

  /**
   * Mark what is chosen, by the names of the buttons' data.
   * @param {Record<string, string>} chosen
   */
  press(chosen) {
    for (const [of, value] of Object.entries(chosen)) {
      for (const button of this.root.querySelectorAll(`[data-${of}]`)) {
        button.setAttribute("aria-pressed", String(/** @type {any} */ (button).dataset[of] === value));
      }
    }
  }

  stop() {
    this.wanted = null;
    this.#follow();
  }

  // The rest of the training, a few milliseconds at a time; the picture follows after each.
  async train() {
    const { learner } = this;
    const turn = {}; // this training, which another one or a stop ends
    this.wanted = turn;
    this.#follow();
    await inSlices(learner.steps - learner.done, () => learner.step(), {
      wanted: () => this.wanted === turn,
      progress: () => {
        if (this.wanted === turn) this.#follow(isStill() && !learner.trained);
      },
    });
    if (this.wanted !== turn) return;
    this.wanted = null;
    this.#follow();
    this.trained();
  }

  // A still picture waits for the last step.
  #follow(quiet = false) {
    const { learner, text } = this;
    this.root.querySelector("progress").value = learner.done;
    this.part("step").textContent = format(learner.trained ? text.trained : text.step, {
      step: learner.done, steps: learner.steps });
    const stop = this.part("stop");
    stop.textContent = this.wanted || learner.trained ? text.stop : text.go_on;
    stop.disabled = learner.trained;
    this.follow(quiet);
  }

  /**
   * What is learned has changed.
   * @param {boolean} quiet Whether the picture that is there will do.
   */
  follow(quiet) {
    if (!quiet) this.draw();
  }

  // The training came to its end.
  trained() {}
}
