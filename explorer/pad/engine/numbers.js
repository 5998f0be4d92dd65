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
 * Indices of a sample, drawn by a seed, in which each label has its share: (count,).
 * @param {ArrayLike<number>} labels
 * @param {number} count
 * @param {number} seed
 */
export function stratified(labels, count, seed) {
  const choose = seeded(seed);
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (let i = 0; i < labels.length; i++) {
    if (!groups.has(labels[i])) groups.set(labels[i], []);
    groups.get(labels[i]).push(i);
  }
  const placed = [];
  for (const group of groups.values()) {
    for (let i = group.length - 1; i > 0; i--) {
      const j = Math.floor(choose() * (i + 1));
      [group[i], group[j]] = [group[j], group[i]];
    }
    group.forEach((index, n) => placed.push({ index, at: (n + choose()) / group.length }));
  }
  placed.sort((a, b) => a.at - b.at);
  return placed.slice(0, count).map(({ index }) => index);
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
export const standardError = (share, count) => {
  // None or all of so many is no certainty: the deviation of what the share may be, all alike before.
  if (share === 0 || share === 1) return Math.sqrt((count + 1) / (count + 3)) / (count + 2);
  return Math.sqrt((share * (1 - share)) / count);
};
