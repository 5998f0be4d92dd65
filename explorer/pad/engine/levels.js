// Codes of several levels, each of which says what the one below it varies around: a posterior and a
// prior that go down the same way.

import { klBetween, logGaussian } from "./gaussians.js";
import { normal } from "./numbers.js";

/**
 * @typedef {import("./gaussians.js").Heap} Heap
 * @typedef {import("./network.js").Layer & { widths: number[], log_var_range: number[],
 *   rises: import("./network.js").Layer[][], estimates: import("./network.js").Layer[][],
 *   descents: import("./network.js").Layer[][] }} LevelsLayer
 */

/**
 * A code with one number moved by hand, and with it what follows.
 * @param {Pick<import("./run.js").Run, "levels">} run
 * @param {Float32Array} z
 * @param {number} k
 * @param {number} value
 */
export function withNumber(run, z, k, value) {
  return moved(run, z, z.map((own, i) => (i === k ? value : own)));
}

/**
 * Where a hand moved a code to, with what follows.
 * @param {Pick<import("./run.js").Run, "levels">} run
 * @param {Float32Array} from
 * @param {Float32Array} to
 */
export function moved({ levels }, from, to) {
  return levels?.follows ? levels.carried(from, to) : to;
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
    this.follows = true; // whether levels below one that a hand moves follow it
  }

  /**
   * The level that a number of a code belongs to: 0 is the lowest.
   * @param {number} k
   */
  levelOf(k) {
    return this.widths.findIndex((_, level) => k < this.starts[level + 1]);
  }

  /** The numbers of a code, those of the top level first. */
  downwards() {
    return this.widths.flatMap((_, i) => {
      const level = this.widths.length - 1 - i;
      return Array.from({ length: this.widths[level] }, (__, n) => this.starts[level] + n);
    });
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
   * All levels from the top one down: a code, and the Gaussians of its numbers.
   * @param {(level: number, expected: Heap) => Heap} of A level's Gaussians, where this is expected.
   * @param {(k: number, mean: number, sigma: number) => number} place A number under its Gaussian.
   * @returns {import("./gaussians.js").Drawn}
   */
  #down(of, place) {
    const z = new Float32Array(this.latent);
    const mean = new Float32Array(this.latent), sigma = new Float32Array(this.latent);
    for (let level = this.widths.length - 1; level >= 0; level--) {
      const heap = of(level, this.expected(level, z));
      for (let i = 0, k = this.starts[level]; i < heap.mean.length; i++, k++) {
        mean[k] = heap.mean[i];
        sigma[k] = heap.sigma[i];
        z[k] = place(k, mean[k], sigma[k]);
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
   * @returns {import("./gaussians.js").Posterior}
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
    return {
      ...this.#down(both, (_, mean) => mean),
      follow: (noise) => this.#down(both, (k, mean, sigma) => mean + sigma * noise[k]),
      under: (z) => this.#down(both, (k) => z[k]),
    };
  }

  /**
   * p of every number of a code given the level above its own: means and deviations, (K,).
   * @param {ArrayLike<number>} z
   * @returns {Heap}
   */
  given(z) {
    return this.#down(asExpected, (k) => z[k]);
  }

  /**
   * A code with some levels drawn anew from the prior, from the top one down; the others stay.
   * @param {ArrayLike<number>} z
   * @param {(k: number) => boolean} anew
   * @param {() => number} [choose] A source of uniform draws.
   */
  redraw(z, anew, choose = Math.random) {
    const noise = Float32Array.from({ length: this.latent }, () => normal(choose));
    return this.#down(asExpected, (k, mean, sigma) =>
      anew(k) ? mean + sigma * noise[k] : z[k]).z;
  }

  /**
   * Where a hand moved a code to, with the levels below that which it moved following: each number
   * stays as many deviations from what is expected of it as it was.
   * @param {Float32Array} from
   * @param {Float32Array} to
   */
  carried(from, to) {
    const first = from.findIndex((value, k) => value !== to[k]);
    const moved = first < 0 ? 0 : this.starts[this.levelOf(first)];
    const { mean: was, sigma: wide } = this.given(from);
    return this.#down(asExpected, (k, mean, sigma) =>
      k < moved ? mean + (sigma * (from[k] - was[k])) / wide[k] : to[k]).z;
  }
}

const asExpected = (/** @type {number} */ _, /** @type {Heap} */ expected) => expected;

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
    for (let i = 0; i < count; i++) {
      codes.set(this.levels.redraw(codes, () => true, choose), i * latent);
    }
    return codes;
  }

  /**
   * log p(z) in nats.
   * @param {ArrayLike<number>} z
   */
  logDensity(z) {
    return logGaussian(z, this.levels.given(z));
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
    const ends = (lower, upper) =>
      Float32Array.from({ length: latent }, (_, k) => (k < top ? lower : upper));
    return { low: ends(Infinity, -3), high: ends(-Infinity, 3) };
  }
}
