// The 2-D toy's density and the best answer that there is to a corrupted point.

import { clamp } from "./numbers.js";

// Round Gaussians of equal weight: the density of core/data/toys.py, convolved with N(0, σ²).
export class Mixture {
  /** @param {{ means: number[][], width: number }} density */
  constructor({ means, width }) {
    this.means = means;
    this.width = width;
    this.shares = new Float64Array(means.length);
  }

  /**
   * Whether corrupted points fall here at all: within three standard deviations of a Gaussian.
   * @param {number[]} point
   * @param {number} sigma
   */
  isNear([x, y], sigma) {
    const reach = 9 * (this.width ** 2 + sigma ** 2);
    return this.means.some(([a, b]) => (x - a) ** 2 + (y - b) ** 2 < reach);
  }

  /**
   * σ²∇log p_σ at a point: where the least squared error sends it, less the point itself.
   * @param {number[]} point
   * @param {number} sigma
   */
  arrow([x, y], sigma) {
    const variance = this.width ** 2 + sigma ** 2;
    let most = -Infinity;
    for (let i = 0; i < this.means.length; i++) {
      const [a, b] = this.means[i];
      this.shares[i] = -((x - a) ** 2 + (y - b) ** 2) / (2 * variance);
      most = Math.max(most, this.shares[i]);
    }
    let total = 0, toX = 0, toY = 0;
    for (let i = 0; i < this.means.length; i++) {
      const share = Math.exp(this.shares[i] - most);
      total += share;
      toX += share * this.means[i][0];
      toY += share * this.means[i][1];
    }
    const pull = sigma ** 2 / variance;
    return [pull * (toX / total - x), pull * (toY / total - y)];
  }
}

/**
 * `cosine` between two fields of arrows, each one long vector, and the mean `angle` in degrees,
 * weighed by the length of the best arrow: `agreement` of core/data/toys.py.
 * @param {number[][]} field
 * @param {number[][]} best
 */
export function agreement(field, best) {
  let both = 0, ours = 0, theirs = 0, angles = 0, weights = 0;
  field.forEach(([x, y], i) => {
    const [a, b] = best[i];
    const length = Math.hypot(a, b);
    const product = x * a + y * b;
    both += product;
    ours += x * x + y * y;
    theirs += a * a + b * b;
    const cosine = clamp(product / Math.max(1e-12, length * Math.hypot(x, y)), -1, 1);
    angles += (length * Math.acos(cosine) * 180) / Math.PI;
    weights += length;
  });
  return { cosine: both / Math.sqrt(ours * theirs), angle: angles / weights };
}
