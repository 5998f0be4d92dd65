// Digits that are shifted across, and what models make of them: they were trained on digits in the
// middle, and a convolution sees the same pattern wherever it lies.

import { squaredError, stratified } from "./numbers.js";
import { inSlices } from "./slices.js";
import { labelOf } from "./told.js";

export const FARTHEST = 6; // pixels to either side
export const SHIFTS = [-6, -4, -2, 0, 2, 4, 6];
const DIGITS = 50; // of each class its share, that stand for all
const SEED = 0;

/**
 * An image shifted to the right, paper where nothing came from; to the left where it is below 0.
 * @param {Float32Array} image
 * @param {number} width
 * @param {number} shift Pixels.
 */
export function shifted(image, width, shift) {
  const out = new Float32Array(image.length);
  for (let p = 0; p < image.length; p++) {
    const from = (p % width) - shift;
    if (from >= 0 && from < width) out[p] = image[p - shift];
  }
  return out;
}

/**
 * What a run makes of an image of this class: its answer, in numbers of its own.
 * @param {import("./run.js").Run} run
 * @param {Float32Array} image
 * @param {number} label
 */
export function answer(run, image, label) {
  return run.as(labelOf(run, image, label), () => run.decode(run.encode(image).mean), image).slice();
}

/**
 * Mean squared error per image of some digits at each of SHIFTS, for each run: (runs, shifts); null
 * where it is no longer wanted.
 * @param {import("./run.js").Run[]} runs
 * @param {import("./digits.js").Digits} digits
 * @param {() => boolean} wanted
 */
export async function shiftErrors(runs, digits, wanted) {
  const some = stratified(digits.labels, DIGITS, SEED);
  const errors = runs.map(() => new Array(SHIFTS.length).fill(0));
  const width = runs[0].program.shape.at(-1);
  await inSlices(some.length * SHIFTS.length * runs.length, (job) => {
    const r = job % runs.length, s = Math.floor(job / runs.length) % SHIFTS.length;
    const index = some[Math.floor(job / runs.length / SHIFTS.length)];
    const image = shifted(digits.image(index), width, SHIFTS[s]);
    errors[r][s] += squaredError(image, answer(runs[r], image, digits.labels[index])) / some.length;
  }, { wanted });
  return wanted() ? errors : null;
}
