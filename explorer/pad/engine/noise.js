// How images are corrupted, and networks that clean them.

import { fetchBytes } from "./fetching.js";
import { Network } from "./network.js";
import { normal, seeded } from "./numbers.js";
import { readTensors } from "./safetensors.js";

/**
 * One draw for each pixel.
 * @typedef {{ uniform: Float32Array, gauss: Float32Array }} Noise
 */

/**
 * The corruptions of core/measures/noise.py for one draw a pixel: `uniform` in [0, 1), `gauss` of
 * N(0, 1). A level scales the same noise, so pixels are taken one after the other as it grows.
 * @type {Record<string, (x: Float32Array, level: number, noise: Noise) => Float32Array>}
 */
export const CORRUPTIONS = {
  gaussian: (x, level, { gauss }) => x.map((value, i) => value + level * gauss[i]), // not clipped
  salt_and_pepper: (x, level, { uniform }) =>
    x.map((value, i) => (uniform[i] < level / 2 ? 0 : uniform[i] < level ? 1 : value)),
  masking: (x, level, { uniform }) => x.map((value, i) => (uniform[i] < level ? 0 : value)),
};

/**
 * A level that is a probability as a whole percentage.
 * @param {number} level
 */
export const percentage = (level) => Math.round(100 * level);

/**
 * Shares of the pixels that a level of a noise which replaces them has replaced: in all, by 0 and
 * by 1. They scatter about the level, which is a probability.
 * @param {string} kind
 * @param {number} level
 * @param {Noise} noise
 */
export function realised(kind, level, { uniform }) {
  const share = (below) => uniform.filter((draw) => draw < below).length / uniform.length;
  const all = share(level);
  const zeros = kind === "masking" ? all : share(level / 2);
  return { all, zeros, ones: all - zeros };
}

/**
 * @param {number} seed
 * @param {number} pixels
 * @returns {Noise}
 */
export function pattern(seed, pixels) {
  const choose = seeded(seed);
  const uniform = Float32Array.from({ length: pixels }, choose);
  return { uniform, gauss: Float32Array.from({ length: pixels }, () => normal(choose)) };
}

// A run of which only encoder and decoder are needed.
export class Cleaner {
  /**
   * @param {import("./run.js").NetworkSpec} spec
   * @param {ArrayBuffer} weights
   */
  constructor({ program }, weights) {
    const tensors = readTensors(weights);
    this.encoder = new Network(program.encoder, tensors, program.shape);
    this.decoder = new Network(program.decoder, tensors, [program.latent]);
  }

  /** @param {import("./run.js").NetworkSpec} spec */
  static async load(spec) {
    return new Cleaner(spec, await fetchBytes(spec.weights));
  }

  /**
   * Pixels to pixels, in a buffer that the next call reuses.
   * @param {Float32Array} x
   */
  answer(x) {
    return this.decoder.run(this.encoder.run(x));
  }
}
