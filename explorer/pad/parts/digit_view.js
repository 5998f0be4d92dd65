// One digit on a canvas.

import { ramp } from "./theme.js";

// A digit as ink on paper: pixel value 0 is paper, 1 is ink, what lies outside is clipped.
export class DigitView {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} side
   */
  constructor(canvas, side = 28) {
    this.canvas = canvas;
    canvas.width = canvas.height = side;
    this.context = canvas.getContext("2d");
    this.image = this.context.createImageData(side, side);
    this.ramp = new Uint32Array(256);
    this.words = new Uint32Array(this.image.data.buffer);
  }

  /** @param {import("./theme.js").Colours} colours */
  recolour(colours) {
    this.ramp = ramp(colours);
    if (this.last) this.draw(this.last);
  }

  /** @param {ArrayLike<number>} pixels */
  draw(pixels) {
    const { words, ramp } = this;
    for (let i = 0; i < words.length; i++) {
      const v = pixels[i] * 255 + 0.5;
      words[i] = ramp[v < 0 ? 0 : v > 255 ? 255 : v | 0];
    }
    this.context.putImageData(this.image, 0, 0);
    this.last = this.last ?? new Float32Array(words.length);
    this.last.set(pixels);
  }
}
