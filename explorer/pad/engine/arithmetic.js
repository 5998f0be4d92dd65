// Between codes and beyond them: lines, great circles, a − b + c, and what a digit's picture measures.

const PARALLEL = 1e-6; // as in core/latent/coding.py

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 * @param {number} t
 */
export function line(a, b, t) {
  return Float64Array.from(a, (value, k) => (1 - t) * value + t * b[k]);
}

const norm = (z) => Math.hypot(...z);
const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

/**
 * The point at share t of the great circle from a to b around `centre`; the rules for ends that tell
 * no circle apart are those of core/latent/coding.py.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 * @param {number} t
 * @param {ArrayLike<number> | null} centre
 */
export function greatCircle(a, b, t, centre = null) {
  const from = Float64Array.from(a, (value, k) => value - (centre?.[k] ?? 0));
  const to = Float64Array.from(b, (value, k) => value - (centre?.[k] ?? 0));
  const [fromNorm, toNorm] = [norm(from), norm(to)];
  if (fromNorm === 0 || toNorm === 0) return line(a, b, t);
  const u = from.map((value) => value / fromNorm);
  const v = to.map((value) => value / toNorm);
  const angle = 2 * Math.atan2(norm(u.map((x, k) => x - v[k])), norm(u.map((x, k) => x + v[k])));
  const along = dot(u, v);
  let aside = v.map((value, k) => value - along * u[k]);
  if (norm(aside) < PARALLEL) {
    if (angle < 1 || u.length === 1) return line(a, b, t);
    let axis = 0;
    u.forEach((value, k) => {
      if (Math.abs(value) < Math.abs(u[axis])) axis = k;
    });
    aside = u.map((value, k) => Number(k === axis) - u[axis] * value);
  }
  const length = norm(aside);
  const far = (1 - t) * fromNorm + t * toNorm;
  return u.map((value, k) =>
    far * (Math.cos(t * angle) * value + (Math.sin(t * angle) * aside[k]) / length) +
    (centre?.[k] ?? 0));
}

const SIDE = 28;

/**
 * a + amount · (c − b)
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 * @param {ArrayLike<number>} c
 * @param {number} amount
 */
export function analogy(a, b, c, amount = 1) {
  return Float32Array.from(a, (value, k) => value + amount * (c[k] - b[k]));
}

/**
 * Traits of a digit's picture, measured on its pixels: `slant`, the tangent of its lean to the right
 * (how far its rows' centres move for each row up), and `weight`, its ink in pixels.
 * @param {ArrayLike<number>} image
 */
export function traits(image) {
  let ink = 0, x = 0, y = 0;
  for (let i = 0; i < image.length; i++) {
    ink += image[i];
    x += image[i] * (i % SIDE);
    y += image[i] * Math.floor(i / SIDE);
  }
  if (!ink) return { slant: 0, weight: 0 };
  x /= ink;
  y /= ink;
  let both = 0, tall = 0;
  for (let i = 0; i < image.length; i++) {
    const up = y - Math.floor(i / SIDE);
    both += image[i] * ((i % SIDE) - x) * up;
    tall += image[i] * up * up;
  }
  return { slant: tall ? both / tall : 0, weight: ink };
}

/**
 * Variance of the codes in each dimension: (K,).
 * @param {ArrayLike<number>} codes
 * @param {number} latent
 */
export function variances(codes, latent) {
  const count = codes.length / latent;
  const mean = new Float64Array(latent);
  const squares = new Float64Array(latent);
  for (let i = 0; i < codes.length; i++) mean[i % latent] += codes[i] / count;
  for (let i = 0; i < codes.length; i++) squares[i % latent] += (codes[i] - mean[i % latent]) ** 2;
  return Array.from(squares, (sum) => sum / count);
}
