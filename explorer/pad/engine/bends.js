// Toy data near a bent line in the plane or a bent sheet in space, drawn by a seed.

import { normal, seeded } from "./numbers.js";

const SPREAD = 0.03; // standard deviation of a point about its line or sheet, in each coordinate

/**
 * `dimensions` that a point has, how many points there are, and `at(t, v)`: the line's or sheet's own
 * place, t and v from 0 to 1; a line has no v.
 * @typedef {{ dimensions: number, count: number, at: (t: number, v: number) => number[] }} Bend
 */

/** @type {Record<string, Bend>} */
export const BENDS = {
  arc: {
    dimensions: 2, count: 120,
    at: (t) => [0.9 * Math.cos(Math.PI * t), 1.1 * Math.sin(Math.PI * t) - 0.6],
  },
  wave: {
    dimensions: 2, count: 120,
    at: (t) => [0.6 * Math.sin(2 * Math.PI * t), 1.7 * (t - 0.5)],
  },
  spiral: {
    dimensions: 2, count: 160,
    at: (t) => {
      const angle = Math.PI * (0.5 + 2.4 * t), far = 0.2 + 0.7 * t;
      return [far * Math.cos(angle), far * Math.sin(angle)];
    },
  },
  saddle: {
    dimensions: 3, count: 256,
    at: (t, v) => {
      const x = 1.7 * (t - 0.5), y = 1.7 * (v - 0.5);
      return [x, y, 0.85 * (x * x - y * y)];
    },
  },
  roll: {
    dimensions: 3, count: 256,
    at: (t, v) => {
      const angle = Math.PI * (0.3 + 1.5 * t), far = 0.3 + 0.55 * t;
      return [far * Math.cos(angle), 1.5 * (v - 0.5), far * Math.sin(angle)];
    },
  },
};

/**
 * Points about a bend, in the order of its t: (count, dimensions), the same for the same seed. t is
 * drawn evenly, one from each of `count` equal parts.
 * @param {Bend} bend
 * @param {number} seed
 */
export function pointsOf({ dimensions, count, at }, seed) {
  const choose = seeded(seed);
  return Array.from({ length: count }, (_, i) => {
    const place = at((i + choose()) / count, choose());
    return Array.from({ length: dimensions }, (_, c) => place[c] + SPREAD * normal(choose));
  });
}
