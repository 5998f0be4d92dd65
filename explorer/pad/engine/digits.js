// The images that a page shows: the held-out digits, or people's own.

import { fetchBytes } from "./fetching.js";

const DIGITS = Array.from("0123456789");

// The sheet of held-out digits, or of own images: labels at once, images when they have come.
export class Digits {
  /**
   * @param {Uint8Array} labels (count,); one beyond the names says that there is no class.
   * @param {string[]} names
   */
  constructor(labels, names = DIGITS) {
    this.labels = labels; // Uint8Array (count,); one beyond the names says that there is no class
    this.names = names;
    /** @type {Uint8Array | null} */
    this.images = null; // (count * pixels)
    this.pixels = 0; // of an image, once they are here
    /** @type {Float32Array | null} */
    this.mean = null; // (pixels,) in [0, 1]
    /** @type {Promise<void> | null} */
    this.arrived = null;
    this.byLabel = names.map(() => []);
    labels.forEach((label, i) => this.byLabel[label]?.push(i));
  }

  /** @param {{ labels: string, images: string, mean?: string, own?: any, class_names?: any }} spec */
  static async load(spec) {
    const labels = new Uint8Array(await fetchBytes(spec.labels));
    const digits = new Digits(labels, spec.own?.class_names ?? spec.class_names);
    const wanted = [spec.images, spec.mean].filter(Boolean).map(fetchBytes);
    digits.arrived = Promise.all(wanted).then(([bytes, mean]) => {
      digits.images = new Uint8Array(bytes);
      digits.pixels = digits.images.length / digits.labels.length;
      if (mean) digits.mean = new Float32Array(mean); // own images are held against the digits'
      else digits.#mean();
    });
    return digits;
  }

  #mean() {
    this.mean = new Float32Array(this.pixels);
    for (let i = 0; i < this.images.length; i++) this.mean[i % this.pixels] += this.images[i];
    for (let p = 0; p < this.pixels; p++) this.mean[p] /= 255 * this.labels.length;
  }

  /**
   * Pixels in [0, 1] of digit `index`, or null before the images have come.
   * @param {number} index
   * @returns {Float32Array | null}
   */
  image(index) {
    if (!this.images) return null;
    const out = new Float32Array(this.pixels);
    const start = index * this.pixels;
    for (let p = 0; p < this.pixels; p++) out[p] = this.images[start + p] / 255;
    return out;
  }

  /**
   * The class of digit `index` in words.
   * @param {number} index
   * @returns {string}
   */
  name(index) {
    return this.names[this.labels[index]] ?? "–";
  }

  /**
   * @param {number} [label]
   * @param {() => number} choose
   */
  random(label, choose = Math.random) {
    const among = label === undefined ? null : this.byLabel[label];
    if (!among) return Math.floor(choose() * this.labels.length);
    return among[Math.floor(choose() * among.length)];
  }
}
