// What says which digit an image would be called.

import { fetchBytes } from "./fetching.js";
import { Network } from "./network.js";
import { readTensors } from "./safetensors.js";

// Says which digit an image would be called, and whether with confidence.
/**
 * What the server says of the classifier; shares are of pictures that it calls a digit.
 * @typedef {object} Judge
 * @property {string} [weights]
 * @property {{ layers: import("./network.js").Layer[], shape: number[] }} program
 * @property {number} threshold
 * @property {number} [accuracy]
 * @property {number} [share_real]
 * @property {Record<string, number>} [shares]
 */

export class Classifier {
  /**
   * @param {Judge} spec
   * @param {ArrayBuffer} weights
   */
  constructor(spec, weights) {
    this.spec = spec;
    this.network = new Network(spec.program.layers, readTensors(weights), spec.program.shape);
  }

  static async load(spec) {
    return new Classifier(spec, await fetchBytes(spec.weights));
  }

  /**
   * Image (pixels,) to {label, confidence, sure}: the likeliest class and its probability.
   * @param {ArrayLike<number>} image
   */
  judge(image) {
    const logits = this.network.run(Float32Array.from(image, (v) => Math.min(1, Math.max(0, v))));
    let label = 0;
    for (let c = 1; c < logits.length; c++) if (logits[c] > logits[label]) label = c;
    const confidence = 1 / logits.reduce((sum, v) => sum + Math.exp(v - logits[label]), 0);
    return { label, confidence, sure: confidence >= this.spec.threshold };
  }
}
