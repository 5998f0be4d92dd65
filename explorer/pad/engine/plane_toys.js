// Toy data in the plane, of about unit variance: what a flow is to turn into a cloud.

import { normal } from "./numbers.js";

/**
 * Draws one point from uniform draws: its place and its group, of which there are few.
 * @type {Record<string, (choose: () => number) => { place: [number, number], group: number }>}
 */
export const TOYS = {
  moons: (choose) => {
    const group = choose() < 0.5 ? 0 : 1, angle = Math.PI * choose(), sign = group ? -1 : 1;
    const x = sign * (Math.cos(angle) - 0.5), y = sign * (Math.sin(angle) - 0.25);
    return { place: [1.15 * x + 0.09 * normal(choose), 1.9 * y + 0.09 * normal(choose)], group };
  },
  rings: (choose) => {
    const group = choose() < 1 / 3 ? 0 : 1, angle = 2 * Math.PI * choose();
    const far = (group ? 1.75 : 0.6) + 0.09 * normal(choose);
    return { place: [far * Math.cos(angle), far * Math.sin(angle)], group };
  },
  spiral: (choose) => {
    const t = Math.sqrt(choose()), angle = 3.4 * Math.PI * t, far = 0.15 + 2.1 * t;
    const place = /** @type {[number, number]} */ (
      [far * Math.cos(angle) + 0.07 * normal(choose), far * Math.sin(angle) + 0.07 * normal(choose)]);
    return { place, group: Math.min(2, Math.floor(3 * t * t)) };
  },
  board: (choose) => {
    const column = Math.floor(4 * choose()), row = 2 * Math.floor(2 * choose()) + (column % 2);
    const place = /** @type {[number, number]} */ ([column - 2 + choose(), row - 2 + choose()]);
    return { place, group: column };
  },
};

/**
 * Points of a toy and the group of each.
 * @param {string} name
 * @param {number} count
 * @param {() => number} choose A source of uniform draws.
 */
export function drawToy(name, count, choose) {
  const drawn = Array.from({ length: count }, () => TOYS[name](choose));
  return { points: drawn.map(({ place }) => place), groups: drawn.map(({ group }) => group) };
}
