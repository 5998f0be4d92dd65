// What the pads share that draw a toy of their own on a canvas and compute it themselves.

import { Pad } from "./pad.js";

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
