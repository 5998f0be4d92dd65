// The prior p(z) of a run, as its program says it: what codes are drawn from, and what one costs.
// Nothing else in the browser knows which distribution that is.

import { GridPrior } from "./codebook.js";
import { klEach, logGaussian } from "./gaussians.js";
import { LevelsPrior } from "./levels.js";
import { normal } from "./numbers.js";

/**
 * @typedef {import("./gaussians.js").Heap} Heap
 *
 * `normal`, or `mixture` of the posteriors of pseudo-inputs, or `autoregressive` over a grid of
 * entries, or of `levels` as an encoder goes down, or `learned` by the model alone.
 * @typedef {{ kind: string, inputs?: string, layers?: import("./network.js").Layer[] }} PriorProgram
 */

export class Prior {
  /**
   * A mixture of diagonal Gaussians in equal parts.
   * @param {Heap[]} heaps One alone where the prior is a single Gaussian.
   * @param {boolean} standard Whether it is N(0, I), whose KL has a closed form by dimension.
   * @param {Float32Array[]} images What the heaps are the posteriors of, (pixels,) each, if anything.
   */
  constructor(heaps, standard, images = []) {
    this.heaps = heaps;
    this.standard = standard;
    this.images = images;
  }

  /**
   * Codes drawn from it: (count · K).
   * @param {number} count
   * @param {() => number} [choose] A source of uniform draws.
   */
  draw(count, choose = Math.random) {
    const latent = this.heaps[0].mean.length;
    const codes = new Float32Array(count * latent);
    for (let i = 0; i < count; i++) {
      const many = this.heaps.length > 1;
      const { mean, sigma } = this.heaps[many ? Math.floor(choose() * this.heaps.length) : 0];
      for (let k = 0; k < latent; k++) codes[i * latent + k] = mean[k] + sigma[k] * normal(choose);
    }
    return codes;
  }

  /**
   * log p(z) in nats.
   * @param {ArrayLike<number>} z
   */
  logDensity(z) {
    const each = this.heaps.map((heap) => logGaussian(z, heap));
    const most = Math.max(...each);
    return most + Math.log(each.reduce((sum, one) => sum + Math.exp(one - most), 0) / each.length);
  }

  /**
   * KL(q ‖ p) of each latent dimension in nats, (K,), where it falls into these; else null.
   * @param {Float32Array} mean
   * @param {ArrayLike<number>} sigma
   */
  klEach(mean, sigma) {
    return this.standard ? klEach(mean, sigma) : null;
  }

  /** How far a dimension's slider must reach at least: {low, high} (K,). */
  reach() {
    const latent = this.heaps[0].mean.length;
    const low = new Float32Array(latent).fill(Infinity);
    const high = new Float32Array(latent).fill(-Infinity);
    for (const { mean, sigma } of this.heaps) {
      for (let k = 0; k < latent; k++) {
        low[k] = Math.min(low[k], mean[k] - 3 * sigma[k]);
        high[k] = Math.max(high[k], mean[k] + 3 * sigma[k]);
      }
    }
    return { low, high };
  }
}

/**
 * What a code costs: the mean of log q(z|x) − log p(z) over draws of z, in nats.
 * @param {Prior} prior
 * @param {Heap} posterior q(z|x).
 * @param {number} count Draws.
 * @returns {{ mean: number, error: number }} With the mean's standard error.
 */
export function rateByDraws(prior, posterior, count) {
  const { mean, sigma } = posterior;
  let sum = 0, square = 0;
  for (let i = 0; i < count; i++) {
    const z = mean.map((mu, k) => mu + sigma[k] * normal());
    const nats = logGaussian(z, posterior) - prior.logDensity(z);
    sum += nats;
    square += nats * nats;
  }
  const middle = sum / count;
  const variance = Math.max(0, square / count - middle * middle);
  return { mean: middle, error: Math.sqrt(variance / (count - 1)) };
}

/**
 * The prior of a program; null where there is none, or where only the model itself can draw.
 * @param {PriorProgram | undefined} program
 * @param {number} latent
 * @param {Record<string, import("./safetensors.js").Tensor>} tensors
 * @param {(x: Float32Array) => Heap} encode
 * @param {import("./codebook.js").Book | null} [book] That a code is made of.
 * @param {import("./levels.js").Levels | null} [levels] Of the code.
 * @returns {Prior | GridPrior | LevelsPrior | null}
 */
export function priorOf(program, latent, tensors, encode, book = null, levels = null) {
  if (program?.kind === "levels") return new LevelsPrior(levels);
  if (program?.kind === "autoregressive") return new GridPrior(program.layers, tensors, book);
  if (program?.kind === "normal") {
    const zero = new Float32Array(latent);
    return new Prior([{ mean: zero, sigma: zero.map(() => 1) }], true);
  }
  if (program?.kind === "mixture") {
    const { data, shape } = tensors[program.inputs];
    const size = data.length / shape[0];
    const images = Array.from({ length: shape[0] }, (_, i) => Float32Array.from(
      { length: size }, (_, p) => Math.min(1, Math.max(0, data[i * size + p]))));
    return new Prior(images.map(encode), false, images);
  }
  return null;
}
