// Numbers that were measured at knots of a continuous knob, and what they are between these.

export const LEAST_NATS = 0.05; // mean KL of a dimension; below it the dimension is inactive

/**
 * Which of some mean KLs in nats are those of active dimensions.
 * @param {ArrayLike<number>} kl
 * @returns {number[]} Their indices.
 */
export function active(kl) {
  return Array.from(kl).flatMap((nats, k) => (nats >= LEAST_NATS ? [k] : []));
}

/**
 * The cubic through the four knots nearest to a position (Lagrange): the first of these knots, and
 * what each of them weighs. Weights don't ask for the values, so sums between knots are the sums of
 * their parts.
 * @param {ArrayLike<number>} knots Positions, rising.
 * @param {number} position
 * @returns {{ first: number, weights: number[] }}
 */
export function cubic(knots, position) {
  const count = Math.min(4, knots.length);
  let above = 0;
  while (above < knots.length && knots[above] < position) above++;
  const first = Math.min(Math.max(0, above - Math.floor(count / 2)), knots.length - count);
  const weights = Array.from({ length: count }, (_, i) => {
    let weight = 1;
    for (let j = 0; j < count; j++) {
      if (j !== i) weight *= (position - knots[first + j]) / (knots[first + i] - knots[first + j]);
    }
    return weight;
  });
  return { first, weights };
}
