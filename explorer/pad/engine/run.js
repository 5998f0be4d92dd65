// A run in the browser: its networks, its codes, its map, and its continuous knob.

import { bookOf, codesOf, nearestEntries } from "./codebook.js";
import { fetchBytes } from "./fetching.js";
import { Hearing } from "./hearing.js";
import { cubic } from "./knots.js";
import { Network } from "./network.js";
import { seeded } from "./numbers.js";
import { priorOf } from "./prior.js";
import { readTensors } from "./safetensors.js";
import { labelOf } from "./told.js";

export const WIDE = 64; // numbers in a code beyond which codes may be encoded at need, not kept
const ENOUGH = 5000; // points of all knots that a view is made for

// A run in the browser: encoder, decoder, the held-out digits' codes and the map's plane.
/**
 * A continuous knob of a network.
 * @typedef {{ knob: string, low: number, high: number, usual: number, log?: boolean }} Dial
 *
 * What a browser runs of a run: `run.json`'s `browser`.
 * @typedef {object} Program
 * @property {import("./network.js").Layer[]} encoder
 * @property {import("./network.js").Layer[]} decoder
 * @property {number[]} shape Of an image.
 * @property {number} latent
 * @property {number[]} [log_var_range]
 * @property {Dial} [dial]
 * @property {import("./ledger.js").Likelihood} [likelihood]
 * @property {import("./prior.js").PriorProgram} [prior]
 * @property {string[]} [takes] What it is told beside the data.
 *
 * @typedef {{ id: string, weights: string, program: Program }} NetworkSpec
 *
 * What the server says of a run: `assets.run_spec`.
 * @typedef {object} RunSpec
 * @property {string} id
 * @property {string} weights
 * @property {string} codes
 * @property {Program} program
 * @property {string} [derive]
 * @property {Record<string, string | null>} [derived]
 * @property {string | null} [film]
 * @property {boolean} posterior
 * @property {{ rotation: number[], scale: number, shift: number[] }} [alignment]
 *
 * The image whose code is nearest; `onMap` where only the places on the map are known.
 * @typedef {{ index: number, distance: number, onMap?: boolean }} Near
 */

export class Run extends Hearing {
  /**
   * @param {RunSpec} spec
   * @param {Record<string, import("./safetensors.js").Tensor>} tensors
   * @param {Record<string, import("./safetensors.js").Tensor>} arrays
   */
  constructor(spec, tensors, arrays) {
    const { program } = spec;
    super(program, tensors, new Network(program.encoder, tensors, program.shape),
      new Network(program.decoder, tensors, [program.latent]));
    this.made = { spec, arrays };
    this.id = spec.id;
    this.latent = program.latent;
    this.book = bookOf(program, tensors); // that a code is made of, or null
    this.levels = this.encoder.levels; // that a code is made of, or null where it is one
    this.pixels = program.shape.reduce((a, b) => a * b, 1);
    this.hasPosterior = spec.posterior;
    this.likelihood = program.likelihood ?? {};
    this.logVarRange = program.log_var_range;
    // (count, K); null of a run whose codes are too wide to be kept, until all are encoded here
    /** @type {Float32Array | null} */
    this.codes = arrays.codes?.data ?? null;
    if (this.book && arrays.entries) this.codes = codesOf(this.book, arrays.entries.data);
    this.count = (arrays.codes ?? arrays.points).shape[0];
    /** @type {import("./digits.js").Digits | null} */
    this.shown = null; // the images whose codes these are, where they are encoded at need
    this.planeMean = arrays.plane_mean.data; // (K,)
    this.planeBasis = arrays.plane_basis.data; // (2, K)
    this.squaredErrors = arrays.squared_error?.data ?? null; // (count,), none where a knob moves them
    this.alignment = spec.alignment ?? { rotation: [1, 0, 0, 1], scale: 1, shift: [0, 0] };
    this.dial = program.dial ?? null;
    this.knots = arrays.knots ? arrays : null;
    /** @type {Float32Array | null} */
    this.frame = null; // what a view must hold where the codes are other images'
    this.recoded = false; // whether the codes are those of other images than the held-out digits
    this.codesAt = this.dial?.usual; // the knob's value at which the codes are these
    this.points = new Float32Array(this.count * 2);
    this.usualCodes = this.dial ? this.codes.slice() : null;
    this.#place();
    this.#ranges();
    if (this.dial) this.turn(this.dial.usual);
  }

  /** p(z); null where there is none, or none that can be drawn from here. */
  get prior() {
    if (this.knownPrior === undefined) {
      const encode = (/** @type {Float32Array} */ x) => this.encode(x);
      this.knownPrior =
        priorOf(this.program.prior, this.latent, this.tensors, encode, this.book, this.levels);
    }
    return this.knownPrior;
  }

  /**
   * Where a value of the continuous knob stands: itself or its logarithm.
   * @param {number} value
   */
  position(value) {
    return this.dial.log ? Math.log(value) : value;
  }

  /**
   * Turn the continuous knob: gates anew, and the map's points between the two nearest knots.
   * @param {number} value
   */
  turn(value) {
    this.value = value;
    this.#gates(value);
    if (!this.knots) return;
    const s = this.position(value);
    const knots = this.knots.knots.data;
    const scaled = ((s - knots[0]) / (knots[knots.length - 1] - knots[0])) * (knots.length - 1);
    this.knot = Math.min(knots.length - 2, Math.max(0, Math.floor(scaled)));
    this.share = Math.min(1, Math.max(0, scaled - this.knot));
    this.between = cubic(knots, s);
    if (this.recoded) return; // the codes stay until the images are encoded anew
    if (value === this.dial.usual) { // the codes there are known exactly
      this.codes.set(this.usualCodes);
      this.codesAt = value;
      this.#place();
      return;
    }
    const all = this.knots.knot_points.data;
    const size = this.count * 2;
    const from = this.knot * size;
    const { rotation: r, scale, shift } = this.alignment;
    for (let i = 0; i < size; i += 2) {
      const a = all[from + i] + this.share * (all[from + size + i] - all[from + i]);
      const b = all[from + i + 1] + this.share * (all[from + size + i + 1] - all[from + i + 1]);
      this.points[i] = scale * (a * r[0] + b * r[2]) + shift[0];
      this.points[i + 1] = scale * (a * r[1] + b * r[3]) + shift[1];
    }
    if (this.latent === 2) { // the plane is the latent space itself
      for (let i = 0; i < size; i++) {
        this.codes[i] = all[from + i] + this.share * (all[from + size + i] - all[from + i]);
      }
      this.codesAt = value;
    }
  }

  // Whether the codes are those at the knob's value: of K > 2 the places on the map alone follow it
  // at once.
  get codesKnown() {
    return this.codes !== null && (!this.dial || this.codesAt === this.value);
  }

  /** Whether a code has more numbers than a hand can take one by one. */
  get wide() {
    return this.latent > WIDE;
  }

  /**
   * This run once every image that it is shown on has a code: one that keeps none waits for the images.
   * @param {import("./digits.js").Digits} digits
   */
  async ready(digits) {
    if (this.codes) return this;
    this.shown = digits;
    await digits.arrived;
    return this;
  }

  #gates(value) {
    const s = this.position(value);
    this.encoder.set(s);
    this.decoder.set(s);
  }

  /**
   * Do some work with the networks at another value of the knob; the map stays where it is.
   * @template T
   * @param {number} value
   * @param {() => T} work
   */
  at(value, work) {
    this.#gates(value);
    const found = work();
    this.#gates(this.value);
    return found;
  }

  /**
   * A number that was scored at the knots, at the knob's value: rate, distortion, squared_error.
   * @param {string} name
   */
  scored(name) {
    const values = this.knots?.[`knot_${name}`]?.data;
    return values ? this.#between(values, 1, 0) : null;
  }

  // One of `size` numbers of each knot, at the knob's value.
  #between(values, size, which) {
    const { first, weights } = this.between;
    return weights.reduce((sum, weight, i) => sum + weight * values[(first + i) * size + which], 0);
  }

  // KL of each latent dimension at the knob's value, in nats per image: (K,).
  scoredKl() {
    const values = this.knots?.knot_kl?.data;
    if (!values) return null;
    return Float32Array.from({ length: this.latent }, (_, k) =>
      Math.max(0, this.#between(values, this.latent, k)));
  }

  // The map's points straight from the codes.
  #place() {
    if (!this.codes) {
      this.#align(this.made.arrays.points.data);
      return;
    }
    const z = new Float32Array(this.latent);
    for (let i = 0; i < this.count; i++) {
      for (let k = 0; k < this.latent; k++) z[k] = this.codes[i * this.latent + k];
      const [a, b] = this.toMap(z);
      this.points[2 * i] = a;
      this.points[2 * i + 1] = b;
    }
  }

  // Places on the run's own plane to those on the map.
  #align(own) {
    const { rotation: r, scale, shift } = this.alignment;
    for (let i = 0; i < own.length; i += 2) {
      this.points[i] = scale * (own[i] * r[0] + own[i + 1] * r[2]) + shift[0];
      this.points[i + 1] = scale * (own[i] * r[1] + own[i + 1] * r[3]) + shift[1];
    }
  }

  /** @param {RunSpec} spec */
  static async load(spec) {
    const [weights, codes] = await Promise.all([fetchBytes(spec.weights), fetchBytes(spec.codes)]);
    return new Run(spec, readTensors(weights), readTensors(codes));
  }

  /**
   * The same networks and plane with the codes (count, K) of other images at a value of the knob.
   * @param {Float32Array} data
   * @param {number | undefined} value
   */
  withCodes(data, value) {
    const { spec, arrays } = this.made;
    const codes = { data, shape: [data.length / this.latent, this.latent] };
    const own = { ...arrays, codes, knots: undefined, squared_error: undefined };
    const other = new Run(spec, this.tensors, own);
    other.recoded = true;
    for (let k = 0; k < this.latent; k++) {
      other.low[k] = Math.min(other.low[k], this.low[k]);
      other.high[k] = Math.max(other.high[k], this.high[k]);
    }
    const seen = this.extent();
    other.frame = new Float32Array(seen.length + other.points.length);
    other.frame.set(seen);
    other.frame.set(other.points, seen.length);
    other.knots = this.knots; // what was scored there is still the held-out digits'
    if (this.dial) other.turn(this.value);
    other.codesAt = value;
    return other;
  }

  /**
   * The same images, encoded anew at a value of the knob.
   * @param {Float32Array} data
   * @param {number} value
   */
  setCodes(data, value) {
    this.codes ??= data;
    this.codes.set(data);
    this.codesAt = value;
    if (this.recoded) this.#place(); // those of the held-out digits follow the knob by themselves
  }

  // Range of each latent dimension over the held-out digits, a little widened; of a model with a
  // prior at least three of its standard deviations.
  #ranges() {
    this.low = new Float32Array(this.latent).fill(Infinity);
    this.high = new Float32Array(this.latent).fill(-Infinity);
    const range = this.codes ? null : this.made.arrays.code_range.data; // (2, K)
    if (range) {
      this.low.set(range.subarray(0, this.latent));
      this.high.set(range.subarray(this.latent));
    }
    for (let i = 0; i < (this.codes?.length ?? 0); i++) {
      const k = i % this.latent;
      if (this.codes[i] < this.low[k]) this.low[k] = this.codes[i];
      if (this.codes[i] > this.high[k]) this.high[k] = this.codes[i];
    }
    const reach = this.prior?.reach();
    for (let k = 0; k < this.latent; k++) {
      const margin = 0.06 * (this.high[k] - this.low[k]) || 1;
      this.low[k] -= margin;
      this.high[k] += margin;
      if (reach) {
        this.low[k] = Math.min(this.low[k], reach.low[k]);
        this.high[k] = Math.max(this.high[k], reach.high[k]);
      }
    }
  }

  // Points that a view of the map must hold: of a run with a knob, those at all its positions.
  extent() {
    if (this.recoded) return this.frame; // these images' places and the held-out digits'
    if (!this.knots) return this.points;
    const { rotation: r, scale, shift } = this.alignment;
    const all = this.knots.knot_points.data;
    const choose = seeded(0);
    const share = ENOUGH / (all.length / 2); // a sample tells as much
    const some = [];
    for (let i = 0; i < all.length; i += 2) {
      if (choose() >= share) continue;
      some.push(scale * (all[i] * r[0] + all[i + 1] * r[2]) + shift[0],
        scale * (all[i] * r[1] + all[i + 1] * r[3]) + shift[1]);
    }
    return Float32Array.from(some);
  }

  /**
   * Which entries of its codebook the code of an image is made of: (places,).
   * @param {number} index
   */
  indices(index) {
    return nearestEntries(this.book.data, this.book.length, this.code(index));
  }

  /**
   * The code of a digit, encoded now where it isn't kept.
   * @param {number} index
   */
  code(index) {
    if (!this.codes) {
      const image = this.shown.image(index);
      const label = labelOf(this, image, this.shown.labels[index]);
      return this.as(label, () => this.encode(image).mean, image);
    }
    return this.codes.slice(index * this.latent, (index + 1) * this.latent);
  }

  /**
   * Image (pixels,) to {mean, sigma}: sigma is null where the code is a point. What is drawn of it
   * is what `drawnOf` says.
   * @param {ArrayLike<number>} x
   * @returns {import("./gaussians.js").Posterior}
   */
  encode(x) {
    const out = this.encoder.run(Float32Array.from(x));
    const mean = out.slice(0, this.latent);
    if (!this.hasPosterior) return { mean, sigma: null };
    if (this.levels) return this.levels.posterior();
    const [low, high] = this.logVarRange;
    const sigma = out
      .slice(this.latent, 2 * this.latent)
      .map((v) => Math.exp(0.5 * Math.min(high, Math.max(low, v))));
    return { mean, sigma };
  }

  /**
   * z (K,) to pixel means; the buffer is reused by the next call.
   * @param {Float32Array} z
   */
  decode(z) {
    return this.decoder.run(z);
  }

  /**
   * What the run gives back of a held-out image, told its own label; the buffer is reused.
   * @param {number} index
   * @param {import("./digits.js").Digits} digits
   */
  ownOutput(index, digits) {
    const image = digits.image(index);
    return this.as(labelOf(this, image, digits.labels[index]), () =>
      this.decode(this.dial ? this.encode(image).mean : this.code(index)), image);
  }

  /**
   * Latent to map coordinates: onto the plane, then by the alignment's similarity.
   * @param {ArrayLike<number>} z
   */
  toMap(z) {
    let a = 0, b = 0;
    for (let k = 0; k < this.latent; k++) {
      const centred = z[k] - this.planeMean[k];
      a += centred * this.planeBasis[k];
      b += centred * this.planeBasis[this.latent + k];
    }
    const { rotation: r, scale, shift } = this.alignment;
    return [scale * (a * r[0] + b * r[2]) + shift[0], scale * (a * r[1] + b * r[3]) + shift[1]];
  }

  /**
   * Map coordinates to the latent they stand for: the point of the plane itself.
   * @param {number[]} place
   */
  toLatent([x, y]) {
    const { rotation: r, scale, shift } = this.alignment;
    const u = (x - shift[0]) / scale;
    const v = (y - shift[1]) / scale;
    const a = u * r[0] + v * r[1]; // the rotation's inverse is its transpose
    const b = u * r[2] + v * r[3];
    const z = new Float32Array(this.latent);
    for (let k = 0; k < this.latent; k++) {
      z[k] = this.planeMean[k] + a * this.planeBasis[k] + b * this.planeBasis[this.latent + k];
    }
    return z;
  }

  /**
   * Index of the held-out digit whose code is nearest to z. While the codes at the knob's value are
   * not known, only their places on the map are, so the nearest one there is meant.
   * @param {ArrayLike<number>} z
   * @returns {Near}
   */
  nearest(z) {
    let best = 0, least = Infinity;
    if (!this.codes || (this.knots && !this.recoded && !this.codesKnown)) {
      const [x, y] = this.toMap(z);
      for (let i = 0; i < this.count; i++) {
        const d = (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
        if (d < least) {
          least = d;
          best = i;
        }
      }
      return { index: best, distance: Math.sqrt(least), onMap: true };
    }
    for (let i = 0, c = 0; i < this.count; i++) {
      let sum = 0;
      for (let k = 0; k < this.latent; k++, c++) {
        const d = this.codes[c] - z[k];
        sum += d * d;
      }
      if (sum < least) {
        least = sum;
        best = i;
      }
    }
    return { index: best, distance: Math.sqrt(least) };
  }
}
