// Strokes of a hand, brought into the frame of MNIST's digits.

import { clamp } from "./numbers.js";

/** @typedef {{ x: number, y: number, pressure: number }} Place */

export const SIDE = 28; // pixels, of the network's image
const BOX = 20; // pixels, longer side of the digit in it (LeCun et al., 1998)
const CENTRE = 14.5; // where its centre of mass goes: the middle of pixel 14

// Pixels, diameter of the pen there. Skeletons of 300 digits of mnist-5k give a stroke of 2.47
// pixels by the distance to its edge, and of 2.40 by its ink.
const PEN = 2.4;

const SMALLEST = 0.15; // a drawing smaller than this share of the canvas isn't enlarged further

/**
 * How much wider or narrower a pen draws at its pressure.
 * @param {{ pressure: number }} point
 */
export function width({ pressure }) {
  return 0.6 + 0.8 * pressure;
}

// Ink (784,) in [0, 1] of strokes, each a polyline of {x, y, pressure} in canvas shares: drawn
// straight at the final scale by a round pen, with each pixel's share of ink at the edges.
function ink(strokes, scale, left, top) {
  const pixels = new Float32Array(SIDE * SIDE);
  for (const stroke of strokes) {
    let from = null;
    stroke.forEach((point, i) => {
      const x = point.x * scale + left;
      const y = point.y * scale + top;
      const r = (PEN / 2) * width(point);
      const last = i === stroke.length - 1;
      if (from && !last && (x - from.x) ** 2 + (y - from.y) ** 2 < 0.04) return;
      from ??= { x, y, r };
      capsule(pixels, from.x, from.y, x, y, (from.r + r) / 2);
      from = { x, y, r };
    });
  }
  return pixels;
}

// All within r of the segment from (ax, ay) to (bx, by) is ink; of several strokes the most counts.
function capsule(pixels, ax, ay, bx, by, r) {
  const dx = bx - ax, dy = by - ay;
  const long = dx * dx + dy * dy;
  const reach = r + 0.5;
  const first = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const last = Math.min(SIDE - 1, Math.floor(Math.max(ax, bx) + reach));
  const low = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const high = Math.min(SIDE - 1, Math.floor(Math.max(ay, by) + reach));
  for (let row = low; row <= high; row++) {
    const py = row + 0.5 - ay;
    for (let column = first; column <= last; column++) {
      const px = column + 0.5 - ax;
      const along = long ? Math.min(1, Math.max(0, (px * dx + py * dy) / long)) : 0;
      const share = reach - Math.hypot(px - along * dx, py - along * dy);
      const at = row * SIDE + column;
      if (share > pixels[at]) pixels[at] = share < 1 ? share : 1;
    }
  }
}

/**
 * Strokes as MNIST would hold them: fitted with their proportions into a box of 20 × 20 pixels and
 * moved until the centre of mass is at the centre of 28 × 28, as far as the box stays inside.
 * @param {Place[][]} strokes
 */
export function centred(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Float32Array(SIDE * SIDE);
  let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const scale = (BOX - PEN) / Math.max(right - left, bottom - top, SMALLEST);
  const margin = [(SIDE - (right - left) * scale) / 2, (SIDE - (bottom - top) * scale) / 2];
  const middle = ink(strokes, scale, margin[0] - left * scale, margin[1] - top * scale);
  let mass = 0, across = 0, down = 0;
  for (let i = 0; i < middle.length; i++) {
    mass += middle[i];
    across += middle[i] * ((i % SIDE) + 0.5);
    down += middle[i] * (Math.floor(i / SIDE) + 0.5);
  }
  const [x, y] = [across / mass, down / mass].map((centre, axis) => {
    const room = margin[axis] - PEN / 2;
    return margin[axis] + clamp(CENTRE - centre, -room, room);
  });
  return ink(strokes, scale, x - left * scale, y - top * scale);
}
