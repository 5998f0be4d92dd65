// Ways to lay the codes of a run out on a map, each with what its places stand for.
//
// A layout has `name`, `points` (x, y, x, y, …), `extent()` (points that the view must hold),
// `toMap(z)`, `toLatent(point, z)` and `linear`: whether every place decodes exactly. `toLatent` is
// given the present z, of which a place on two axes says nothing but two numbers. After the run's
// codes changed, `follow()` brings the points to their new places.

import { moved } from "./levels.js";
import { Principal } from "./principal.js";

/**
 * What a map's axes are: dimensions of z, main components of the codes, or those of a method whose
 * numbers mean nothing; `which` of them goes to the right and which upwards, from 0.
 * @typedef {{ of: string, which: number[] }} Axes
 *
 * Where a step along one dimension of z leads on a map: its angle from the right, counted upwards in
 * radians, and its length as a share of the longest of all.
 * @typedef {{ angle: number, share: number }} Way
 *
 * @typedef {object} Layout
 * @property {string} name
 * @property {boolean} linear
 * @property {Float32Array} points
 * @property {() => Float32Array} extent
 * @property {(z: Float32Array) => number[]} toMap
 * @property {(place: number[], z: Float32Array) => Float32Array} toLatent
 * @property {() => void} follow
 * @property {Axes | null} axes
 */

/**
 * The run's own plane: the code itself for K = 2, else that of the codes' two main components.
 * @param {import("./run.js").Run} run
 * @returns {Layout}
 */
export function planeLayout(run) {
  return {
    name: "plane",
    linear: true,
    get points() { return run.points; },
    extent: () => run.extent(),
    toMap: (z) => run.toMap(z),
    toLatent: (point) => run.toLatent(point),
    follow() {}, // the run's points do by themselves
    axes: planeAxes(run),
  };
}

/**
 * What the axes of a run's own plane are; null where it was turned or scaled onto another run's, so
 * that they are nothing of its own.
 * @param {Pick<import("./run.js").Run, "latent" | "toMap" | "alignment">} run
 * @returns {Axes | null}
 */
export function planeAxes(run) {
  const { latent, alignment } = run;
  const origin = run.toMap(new Float32Array(latent));
  const close = (/** @type {number[]} */ one, /** @type {number[]} */ other) =>
    one.every((value, axis) => Math.abs(value - other[axis]) < 1e-5);
  const own = Array.from({ length: latent }, (_, k) =>
    run.toMap(Float32Array.from({ length: latent }, (_, i) => Number(i === k))));
  if (latent <= 2 && close(origin, [0, 0]) && own.every((at, k) => close(at, [1 - k, k]))) {
    return { of: "z", which: own.map((_, k) => k) };
  }
  const { rotation, scale, shift } = alignment;
  const still = scale === 1 && close(rotation, [1, 0, 0, 1]) && close(shift, [0, 0]);
  return still && latent > 2 ? { of: "component", which: [0, 1] } : null;
}

/**
 * Where a step along each dimension leads on a map, a step as long as the dimension's own range;
 * null where places stand for the nearest digits, and so no step leads anywhere by itself.
 * @param {Pick<Layout, "linear" | "toMap">} layout
 * @param {Pick<import("./run.js").Run, "latent" | "low" | "high">} run
 * @returns {Way[] | null}
 */
export function waysOf({ linear, toMap }, { latent, low, high }) {
  if (!linear) return null;
  const z = new Float32Array(latent);
  const [x, y] = toMap(z);
  const steps = Array.from(z, (_, k) => {
    const to = z.slice();
    to[k] = high[k] - low[k];
    const [a, b] = toMap(to);
    return [a - x, b - y];
  });
  const longest = Math.max(...steps.map(([a, b]) => Math.hypot(a, b))) || 1;
  return steps.map(([a, b]) => ({ angle: Math.atan2(b, a), share: Math.hypot(a, b) / longest }));
}

/**
 * A two-dimensional code turned to its own main axes.
 * @param {import("./run.js").Run} run
 * @returns {Layout}
 */
export function turnedLayout(run) {
  const { codes, count } = run;
  let mean, c, s;
  const axes = () => {
    mean = [0, 0];
    for (let i = 0; i < codes.length; i++) mean[i % 2] += codes[i] / count;
    let xx = 0, xy = 0, yy = 0;
    for (let i = 0; i < codes.length; i += 2) {
      const x = codes[i] - mean[0], y = codes[i + 1] - mean[1];
      xx += x * x;
      xy += x * y;
      yy += y * y;
    }
    const angle = 0.5 * Math.atan2(2 * xy, xx - yy);
    c = Math.cos(angle);
    s = Math.sin(angle);
  };
  return ofCodes("pca", run, {
    axes,
    named: { of: "component", which: [0, 1] },
    toMap: ([x, y]) => [
      c * (x - mean[0]) + s * (y - mean[1]), c * (y - mean[1]) - s * (x - mean[0])],
    toLatent: ([u, v]) => Float32Array.of(mean[0] + c * u - s * v, mean[1] + s * u + c * v),
  });
}

/**
 * Two of the latent axes; the others stay as they are in the present z.
 * @param {import("./run.js").Run} run
 * @param {number} i
 * @param {number} j
 * @returns {Layout}
 */
export function axesLayout(run, i, j) {
  return ofCodes("axes", run, {
    named: { of: "z", which: [i, j] },
    toMap: (z) => [z[i], z[j]],
    toLatent: ([x, y], z) => {
      const to = Float32Array.from(z);
      to[i] = x;
      to[j] = y;
      return moved(run, z, to);
    },
  });
}

/**
 * The plane of the two main components of the codes' top level; what the present z has beside it
 * stays, and lower levels follow or stay.
 * @param {import("./run.js").Run} run A code of several levels.
 * @returns {Layout}
 */
export function topLayout(run) {
  const { codes, count, latent, levels } = run;
  const from = levels.starts.at(-2);
  /** @type {Principal} */
  let plane;
  const toMap = (/** @type {ArrayLike<number>} */ z) =>
    plane.encode(Array.from(z).slice(from), 2);
  return ofCodes("top", run, {
    named: { of: "component", which: [0, 1] },
    axes: () => {
      plane = new Principal(Array.from({ length: count }, (_, n) =>
        Array.from(codes.subarray(n * latent + from, (n + 1) * latent))));
    },
    toMap,
    toLatent: ([x, y], z) => {
      const [u, v] = toMap(z), [right, up] = plane.components;
      return moved(run, z, Float32Array.from(z, (own, k) =>
        k < from ? own : own + (x - u) * right[k - from] + (y - v) * up[k - from]));
    },
  });
}

// A map whose every place decodes exactly: the points are where `toMap` puts the codes, and `axes()`
// fits it to them first.
function ofCodes(name, run, { named, axes = () => {}, toMap, toLatent }) {
  const { codes, count, latent } = run;
  const points = new Float32Array(2 * count);
  const follow = () => {
    axes();
    for (let n = 0; n < count; n++) {
      [points[2 * n], points[2 * n + 1]] = toMap(codes.subarray(n * latent, (n + 1) * latent));
    }
  };
  follow();
  return { name, linear: true, points, extent: () => points, toMap, toLatent, follow, axes: named };
}

/**
 * UMAP and t-SNE: only the digits' own places mean something. A place stands for the code of the
 * digit nearest to it, and a code for the place of the digit whose code is nearest.
 * @param {import("./run.js").Run} run
 * @param {string} name
 * @param {Float32Array} points
 * @returns {Layout}
 */
export function neighbourLayout(run, name, points) {
  const at = (index) => [points[2 * index], points[2 * index + 1]];
  return {
    name,
    linear: false,
    points,
    extent: () => points,
    toMap: (z) => at(run.nearest(z).index),
    toLatent: (point) => run.code(nearestPlace(points, point)),
    follow() {}, // they were laid out once, at the knob's usual value
    axes: { of: name, which: [0, 1] },
  };
}

/**
 * Index of the point nearest to a place.
 * @param {ArrayLike<number>} points
 * @param {number[]} place
 */
export function nearestPlace(points, [x, y]) {
  let best = 0, least = Infinity;
  for (let i = 0; i < points.length; i += 2) {
    const d = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2;
    if (d < least) {
      least = d;
      best = i / 2;
    }
  }
  return best;
}

/**
 * The dimensions of a run in the order of their codes' variance, the most spread first.
 * @param {import("./run.js").Run} run
 */
export function mostSpread({ codes, count, latent }) {
  const sum = new Float64Array(latent), squares = new Float64Array(latent);
  codes.forEach((value, i) => {
    sum[i % latent] += value;
    squares[i % latent] += value * value;
  });
  const variance = squares.map((square, k) => square / count - (sum[k] / count) ** 2);
  return Array.from(variance.keys()).sort((a, b) => variance[b] - variance[a]);
}

/**
 * Ellipses of a Gaussian with the given standard deviations, as a linear map `toMap` of z shows them.
 * @param {(z: Float32Array) => number[]} toMap
 * @param {Float32Array} mean
 * @param {Float32Array} sigma
 * @param {number[]} factors
 */
export function posteriorRings(toMap, mean, sigma, factors = [1, 2]) {
  const centre = toMap(mean);
  const axes = [];
  const moved = Float32Array.from(mean);
  let xx = 0, xy = 0, yy = 0;
  for (let k = 0; k < mean.length; k++) {
    moved[k] = mean[k] + sigma[k];
    const [x, y] = toMap(moved);
    moved[k] = mean[k];
    axes.push([x - centre[0], y - centre[1]]);
  }
  for (const [x, y] of axes) {
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  // Cholesky factor of the 2 × 2 covariance turns a circle into the ellipse.
  const a = Math.sqrt(xx) || 1e-9;
  const b = xy / a;
  const c = Math.sqrt(Math.max(0, yy - b * b));
  return factors.map((f) =>
    Array.from({ length: 48 }, (_, i) => {
      const t = (2 * Math.PI * i) / 48;
      const u = f * Math.cos(t), v = f * Math.sin(t);
      return [centre[0] + a * u, centre[1] + b * u + c * v];
    }));
}

/**
 * Left, bottom, right and top of all but the outermost half per cent of points, and a margin.
 * @param {ArrayLike<number>} points
 */
export function reachOf(points) {
  const [x, y] = [0, 1].map((axis) => {
    const values = [];
    for (let i = axis; i < points.length; i += 2) values.push(points[i]);
    values.sort((a, b) => a - b);
    const cut = Math.floor(values.length * 0.005);
    return [values[cut], values[values.length - 1 - cut]];
  });
  return [x[0], y[0], x[1], y[1]];
}

/**
 * What holds both.
 * @param {number[]} a
 * @param {number[]} b
 */
export function wider(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}
