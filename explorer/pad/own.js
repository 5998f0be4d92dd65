// Codes of a whole set of images, at the value of a run's knob, and whether a network knows the like
// of a drawing.

import { inSlices } from "./chores.js";
import { squaredError } from "./engine.js";
import { format } from "./page.js";

const SAMPLE = 250; // held-out digits that stand for all where their errors aren't stored
const REST = 150; // milliseconds that a knob must rest before all images are encoded anew
const SHARE = 0.99; // of the held-out digits, whose errors count as usual

// Codes (count * K) of all `digits`, encoded here at a value of the run's knob.
// `progress(done)` is told how many are encoded; an aborted signal ends it with its reason.
export async function encodeAll(run, digits, value, options) {
  await digits.arrived;
  const count = digits.labels.length;
  const codes = new Float32Array(count * run.latent);
  const encode = (i) => run.encode(digits.image(i)).mean;
  await inSlices(
    count,
    (i) => codes.set(run.dial ? run.at(value, () => encode(i)) : encode(i), i * run.latent),
    options,
  );
  return codes;
}

// A run like this one with the codes of all `digits`, at the knob's present value.
export async function recode(run, digits, options) {
  const { value } = run;
  return run.withCodes(await encodeAll(run, digits, value, options), value);
}

// Codes follow a run's knob: own images' always, the held-out digits' where the map is of the codes
// themselves and not of the run's plane. They are encoded anew once the knob rests. The held-out
// digits lie grey below own images.
export class OwnImages {
  constructor(pad) {
    this.pad = pad;
  }

  destroy() {
    clearTimeout(this.resting);
    this.waiting?.abort();
    if (this.told) this.pad.say("");
    this.told = this.value = null;
  }

  changed() {
    const { run, plain } = this.pad;
    this.destroy();
    if (run.recoded && run.dial) plain.turn(run.value);
    this.#see();
  }

  // Only on the run's own plane is it known where the held-out digits lie.
  drawn() {
    const { run, plain, layout, map } = this.pad;
    const others = run.recoded && layout.name === "plane" ? plain.points : null;
    if (others !== (map.others ?? null)) map.below(others);
    this.#see();
  }

  #see() {
    const { run, layout } = this.pad;
    const wanted = !run.codesKnown && (run.recoded || layout.name !== "plane");
    if (!wanted || this.value === run.value) return;
    this.value = run.value;
    this.resting = setTimeout(() => this.#follow(run), REST);
  }

  async #follow(run) {
    const { pad } = this;
    const { value } = run;
    this.waiting = new AbortController();
    const { signal } = this.waiting;
    const count = pad.digits.labels.length;
    const progress = (done) => {
      const before = this.told;
      this.told = done < count;
      if (this.told) pad.say(format(pad.text.encoding, { done, count }));
      else if (before) pad.say("");
    };
    try {
      run.setCodes(await encodeAll(run, pad.digits, value, { progress, signal }), value);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    pad.replace();
    pad.draw();
  }
}

const known = new WeakMap();

// What 99 % of the held-out digits stay below in a run: `error`, the squared error of an image, and
// `distance`, from its code to the nearest other one. Where errors aren't stored, as of a run with
// a knob, 250 of the digits stand for all at the knob's present value; null where none are here.
export async function usual(run, digits, options) {
  const at = run.dial ? run.value : null;
  if (known.get(run)?.at === at) return known.get(run);
  let { codes, squaredErrors: errors } = run;
  if (run.dial || run.recoded || !errors) {
    await digits?.arrived;
    if (!digits?.images || run.recoded) return null;
    const every = Math.max(1, Math.floor(digits.labels.length / SAMPLE));
    const count = Math.floor(digits.labels.length / every);
    errors = new Float32Array(count);
    codes = new Float32Array(count * run.latent);
    await inSlices(count, (i) => {
      const x = digits.image(i * every);
      const rebuild = () => {
        const { mean } = run.encode(x);
        codes.set(mean, i * run.latent);
        return squaredError(run.decode(mean), x);
      };
      errors[i] = run.dial ? run.at(at, rebuild) : rebuild();
    }, options);
  }
  const count = codes.length / run.latent;
  const every = Math.max(1, Math.floor(count / SAMPLE));
  const distances = new Float32Array(Math.floor(count / every));
  await inSlices(distances.length, (i) => {
    const code = codes.subarray(i * every * run.latent, (i * every + 1) * run.latent);
    distances[i] = toNearest(code, codes, i * every);
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

// How strange an image (784,) is to a run: its squared error summed over pixels, beside the mean
// digit's (`trivial`), and its code's distance to the nearest one; `strange` names the one that is
// above what `usual` gave, else it is null.
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
