// Variational inference where the answer is known: posteriors of one or two numbers, most of them
// without a closed form, by numerical integration; a normal q beside them, and how it is improved.

import { clamp, normal } from "./numbers.js";

const REACH = 6; // to which z is integrated over: beyond, the prior has 2e-9 of its mass
const FINE = { 1: 4001, 2: 301 }; // places each way of that integral
const RULE = { 1: 121, 2: 41 }; // and of integrals over q, within 6 deviations of its mean
const LOG_TAU = Math.log(2 * Math.PI);

/** What q may be: its means and deviations, and how far its two numbers go together. */
export const BOUNDS = { mean: 3, least: 0.15, most: 1.5, correlation: 0.9 };

/**
 * A q: `mean` and `deviation` of each number, and their `correlation` (0 where there is one number).
 * @typedef {{ mean: number[], deviation: number[], correlation: number }} Normal
 *
 * How x comes of z, whose prior is N(0, I): `log` is log p(x|z) of the x that was seen, `slope` its
 * slope by each number of z.
 * @typedef {{ dimensions: number, log: (z: number[]) => number, slope: (z: number[]) => number[] }} Case
 */

/**
 * x is `of(z)` with N(0, deviation²) added.
 * @param {number} dimensions
 * @param {{ x: number, deviation: number, of: (z: number[]) => number,
 *   by: (z: number[]) => number[] }} given `by` is the slope of `of`.
 * @returns {Case}
 */
function noisy(dimensions, { x, deviation, of, by }) {
  const shift = -Math.log(deviation) - 0.5 * LOG_TAU;
  return {
    dimensions,
    log: (z) => shift - 0.5 * ((x - of(z)) / deviation) ** 2,
    slope: (z) => by(z).map((v) => (v * (x - of(z))) / deviation ** 2),
  };
}

const STEEP = 5; // of the sigmoid by which x comes out 1

/** @type {Record<string, Case>} */
export const CASES = {
  humps: noisy(1, { x: 1.5, deviation: 0.5, of: ([z]) => z * z, by: ([z]) => [2 * z] }),
  skewed: {
    dimensions: 1,
    log: ([z]) => -Math.log1p(Math.exp(-STEEP * z)),
    slope: ([z]) => [STEEP / (1 + Math.exp(STEEP * z))],
  },
  ridge: noisy(2, {
    x: 1, deviation: 0.35, of: ([a, b]) => b + 0.6 * (a + 1) ** 2, by: ([a]) => [1.2 * (a + 1), 1],
  }),
  tilted: noisy(2, { x: 1, deviation: 0.4, of: ([a, b]) => a + b, by: () => [1, 1] }),
  product: noisy(2, { x: 1.2, deviation: 0.4, of: ([a, b]) => a * b, by: ([a, b]) => [b, a] }),
};

/**
 * log p(x, z): the case's own and the prior's.
 * @param {Case} of
 * @param {number[]} z
 */
export function joint(of, z) {
  return of.log(z) - z.reduce((sum, v) => sum + 0.5 * (v * v + LOG_TAU), 0);
}

/**
 * log p(x) = log ∫ p(x, z) dz, by the trapezoidal rule.
 * @param {Case} of
 */
export function evidence(of) {
  const count = FINE[of.dimensions], step = (2 * REACH) / (count - 1);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const first = i * step - REACH;
    if (of.dimensions === 1) sum += Math.exp(joint(of, [first]));
    else for (let j = 0; j < count; j++) sum += Math.exp(joint(of, [first, j * step - REACH]));
  }
  return Math.log(sum) + of.dimensions * Math.log(step);
}

/**
 * log q(z).
 * @param {Normal} q
 * @param {number[]} z
 */
export function logDensity({ mean, deviation, correlation }, z) {
  const [u, v = 0] = z.map((one, c) => (one - mean[c]) / deviation[c]);
  const left = 1 - correlation ** 2;
  const shift = deviation.reduce((sum, one) => sum + Math.log(one) + 0.5 * LOG_TAU, 0.5 * Math.log(left));
  return -0.5 * ((u * u - 2 * correlation * u * v + v * v) / left) - shift;
}

/**
 * The z that standard normal numbers stand for under q.
 * @param {Normal} q
 * @param {number[]} noise
 */
export function placed({ mean, deviation, correlation }, [first, second]) {
  const z = [mean[0] + deviation[0] * first];
  if (mean.length > 1) {
    const across = correlation * first + Math.sqrt(1 - correlation ** 2) * second;
    z.push(mean[1] + deviation[1] * across);
  }
  return z;
}

// Calls `add(share, noise)` for standard normal numbers that stand for all, with their shares.
function overNoise(dimensions, add) {
  const count = RULE[dimensions], step = (2 * REACH) / (count - 1);
  const share = (e) => (step * Math.exp(-0.5 * e * e)) / Math.sqrt(2 * Math.PI);
  for (let i = 0; i < count; i++) {
    const first = i * step - REACH;
    if (dimensions === 1) add(share(first), [first]);
    else {
      for (let j = 0; j < count; j++) {
        const second = j * step - REACH;
        add(share(first) * share(second), [first, second]);
      }
    }
  }
}

/**
 * The ELBO of q in nats: E_q[log p(x, z)] and q's entropy.
 * @param {Case} of
 * @param {Normal} q
 */
export function elbo(of, q) {
  const { dimensions } = of;
  let sum = 0;
  overNoise(dimensions, (share, noise) => (sum += share * joint(of, placed(q, noise))));
  return sum + entropy(q);
}

/**
 * q's entropy in nats.
 * @param {Normal} q
 */
export function entropy({ deviation, correlation }) {
  return deviation.reduce((sum, one) => sum + Math.log(one) + 0.5 * (1 + LOG_TAU),
    0.5 * Math.log(1 - correlation ** 2));
}

/**
 * KL(q || p(z|x)) in nats, over a lattice of z itself: not what is missing in the ELBO, but the
 * integral that defines it.
 * @param {Case} of
 * @param {Normal} q
 * @param {number} logEvidence log p(x).
 */
export function divergence(of, q, logEvidence) {
  const { dimensions } = of;
  const count = RULE[dimensions], step = (2 * REACH) / (count - 1);
  let sum = 0;
  const add = (z) => {
    const log = logDensity(q, z);
    sum += Math.exp(log) * (log - (joint(of, z) - logEvidence));
  };
  const at = (c, i) => q.mean[c] + q.deviation[c] * (i * step - REACH);
  for (let i = 0; i < count; i++) {
    if (dimensions === 1) add([at(0, i)]);
    else for (let j = 0; j < count; j++) add([at(0, i), at(1, j)]);
  }
  return sum * q.deviation.reduce((product, one) => product * one * step, 1);
}

// --- Its gradient: by each mean, by the logarithm of each deviation, and by artanh of the
// correlation, in this order; the last only where q is `full` and has two numbers.

// What one draw says of the gradient by reparameterisation: the slope of log p(x, z) at z, by what z
// is made of, and the entropy's slope, which is known.
function byPlace(of, q, noise, full) {
  const { deviation, correlation } = q;
  const z = placed(q, noise);
  const slope = of.slope(z).map((v, c) => v - z[c]);
  const found = [...slope, ...slope.map((v, c) => v * (z[c] - q.mean[c]) + 1)];
  if (full && z.length > 1) {
    const left = 1 - correlation ** 2;
    const move = left * noise[0] - correlation * Math.sqrt(left) * noise[1];
    found.push(slope[1] * deviation[1] * move - correlation);
  }
  return found;
}

// What one draw says by the score function: log p(x, z) − log q(z), times the slope of log q.
function byScore(of, q, noise, full) {
  const { mean, deviation, correlation } = q;
  const z = placed(q, noise);
  const [u, v = 0] = z.map((one, c) => (one - mean[c]) / deviation[c]);
  const left = 1 - correlation ** 2;
  const pulls = [(u - correlation * v) / left, (v - correlation * u) / left].slice(0, z.length);
  const score = [...pulls.map((pull, c) => pull / deviation[c]),
    ...pulls.map((pull, c) => pull * [u, v][c] - 1)];
  if (full && z.length > 1) {
    const square = (u * u - 2 * correlation * u * v + v * v) / left;
    score.push(correlation + u * v - correlation * square);
  }
  const weight = joint(of, z) - logDensity(q, z);
  return score.map((one) => weight * one);
}

export const WAYS = { place: byPlace, score: byScore };

/**
 * The gradient of the ELBO itself, by numerical integration.
 * @param {Case} of
 * @param {Normal} q
 * @param {boolean} full
 */
export function gradient(of, q, full) {
  /** @type {number[]} */
  let sum = [];
  overNoise(of.dimensions, (share, noise) => {
    const one = byPlace(of, q, noise, full);
    if (!sum.length) sum = one.map(() => 0);
    one.forEach((value, i) => (sum[i] += share * value));
  });
  return sum;
}

/**
 * An estimate of the gradient: the mean over some draws of z from q, and the draws.
 * @param {Case} of
 * @param {Normal} q
 * @param {{ way: string, full: boolean, draws: number, choose: () => number }} how `way` is one of
 *   `WAYS`, `choose` a source of uniform draws.
 */
export function estimate(of, q, { way, full, draws, choose }) {
  const places = [];
  /** @type {number[]} */
  let sum = [];
  for (let i = 0; i < draws; i++) {
    const noise = Array.from({ length: of.dimensions }, () => normal(choose));
    const one = WAYS[way](of, q, noise, full);
    sum = sum.length ? sum.map((value, c) => value + one[c]) : one;
    places.push(placed(q, noise));
  }
  return { gradient: sum.map((value) => value / draws), places };
}

/**
 * q after a step up a gradient, within its bounds.
 * @param {Normal} q
 * @param {number[]} slope
 * @param {number} length By which the gradient is multiplied.
 * @returns {Normal}
 */
export function stepped(q, slope, length) {
  const n = q.mean.length;
  const turned = Math.atanh(q.correlation) + length * (slope[2 * n] ?? 0);
  return within({
    mean: q.mean.map((value, c) => value + length * slope[c]),
    deviation: q.deviation.map((value, c) => value * Math.exp(clamp(length * slope[n + c], -1, 1))),
    correlation: Math.tanh(turned),
  });
}

/**
 * The nearest q within the bounds.
 * @param {Normal} q
 * @returns {Normal}
 */
export function within({ mean, deviation, correlation }) {
  return {
    mean: mean.map((value) => clamp(value, -BOUNDS.mean, BOUNDS.mean)),
    deviation: deviation.map((value) => clamp(value, BOUNDS.least, BOUNDS.most)),
    correlation: clamp(correlation, -BOUNDS.correlation, BOUNDS.correlation),
  };
}
