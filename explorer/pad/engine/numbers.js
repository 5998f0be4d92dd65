// Small arithmetic: errors, means, and draws that a seed fixes.

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * Squared error, summed over pixels.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function squaredError(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

/**
 * A standard normal draw (Box and Muller, 1958).
 * @param {() => number} choose A source of uniform draws.
 */
export function normal(choose = Math.random) {
  return Math.sqrt(-2 * Math.log(1 - choose())) * Math.cos(2 * Math.PI * choose());
}

/**
 * A source of uniform draws in [0, 1) that a seed fixes: 32-bit xorshift (Marsaglia, 2003).
 * @param {number} seed
 */
export function seeded(seed) {
  let bits = Math.imul(seed + 1, 0x9e3779b9) | 1;
  const next = () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return (bits >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next(); // near seeds begin alike
  return next;
}

/**
 * Mean over the digits that a mask chooses, or over all.
 * @param {ArrayLike<number>} values
 * @param {ArrayLike<number> | null} mask
 */
export function mean(values, mask = null) {
  let sum = 0, count = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask && !mask[i]) continue;
    sum += values[i];
    count++;
  }
  return count ? sum / count : null;
}

/**
 * @param {number} share
 * @param {number} count
 */
export const standardError = (share, count) => Math.sqrt((share * (1 - share)) / count);
