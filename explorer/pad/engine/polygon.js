// Closed paths on a map: which points lie inside, and how a path is written in a link.

export const MOST = 40; // corners that a finished path keeps
export const FURTHEST = 1e4; // of a coordinate in a link

/**
 * Which of the points (x, y, x, y, …) lie inside a closed path [[x, y], …]: ones in a Uint8Array
 * (count,). Even-odd rule: a ray to the right crosses the path an odd number of times.
 * @param {ArrayLike<number>} points
 * @param {number[][] | null} polygon
 */
export function inside(points, polygon) {
  const found = new Uint8Array(points.length / 2);
  if (!polygon || polygon.length < 3) return found;
  let left = Infinity, right = -Infinity, bottom = Infinity, top = -Infinity;
  for (const [x, y] of polygon) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    bottom = Math.min(bottom, y);
    top = Math.max(top, y);
  }
  for (let i = 0; i < found.length; i++) {
    const x = points[2 * i], y = points[2 * i + 1];
    if (x < left || x > right || y < bottom || y > top) continue;
    let odd = 0;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [xa, ya] = polygon[a], [xb, yb] = polygon[b];
      if (ya > y !== yb > y && x < xa + ((y - ya) / (yb - ya)) * (xb - xa)) odd ^= 1;
    }
    found[i] = odd;
  }
  return found;
}

/**
 * A path as text for a link: x,y,x,y,… to four digits; a box as two opposite corners.
 * @param {number[][]} polygon
 */
export function toText(polygon) {
  const box = corners(polygon);
  return (box ?? polygon.flat()).map((value) => Number(value.toPrecision(4))).join(",");
}

/**
 * The path that a text stands for, or null where it stands for none.
 * @param {string | null} text
 * @returns {number[][] | null}
 */
export function fromText(text) {
  const numbers = String(text ?? "").split(",")
    .map((part) => (part.trim() === "" ? NaN : Number(part)));
  const count = numbers.length;
  const good = count % 2 === 0 && count >= 4 && count <= 2 * MOST &&
    numbers.every((value) => Math.abs(value) <= FURTHEST);
  if (!good) return null;
  if (count === 4) return box(numbers[0], numbers[1], numbers[2], numbers[3]);
  return Array.from({ length: count / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}

/**
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
export function box(x0, y0, x1, y1) {
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

// The two corners that make a box of this path, or null where it is none.
function corners(polygon) {
  if (polygon.length !== 4) return null;
  const [[x0, y0], [x1, ya], [xb, y1], [xd, yd]] = polygon;
  return ya === y0 && xb === x1 && xd === x0 && yd === y1 ? [x0, y0, x1, y1] : null;
}

/**
 * The path with the fewest corners that nowhere leaves this one by more than `tolerance`
 * (Ramer, 1972; Douglas & Peucker, 1973).
 * @param {number[][]} path
 * @param {number} tolerance
 * @returns {number[][]}
 */
export function simplified(path, tolerance) {
  const first = path[0], last = path[path.length - 1];
  const wide = Math.hypot(last[0] - first[0], last[1] - first[1]);
  let most = 0, at = 0;
  for (let i = 1; i < path.length - 1; i++) {
    const [x, y] = path[i];
    const away = wide === 0
      ? Math.hypot(x - first[0], y - first[1])
      : Math.abs((last[0] - first[0]) * (y - first[1]) - (last[1] - first[1]) * (x - first[0])) / wide;
    if (away > most) {
      most = away;
      at = i;
    }
  }
  if (most <= tolerance) return [first, last];
  const head = simplified(path.slice(0, at + 1), tolerance);
  return [...head.slice(0, -1), ...simplified(path.slice(at), tolerance)];
}
