// Codes of several levels, each of which says what the one below it varies around: a posterior and a
// prior that go down the same way.

import { normal } from "./numbers.js";
import { logGaussian } from "./prior.js";

/**
 * A posterior: its means and deviations, and where these depend on what was drawn of other numbers,
 * `follow`, which says for standard normal noise (K,) what z is drawn, and from which Gaussians.
 * @typedef {{ mean: Float32Array, sigma: Float32Array | null,
 *   follow?: (noise: ArrayLike<number>) => Drawn }} Posterior
 *
 * @typedef {{ z: Float32Array, mean: Float32Array, sigma: Float32Array }} Drawn
 * @typedef {import("./prior.js").Heap} Heap
 * @typedef {import("./network.js").Layer & { widths: number[], log_var_range: number[],
 *   rises: import("./network.js").Layer[][], estimates: import("./network.js").Layer[][],
 *   descents: import("./network.js").Layer[][] }} LevelsLayer
 */

/**
 * The z that noise (K,) stands for under a posterior, with the Gaussians that it was drawn from.
 * @param {Posterior} posterior With deviations.
 * @param {ArrayLike<number>} noise
 * @returns {Drawn}
 */
export function drawnOf(posterior, noise) {
  if (posterior.follow) return posterior.follow(noise);
  const { mean, sigma } = posterior;
  return { z: mean.map((m, k) => m + sigma[k] * noise[k]), mean, sigma };
}

/**
 * KL(N(mean, sigma²) ‖ another Gaussian) of each dimension, in nats: (K,).
 * @param {Heap} heap
 * @param {Heap} other
 */
export function klBetween({ mean, sigma }, other) {
  return mean.map((m, k) => {
    const wide = other.sigma[k];
    return 0.5 * (((m - other.mean[k]) / wide) ** 2 + (sigma[k] / wide) ** 2 - 1)
      - Math.log(sigma[k] / wide);
  });
}

export class Levels {
  /**
   * @param {LevelsLayer} layer
   * @param {number} features
   * @param {(layers: import("./network.js").Layer[], inputs: number) =>
   *   { run(x: Float32Array): Float32Array, shape: number[] }} network
   */
  constructor(layer, features, network) {
    this.widths = layer.widths;
    this.range = layer.log_var_range;
    this.latent = layer.widths.reduce((a, b) => a + b, 0);
    /** Where each level begins in a code, and where the last one ends. */
    this.starts = layer.widths.reduce((all, width) => [...all, all.at(-1) + width], [0]);
    let size = features;
    this.rises = layer.rises.map((layers) => {
      const made = network(layers, size);
      [size] = made.shape;
      return made;
    });
    this.estimates = layer.estimates.map((layers, i) =>
      network(layers, i ? this.rises[i - 1].shape[0] : features));
    this.descents = layer.descents.map((layers, i) => network(layers, layer.widths[i + 1]));
    this.out = new Float32Array(2 * this.latent);
  }

  /**
   * A level's part of numbers (K,).
   * @param {Float32Array} z
   * @param {number} level
   */
  part(z, level) {
    return z.subarray(this.starts[level], this.starts[level + 1]);
  }

  #gaussian(answer) {
    const half = answer.length / 2, [low, high] = this.range;
    return {
      mean: answer.slice(0, half),
      sigma: answer.slice(half).map((v) => Math.exp(0.5 * Math.min(high, Math.max(low, v)))),
    };
  }

  /**
   * p of a level's numbers given those of the one above it, of which a code (K,) tells; of the top
   * one N(0, I).
   * @param {number} level
   * @param {Float32Array} z
   * @returns {Heap}
   */
  expected(level, z) {
    if (level === this.descents.length) {
      const mean = new Float32Array(this.widths[level]);
      return { mean, sigma: mean.map(() => 1) };
    }
    return this.#gaussian(this.descents[level].run(this.part(z, level + 1)));
  }

  /**
   * All levels from the top one down, each as `of` says it from what is expected of it: a code.
   * @param {(level: number, expected: Heap) => Heap} of
   * @param {ArrayLike<number>} noise (K,)
   * @returns {Drawn}
   */
  #down(of, noise) {
    const z = new Float32Array(this.latent);
    const mean = new Float32Array(this.latent), sigma = new Float32Array(this.latent);
    for (let level = this.widths.length - 1; level >= 0; level--) {
      const heap = of(level, this.expected(level, z));
      for (let i = 0, k = this.starts[level]; i < heap.mean.length; i++, k++) {
        mean[k] = heap.mean[i];
        sigma[k] = heap.sigma[i];
        z[k] = mean[k] + sigma[k] * noise[k];
      }
    }
    return { z, mean, sigma };
  }

  /**
   * A layer of a network: features of an image to the means of all levels and their log-variances,
   * each level given the mean of the one above it. What it saw stays, for `posterior`.
   * @param {Float32Array} features
   */
  run(features) {
    let now = features;
    this.seen = this.estimates.map((network, level) => {
      if (level) now = this.rises[level - 1].run(now);
      return this.#gaussian(network.run(now));
    });
    const { mean, sigma } = this.posterior();
    this.out.set(mean);
    this.out.set(sigma.map((one) => 2 * Math.log(one)), this.latent);
    return this.out;
  }

  /**
   * q(z|x) of the image that was seen last.
   * @returns {Posterior}
   */
  posterior() {
    const { seen } = this, top = this.widths.length - 1;
    const [low, high] = this.range.map((nats) => Math.exp(0.5 * nats));
    // Estimate and expectation say something of the same number: each counts by its precision.
    const both = (level, expected) => {
      const { mean, sigma } = seen[level];
      if (level === top) return seen[level];
      const share = mean.map((_, i) => 1 / (1 + (sigma[i] / expected.sigma[i]) ** 2));
      return {
        mean: mean.map((m, i) => expected.mean[i] + share[i] * (m - expected.mean[i])),
        sigma: sigma.map((one, i) => Math.min(high, Math.max(low, one * Math.sqrt(share[i])))),
      };
    };
    const { mean, sigma } = this.#down(both, new Float32Array(this.latent));
    return { mean, sigma, follow: (noise) => this.#down(both, noise) };
  }

  /**
   * The code that noise (K,) stands for under the prior.
   * @param {ArrayLike<number>} noise
   */
  ancestral(noise) {
    return this.#down((_, expected) => expected, noise).z;
  }

  /**
   * p of every number of a code given the level above its own: means and deviations, (K,).
   * @param {Float32Array} z
   * @returns {Heap}
   */
  given(z) {
    const mean = new Float32Array(this.latent), sigma = new Float32Array(this.latent);
    this.widths.forEach((_, level) => {
      const heap = this.expected(level, z);
      mean.set(heap.mean, this.starts[level]);
      sigma.set(heap.sigma, this.starts[level]);
    });
    return { mean, sigma };
  }

  /**
   * A code with some levels drawn anew from the prior, the others as they are, from the top down.
   * @param {Float32Array} z
   * @param {(level: number) => boolean} anew
   * @param {() => number} [choose] A source of uniform draws.
   */
  redraw(z, anew, choose = Math.random) {
    const noise = Float32Array.from({ length: this.latent }, () => normal(choose));
    return this.#down(
      (level, expected) => {
        if (anew(level)) return expected;
        const mean = this.part(z, level);
        return { mean, sigma: new Float32Array(mean.length) };
      },
      noise,
    ).z;
  }

  /**
   * A code whose levels below one follow it: each stays as many deviations from what is expected of
   * it as it was.
   * @param {Float32Array} from The code before.
   * @param {Float32Array} to The code after, as far as it is moved.
   * @param {number} moved The lowest level that is moved.
   */
  carry(from, to, moved) {
    const { mean, sigma } = this.given(from);
    const noise = from.map((value, k) => (value - mean[k]) / sigma[k]);
    return this.#down(
      (level, expected) => {
        if (level < moved) return expected;
        const kept = this.part(to, level);
        return { mean: kept, sigma: new Float32Array(kept.length) };
      },
      noise,
    ).z;
  }
}

/** p(z) of a code of several levels. */
export class LevelsPrior {
  /** @param {Levels} levels */
  constructor(levels) {
    this.levels = levels;
    this.heaps = []; // no Gaussian alone,
    this.images = []; // no images that it is made of,
    this.standard = false; // and a closed form for what is drawn of the levels above alone
  }

  /**
   * Codes drawn from the top level down: (count · K).
   * @param {number} count
   * @param {() => number} [choose] A source of uniform draws.
   */
  draw(count, choose = Math.random) {
    const { latent } = this.levels;
    const codes = new Float32Array(count * latent);
    const noise = new Float32Array(latent);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < latent; k++) noise[k] = normal(choose);
      codes.set(this.levels.ancestral(noise), i * latent);
    }
    return codes;
  }

  /**
   * log p(z) in nats.
   * @param {ArrayLike<number>} z
   */
  logDensity(z) {
    return logGaussian(z, this.levels.given(Float32Array.from(z)));
  }

  /**
   * KL(q ‖ p) of each dimension in nats, (K,), where z is what was drawn: exact for the top level,
   * for those below it given the draw of the level above.
   * @param {Float32Array} mean
   * @param {Float32Array} sigma
   * @param {Float32Array} [z]
   */
  klEach(mean, sigma, z = mean) {
    return klBetween({ mean, sigma }, this.levels.given(z));
  }

  /** How far sliders must reach at least: those of the top level three deviations. */
  reach() {
    const { latent, starts } = this.levels, top = starts.at(-2);
    const end = (k, far) => (k < top ? -far * Infinity : far * 3);
    return {
      low: Float32Array.from({ length: latent }, (_, k) => end(k, -1)),
      high: Float32Array.from({ length: latent }, (_, k) => end(k, 1)),
    };
  }
}
