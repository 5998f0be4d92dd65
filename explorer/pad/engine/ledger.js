// What one digit costs under a VAE, in nats: its reconstruction, and the KL of each dimension.
// Sums over pixels and dimensions; one digit, so nothing is averaged but the draws of z.

import { normal, seeded } from "./numbers.js";
import { drawnOf, logGaussian } from "./gaussians.js";

/** @typedef {{ kind?: string, sigma?: number }} Likelihood */

export const DRAWS = 8;

/**
 * Standard normal draws (count,), always the same ones, so that a number moves because of the knob
 * and not by chance (Box and Muller, 1958).
 * @param {number} count
 * @param {number} seed
 */
export function fixedNormals(count, seed = 1) {
  const choose = seeded(seed);
  return Float32Array.from({ length: count }, () => normal(choose));
}

/**
 * Cross-entropy of pixels in [0, 1] under Bernoulli(sigmoid(logits)): nats, summed over pixels.
 * @param {ArrayLike<number>} logits
 * @param {ArrayLike<number>} x
 */
export function bernoulliNll(logits, x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const t = logits[i];
    sum += (t > 0 ? t + Math.log1p(Math.exp(-t)) : Math.log1p(Math.exp(t))) - x[i] * t;
  }
  return sum;
}

/**
 * Negative log-density of pixels under N(mean, deviation²): nats, summed over pixels. It may be
 * negative, as a density may be above 1.
 * @param {ArrayLike<number>} mean
 * @param {ArrayLike<number>} x
 * @param {number} deviation
 */
export function gaussianNll(mean, x, deviation) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - mean[i]) ** 2;
  return sum / (2 * deviation ** 2) + x.length * (Math.log(deviation) + 0.5 * Math.log(2 * Math.PI));
}

/**
 * Entropy in nats of pixels read as probabilities: no Bernoulli model's cross-entropy is below it.
 * @param {ArrayLike<number>} x
 */
export function bernoulliFloor(x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const p = x[i];
    if (p > 0 && p < 1) sum -= p * Math.log(p) + (1 - p) * Math.log(1 - p);
  }
  return sum;
}

/**
 * The two parts of the mean KL of N posteriors, in nats (Hoffman & Johnson, 2016): the information
 * I(x; z) ≤ log N that z carries of which image it is, and the distance KL(q(z) ‖ p) of all codes
 * together from the prior. `posteriors` are {mean, sigma}; one fixed draw of z for each.
 * @param {{ mean: Float32Array, sigma: Float32Array }[]} posteriors
 * @param {import("./prior.js").Prior} prior
 */
export function surgery(posteriors, prior) {
  const count = posteriors.length;
  const size = posteriors[0].mean.length;
  const noise = fixedNormals(count * size, 2);
  const constant = 0.5 * size * Math.log(2 * Math.PI);
  const logScales = posteriors.map(({ sigma }) =>
    sigma.reduce((sum, s) => sum + Math.log(s), constant));
  const each = new Float64Array(count);
  let rate = 0, information = 0, marginal = 0;
  for (let i = 0; i < count; i++) {
    const { mean, sigma } = posteriors[i];
    const z = mean.map((m, k) => m + sigma[k] * noise[i * size + k]);
    const logPrior = prior.logDensity(z);
    rate += prior.klEach(mean, sigma)?.reduce((a, b) => a + b, 0)
      ?? logGaussian(z, { mean, sigma }) - logPrior;
    let most = -Infinity;
    for (let j = 0; j < count; j++) {
      const other = posteriors[j];
      let log = -logScales[j];
      for (let k = 0; k < size; k++) log -= 0.5 * ((z[k] - other.mean[k]) / other.sigma[k]) ** 2;
      each[j] = log;
      if (log > most) most = log;
    }
    let sum = 0;
    for (let j = 0; j < count; j++) sum += Math.exp(each[j] - most);
    const all = most + Math.log(sum / count);
    information += each[i] - all;
    marginal += all - logPrior;
  }
  return { rate: rate / count, information: information / count, marginal: marginal / count };
}

let normals = new Float32Array(0);

/**
 * The ledger of image x under a run with a posterior and a prior, the run's knob wherever it
 * stands. `kl` are the parts of the rate: one for each dimension, or, where it doesn't fall into
 * these, one alone, from the same draws as the reconstruction.
 * @param {import("./run.js").Run} run
 * @param {Float32Array} x
 * @param {number} draws
 */
export function ledger(run, x, draws = DRAWS) {
  const posterior = run.encode(x);
  const { likelihood, prior, latent } = run;
  if (normals.length < draws * run.latent) normals = fixedNormals(draws * run.latent);
  let sum = 0, squares = 0;
  /** @type {Float32Array | null} */
  let kl = null;
  for (let draw = 0; draw < draws; draw++) {
    const noise = normals.subarray(draw * latent, (draw + 1) * latent);
    const { z, mean, sigma } = drawnOf(posterior, noise);
    const out = run.decoder.logits(z);
    const nll = likelihood.kind === "bernoulli"
      ? bernoulliNll(out, x)
      : gaussianNll(out, x, likelihood.sigma);
    sum += nll;
    squares += nll * nll;
    const parts = prior.klEach(mean, sigma, z) ??
      Float32Array.of(logGaussian(z, { mean, sigma }) - prior.logDensity(z));
    kl = kl ? kl.map((nats, i) => nats + parts[i] / draws) : parts.map((nats) => nats / draws);
  }
  const reconstruction = sum / draws;
  const variance = Math.max(0, squares / draws - reconstruction ** 2) * (draws / (draws - 1));
  return {
    reconstruction,
    spread: Math.sqrt(variance / draws), // standard error of the mean of the draws
    kl,
    rate: kl.reduce((a, b) => a + b, 0),
  };
}

/**
 * The β that gives the same trade where the reconstruction is a mean over pixels and the KL is
 * `summed`, or `averaged` over its dimensions too.
 * @param {number} beta Before the KL of a sum over pixels.
 * @param {number} pixels
 * @param {number} latent
 */
export function effectiveBeta(beta, pixels, latent) {
  return { summed: beta / pixels, averaged: (beta * latent) / pixels };
}

/**
 * The bound of k draws, E log (1/k) Σ exp(weight), from log weights in groups of k: the groups'
 * mean, its standard error, and the groups' own standard deviation (Burda et al., 2015).
 * @param {number[]} weights At least two groups.
 * @param {number} k
 */
export function bound(weights, k) {
  const groups = Math.floor(weights.length / k);
  const each = Array.from({ length: groups }, (_, g) => {
    const group = weights.slice(g * k, (g + 1) * k);
    const most = Math.max(...group);
    return most + Math.log(group.reduce((all, w) => all + Math.exp(w - most), 0) / k);
  });
  const mean = each.reduce((a, b) => a + b, 0) / groups;
  const squares = each.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  const spread = Math.sqrt(squares / (groups - 1));
  return { mean, error: spread / Math.sqrt(groups), spread };
}
