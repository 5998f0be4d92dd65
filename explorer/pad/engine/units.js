// Units of a code that are active for some images and not for others, and what each adds to the
// decoded image: a column of a decoder of one linear layer.

const BENT = ["relu", "sigmoid", "largest"]; // what a code ends in whose units can be off
export const ACTING = 0.5; // activity from which a unit counts as acting, as in core/models/abilities.py
const DECADES = 4, PER_DECADE = 5; // of the histogram, down from 1

/**
 * @typedef {{ soft: boolean, layer: import("./network.js").Layer }} Units Whether the numbers themselves
 *   are activities, from 0 to 1; else a unit is active where its number isn't 0.
 */

/**
 * What the units of a run are; null where its code is of no such units or its decoder isn't linear.
 * @param {import("./run.js").Program} program
 * @returns {Units | null}
 */
export function unitsOf({ encoder, decoder }) {
  const last = encoder.at(-1)?.op ?? "";
  const [layer, ...others] = decoder.filter(({ op }) => op !== "reshape" && op !== "sigmoid");
  if (!BENT.includes(last) || others.length || !layer?.op.startsWith("linear")) return null;
  return { soft: last === "sigmoid", layer };
}

/**
 * What a unit adds to each pixel for each 1 of its number: (pixels,).
 * @param {import("./run.js").Run} run
 * @param {Units} units
 * @param {number} k
 */
export function pictureOf(run, { layer }, k) {
  const { data, shape } = run.tensors[layer.weight];
  if (layer.op === "linear_transpose") return data.subarray(k * shape[1], (k + 1) * shape[1]);
  return Float32Array.from({ length: shape[0] }, (_, p) => data[p * shape[1] + k]);
}

/**
 * Of codes (count * K) each unit's mean activity (K,) and which of them act for none.
 * @param {Float32Array} codes
 * @param {number} latent
 * @param {boolean} soft
 */
export function activities(codes, latent, soft) {
  const sum = new Float64Array(latent), most = new Float32Array(latent);
  for (let i = 0, k = 0; i < codes.length; i++) {
    const active = soft ? codes[i] : Number(codes[i] !== 0);
    sum[k] += active;
    if (active > most[k]) most[k] = active;
    if (++k === latent) k = 0;
  }
  const count = codes.length / latent;
  return { mean: Float32Array.from(sum, (v) => v / count), dead: Array.from(most, (v) => v < ACTING) };
}

/**
 * The images whose code has most of a unit, the most first; those that have none of it are left out.
 * @param {Float32Array} codes
 * @param {number} latent
 * @param {number} k
 * @param {number} count
 */
export function strongest(codes, latent, k, count) {
  const has = (/** @type {number} */ i) => codes[i * latent + k];
  return Array.from({ length: codes.length / latent }, (_, i) => i)
    .filter((i) => has(i) > 0)
    .sort((a, b) => has(b) - has(a) || a - b)
    .slice(0, count);
}

/**
 * How many units have which mean activity, on a logarithmic scale: `counts` of bins from 10⁻⁴ to 1, of
 * which the first holds what lies below, and where on that scale, from 0 to 1, an activity lies.
 * @param {ArrayLike<number>} mean
 */
export function spread(mean) {
  const bins = DECADES * PER_DECADE;
  const place = (/** @type {number} */ value) =>
    value > 0 ? Math.min(1, Math.max(0, 1 + Math.log10(value) / DECADES)) : 0;
  const counts = new Array(bins).fill(0);
  for (const value of Array.from(mean)) counts[Math.min(bins - 1, Math.floor(place(value) * bins))]++;
  return { counts, place };
}

/**
 * What a network makes of noise on an image: its answer, that answer's squared error to the clean image,
 * and the share of the noise's square that comes out again.
 * @param {(x: Float32Array) => Float32Array} answer May reuse its buffer.
 * @param {Float32Array} clean
 * @param {Float32Array} noisy
 */
export function passed(answer, clean, noisy) {
  const before = answer(clean).slice();
  const after = answer(noisy).slice();
  const square = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) =>
    a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0);
  const noise = square(noisy, clean);
  return { after, error: square(after, clean), share: noise ? square(after, before) / noise : 0 };
}
