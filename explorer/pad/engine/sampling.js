// Codes (count, K) of each sampler, one after the other, from a source of uniform draws.

import { normal } from "./numbers.js";

/**
 * `mixture` are {weights (C,), means (C, K), factors (C, K, K)}, lower Cholesky factors.
 * @param {number} count
 * @param {number} latent
 * @param {Record<string, import("./safetensors.js").Tensor>} mixture
 * @param {() => number} choose
 */
export function drawMixture(count, latent, { weights, means, factors }, choose) {
  const codes = new Float32Array(count * latent);
  const noise = new Float64Array(latent);
  const whole = weights.data.reduce((a, b) => a + b, 0);
  for (let i = 0; i < count; i++) {
    let left = choose() * whole;
    let c = 0;
    while (c < weights.data.length - 1 && left >= weights.data[c]) left -= weights.data[c++];
    for (let k = 0; k < latent; k++) noise[k] = normal(choose);
    for (let k = 0; k < latent; k++) {
      const row = (c * latent + k) * latent;
      let sum = means.data[c * latent + k];
      for (let j = 0; j <= k; j++) sum += factors.data[row + j] * noise[j];
      codes[i * latent + k] = sum;
    }
  }
  return codes;
}

/**
 * Lowest and highest value of each dimension of codes (count, K).
 * @param {Float32Array} codes
 * @param {number} latent
 */
export function boxOf(codes, latent) {
  const low = new Float32Array(latent).fill(Infinity);
  const high = new Float32Array(latent).fill(-Infinity);
  for (let i = 0; i < codes.length; i++) {
    const k = i % latent;
    if (codes[i] < low[k]) low[k] = codes[i];
    if (codes[i] > high[k]) high[k] = codes[i];
  }
  return { low, high };
}

/**
 * @param {number} count
 * @param {number} latent
 * @param {{ low: ArrayLike<number>, high: ArrayLike<number> }} box
 * @param {() => number} choose
 */
export function drawBox(count, latent, { low, high }, choose) {
  return Float32Array.from({ length: count * latent }, (_, i) => {
    const k = i % latent;
    return low[k] + (high[k] - low[k]) * choose();
  });
}

/**
 * Codes (count, K) of real digits, drawn with replacement.
 * @param {number} count
 * @param {number} latent
 * @param {Float32Array} codes
 * @param {() => number} choose
 */
export function drawOwn(count, latent, codes, choose) {
  const found = new Float32Array(count * latent);
  for (let i = 0; i < count; i++) {
    const at = Math.floor((choose() * codes.length) / latent) * latent;
    found.set(codes.subarray(at, at + latent), i * latent);
  }
  return found;
}
