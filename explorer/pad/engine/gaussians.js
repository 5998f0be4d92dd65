// Diagonal Gaussians: densities, divergences, and what is drawn of a posterior.

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/**
 * A diagonal Gaussian.
 * @typedef {{ mean: Float32Array, sigma: Float32Array }} Heap
 *
 * A posterior: its means and deviations, and where these depend on what was drawn of other numbers,
 * `follow`, which says for standard normal noise (K,) what z is drawn, and from which Gaussians, and
 * `under`, which says from which Gaussians the numbers of a z (K,) are drawn.
 * @typedef {{ mean: Float32Array, sigma: Float32Array | null,
 *   follow?: (noise: ArrayLike<number>) => Drawn, under?: (z: ArrayLike<number>) => Drawn }} Posterior
 *
 * @typedef {{ z: Float32Array, mean: Float32Array, sigma: Float32Array }} Drawn
 */

/**
 * The z that noise (K,) stands for under a posterior, with the Gaussians that it was drawn from.
 * @param {Posterior} posterior With deviations.
 * @param {ArrayLike<number>} noise
 * @returns {Drawn}
 */
export function drawnOf(posterior, noise) {
  if (posterior.follow) return posterior.follow(noise);
  const { mean, sigma } = posterior;
  return { z: mean.map((m, k) => m + sigma[k] * noise[k]), mean, sigma };
}

/**
 * The Gaussians that the numbers of z (K,) are drawn from under a posterior.
 * @param {Posterior} posterior With deviations.
 * @param {ArrayLike<number>} z
 * @returns {Heap}
 */
export function drawnFrom(posterior, z) {
  return posterior.under?.(z) ?? posterior;
}

/**
 * KL(N(mean, sigma²) ‖ another Gaussian) of each dimension, in nats: (K,).
 * @param {Heap} heap
 * @param {Heap} other
 */
export function klBetween({ mean, sigma }, other) {
  return mean.map((m, k) => {
    const wide = other.sigma[k];
    return 0.5 * (((m - other.mean[k]) / wide) ** 2 + (sigma[k] / wide) ** 2 - 1)
      - Math.log(sigma[k] / wide);
  });
}

/**
 * log N(z; mean, diag sigma²) in nats, summed over dimensions.
 * @param {ArrayLike<number>} z
 * @param {Heap} heap
 */
export function logGaussian(z, { mean, sigma }) {
  let log = 0;
  for (let k = 0; k < z.length; k++) {
    log -= 0.5 * ((z[k] - mean[k]) / sigma[k]) ** 2 + Math.log(sigma[k]) + HALF_LOG_2PI;
  }
  return log;
}

/**
 * KL(N(mean, sigma²) ‖ N(0, 1)) of each dimension, in nats: (K,).
 * @template {Float32Array | number[]} A
 * @param {A} mean
 * @param {ArrayLike<number>} sigma
 * @returns {A}
 */
export function klEach(mean, sigma) {
  return /** @type {A} */ (mean.map((m, k) =>
    0.5 * (m * m + sigma[k] * sigma[k] - 1) - Math.log(sigma[k])));
}
