// Codes and errors of a whole set of images, at the value of a run's knob, and whether a network
// knows the like of a drawing.

import { squaredError, stratified } from "./numbers.js";
import { inSlices } from "./slices.js";
import { labelOf } from "./told.js";

const SAMPLE = 250; // held-out digits that stand for all where their errors aren't stored
const SEED = 0; // which of them
const SHARE = 0.99; // of the held-out digits, whose errors count as usual

/**
 * Codes (count * K) of all `digits`, encoded here at a value of the run's knob.
 * `progress(done)` is told how many are encoded; an aborted signal ends it with its reason.
 * @param {import("./run.js").Run} run
 * @param {import("./digits.js").Digits} digits
 * @param {number | undefined} value
 * @param {import("./slices.js").Slices} [options]
 */
export async function encodeAll(run, digits, value, options) {
  await digits.arrived;
  const count = digits.labels.length;
  const codes = new Float32Array(count * run.latent);
  const encode = (i) => {
    const image = digits.image(i);
    return run.as(labelOf(run, image, digits.labels[i]), () => run.encode(image).mean, image);
  };
  await inSlices(
    count,
    (i) => codes.set(run.dial ? run.at(value, () => encode(i)) : encode(i), i * run.latent),
    options,
  );
  return codes;
}

/**
 * Encode all `digits` of a run that keeps no codes; of another nothing is to be done.
 * `progress(done, count)` is told how many are encoded.
 * @param {import("./run.js").Run} run
 * @param {import("./digits.js").Digits} digits
 * @param {Omit<import("./slices.js").Slices, "progress"> & { progress?: (done: number, count: number) => void }} options
 */
export async function keepCodes(run, digits, { progress, ...rest }) {
  if (run.codes) return;
  await run.ready(digits);
  const count = digits.labels.length;
  const codes = await encodeAll(run, digits, undefined, {
    ...rest, progress: (done) => progress?.(done, count) });
  if (rest.wanted?.() !== false) run.setCodes(codes, undefined);
}

/**
 * A run like this one with the codes of all `digits`, at the knob's present value.
 * @param {import("./run.js").Run} run
 * @param {import("./digits.js").Digits} digits
 * @param {import("./slices.js").Slices} [options]
 */
export async function recode(run, digits, options) {
  const { value } = run;
  return run.withCodes(await encodeAll(run, digits, value, options), value);
}

const known = new WeakMap();

/**
 * What 99 % of the held-out digits stay below in a run: `error`, the squared error of an image, and
 * `distance`, from its code to the nearest other one. Where errors aren't stored, as of a run with
 * a knob, 250 of the digits, of each class its share, stand for all at the knob's present value; null
 * where none are here.
 * @param {import("./run.js").Run} run
 * @param {import("./digits.js").Digits | null} digits
 * @param {import("./slices.js").Slices} [options]
 */
export async function usual(run, digits, options) {
  const at = run.dial ? run.value : null;
  if (known.get(run)?.at === at) return known.get(run);
  let { codes, squaredErrors: errors } = run;
  if (run.dial || run.recoded || !errors || !codes) {
    await digits?.arrived;
    if (!digits?.images || run.recoded) return null;
    const chosen = stratified(digits.labels, SAMPLE, SEED);
    errors = new Float32Array(chosen.length);
    codes = new Float32Array(chosen.length * run.latent);
    await inSlices(chosen.length, (i) => {
      const x = digits.image(chosen[i]);
      const rebuild = () => {
        const { mean } = run.encode(x);
        codes.set(mean, i * run.latent);
        return squaredError(run.decode(mean), x);
      };
      const measure = () => run.dial ? run.at(at, rebuild) : rebuild();
      errors[i] = run.as(digits.labels[chosen[i]], measure, x);
    }, options);
  }
  const count = codes.length / run.latent;
  const labels = digits?.labels.length === count ? digits.labels : new Uint8Array(count);
  const some = stratified(labels, SAMPLE, SEED);
  const distances = new Float32Array(some.length);
  await inSlices(some.length, (i) => {
    const at = some[i];
    distances[i] = toNearest(codes.subarray(at * run.latent, (at + 1) * run.latent), codes, at);
  }, options);
  const found = { at, codes, error: quantile(errors), distance: quantile(distances) };
  known.set(run, found);
  return found;
}

function quantile(values) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(SHARE * sorted.length))];
}

// Euclidean distance from a code to the nearest of some, but number `left`.
function toNearest(code, codes, left = -1) {
  let least = Infinity;
  for (let i = 0, c = 0; c < codes.length; i++) {
    let sum = 0;
    for (let k = 0; k < code.length; k++, c++) sum += (codes[c] - code[k]) ** 2;
    if (sum < least && i !== left) least = sum;
  }
  return Math.sqrt(least);
}

/**
 * How strange an image (784,) is to a run: its squared error summed over pixels, beside the mean
 * digit's (`trivial`), and its code's distance to the nearest one; `strange` names the one that is
 * above what `usual` gave, else it is null.
 * @param {import("./run.js").Run} run
 * @param {Float32Array} pixels
 * @param {import("./digits.js").Digits} digits
 * @param {{ codes: Float32Array, error: number, distance: number } | null} limits
 */
export function strangeness(run, pixels, digits, limits) {
  const { mean } = run.encode(pixels);
  const error = squaredError(run.decode(mean), pixels);
  const trivial = digits.mean ? squaredError(digits.mean, pixels) : null;
  const distance = limits ? toNearest(mean, limits.codes) : null;
  let strange = null;
  if (limits && error > limits.error) strange = "error";
  else if (limits && distance > limits.distance) strange = "distance";
  return { error, trivial, distance, limits, strange };
}

const SHOWN = 6; // digits at each end

/**
 * Squared error of each held-out digit (count,): what the run holds, else decoded here.
 * @param {import("./run.js").Run} run
 * @param {import("./digits.js").Digits} digits
 * @param {() => boolean} wanted
 */
export async function digitErrors(run, digits, wanted) {
  if (run.squaredErrors) return run.squaredErrors;
  const errors = new Float32Array(run.count);
  await inSlices(run.count, (i) => {
    errors[i] = squaredError(run.ownOutput(i, digits), digits.image(i));
  }, { wanted });
  return errors;
}

/**
 * Indices of the digits with the least and the most squared error, the extreme ones first.
 * @param {Float32Array} errors
 * @param {number} count
 */
export function extremes(errors, count = SHOWN) {
  const order = Array.from(errors.keys()).sort((a, b) => errors[a] - errors[b] || a - b);
  return { best: order.slice(0, count), worst: order.slice(-count).reverse() };
}
