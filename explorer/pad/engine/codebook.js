// Codes that are grids of entries of a codebook, and the prior over such grids.

import { POINTWISE } from "./pointwise.js";

/**
 * Of a network's layers and tensors, the codebook that its code is made of.
 * @typedef {object} Book
 * @property {Float32Array} data The entries, (entries, length).
 * @property {number} entries How many there are.
 * @property {number} length Numbers in one.
 * @property {number} height Of the grid of places, each of which holds one entry.
 * @property {number} width
 * @property {number} places
 */

/**
 * The codebook that a program's decoder reads its code by; null where it reads numbers.
 * @param {import("./run.js").Program} program
 * @param {Record<string, import("./safetensors.js").Tensor>} tensors
 * @returns {Book | null}
 */
export function bookOf(program, tensors) {
  const at = program.decoder.findIndex(({ op }) => op === "nearest");
  const grid = program.decoder[at - 1]?.shape;
  if (at < 1 || grid?.length !== 3) return null;
  const { data, shape: [entries, length] } = tensors[program.decoder[at].weight];
  const [, height, width] = grid;
  return { data, entries, length, height, width, places: height * width };
}

/**
 * The entry nearest to each place of x (length, places), row by row: its index, (places,).
 * @param {Float32Array} data The entries, (entries, length).
 * @param {number} length
 * @param {ArrayLike<number>} x
 * @param {Uint16Array} [index] Where they are written.
 */
export function nearestEntries(data, length, x, index = new Uint16Array(x.length / length)) {
  const places = index.length, entries = data.length / length;
  for (let place = 0; place < places; place++) {
    let least = Infinity;
    for (let e = 0, at = 0; e < entries; e++) {
      let far = 0;
      for (let l = 0; l < length; l++, at++) {
        const off = data[at] - x[l * places + place];
        far += off * off;
      }
      if (far < least) {
        least = far;
        index[place] = e;
      }
    }
  }
  return index;
}

/**
 * Entries by their index: (places,) → (length, places).
 * @param {Float32Array} data The entries, (entries, length).
 * @param {number} length
 * @param {ArrayLike<number>} index
 * @param {Float32Array} [out] Where they are written.
 */
export function lookUp(data, length, index, out = new Float32Array(index.length * length)) {
  const places = index.length;
  for (let place = 0; place < places; place++) {
    const at = index[place] * length;
    for (let l = 0; l < length; l++) out[l * places + place] = data[at + l];
  }
  return out;
}

/**
 * The codes of many images by their entries: (count · places) → (count · K).
 * @param {Book} book
 * @param {Uint8Array} chosen An index beyond the codebook counts as its last.
 */
export function codesOf({ data, entries, length, places }, chosen) {
  const width = length * places, codes = new Float32Array(chosen.length * length);
  const last = entries - 1;
  for (let i = 0, from = 0; from < chosen.length; i++, from += places) {
    const index = chosen.subarray(from, from + places).map((entry) => Math.min(last, entry));
    lookUp(data, length, index, codes.subarray(i * width, (i + 1) * width));
  }
  return codes;
}

/**
 * A layer of a network: each place of x (length, places) → the entry nearest to it.
 * @param {import("./safetensors.js").Tensor} tensor
 * @param {number} places
 */
export function quantising({ data, shape: [, length] }, places) {
  const index = new Uint16Array(places), out = new Float32Array(length * places);
  return (/** @type {Float32Array} */ x) =>
    lookUp(data, length, nearestEntries(data, length, x, index), out);
}

/**
 * What it comes to how often each entry was chosen, (entries,).
 * @param {Uint32Array} counts
 * @returns {{ used: number, perplexity: number }} How many were chosen at all, and exp of the
 *   entropy: how many it would take if all were chosen equally often.
 */
export function usage(counts) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let nats = 0, used = 0;
  for (const count of counts) {
    if (!count) continue;
    used++;
    nats -= (count / all) * Math.log(count / all);
  }
  return { used, perplexity: Math.exp(nats) };
}

// A network whose answer at a place depends on no later one, so that it can be asked place by place:
// what it made of the earlier places stays as it was.
class Causal {
  /**
   * @param {import("./network.js").Layer[]} layers
   * @param {Record<string, import("./safetensors.js").Tensor>} tensors
   * @param {Book} book
   */
  constructor(layers, tensors, { length, height, width, places }) {
    this.height = height;
    this.width = width;
    this.places = places;
    this.input = new Float32Array(length * places);
    let now = this.input;
    this.steps = layers.map((layer) => {
      const from = now;
      if (layer.op === "conv") {
        const { data, shape: [after, before, k] } = tensors[layer.weight];
        const to = (now = new Float32Array(after * places));
        return this.#convolution(data, tensors[layer.bias].data, after, before, k, from, to);
      }
      const channels = from.length / places;
      const bias = layer.op === "place" ? tensors[layer.bias].data : null;
      const to = (now = new Float32Array(from.length));
      const f = bias ? null : POINTWISE[layer.op];
      return (/** @type {number} */ place) => {
        for (let c = 0, at = place; c < channels; c++, at += places) {
          to[at] = bias ? from[at] + bias[at] : f(from[at]);
        }
      };
    });
    this.output = now;
  }

  // At one place; neighbours whose weights are all 0 lie behind it and are passed over.
  #convolution(weight, bias, after, before, k, from, to) {
    const { height, width, places } = this, reach = (k - 1) / 2;
    const taps = [];
    for (let t = 0; t < k * k; t++) {
      const matters = weight.some((value, i) => i % (k * k) === t && value !== 0);
      if (matters) taps.push({ t, down: Math.floor(t / k) - reach, right: (t % k) - reach });
    }
    return (/** @type {number} */ place) => {
      const row = Math.floor(place / width), column = place % width;
      for (let o = 0; o < after; o++) to[o * places + place] = bias[o];
      for (const { t, down, right } of taps) {
        const r = row + down, s = column + right;
        if (r < 0 || r >= height || s < 0 || s >= width) continue;
        for (let c = 0; c < before; c++) {
          const value = from[c * places + r * width + s];
          for (let o = 0; o < after; o++) {
            to[o * places + place] += weight[(o * before + c) * k * k + t] * value;
          }
        }
      }
    };
  }

  // The answer at a place, when those at all earlier ones were asked for.
  at(place, out) {
    for (const step of this.steps) step(place);
    for (let o = 0; o < out.length; o++) out[o] = this.output[o * this.places + place];
    return out;
  }
}

// p(code): each place's entry given those of the places before it, row by row.
export class GridPrior {
  /**
   * @param {import("./network.js").Layer[]} layers
   * @param {Record<string, import("./safetensors.js").Tensor>} tensors
   * @param {Book} book
   */
  constructor(layers, tensors, book) {
    this.book = book;
    this.network = new Causal(layers, tensors, book);
    this.shares = new Float32Array(book.entries);
    this.heaps = []; // it has no Gaussians,
    this.images = []; // no images that it is made of,
    this.standard = false; // and no closed form
  }

  // How probable each entry is at a place, when those at all earlier ones were set.
  #at(place) {
    const { shares } = this;
    this.network.at(place, shares);
    const most = shares.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let e = 0; e < shares.length; e++) sum += shares[e] = Math.exp(shares[e] - most);
    for (let e = 0; e < shares.length; e++) shares[e] /= sum;
    return shares;
  }

  #set(place, entry) {
    const { length, places, data } = this.book;
    for (let l = 0; l < length; l++) {
      this.network.input[l * places + place] = data[entry * length + l];
    }
  }

  /**
   * Codes drawn from it: (count · K).
   * @param {number} count
   * @param {() => number} [choose] A source of uniform draws.
   */
  draw(count, choose = Math.random) {
    const { length, places } = this.book;
    const codes = new Float32Array(count * length * places);
    for (let i = 0; i < count; i++) {
      this.goOn([], 0, choose);
      codes.set(this.network.input, i * length * places);
    }
    return codes;
  }

  /**
   * The entries of a code whose first `kept` are given, the others drawn after them: (places,).
   * @param {ArrayLike<number>} index
   * @param {number} kept
   * @param {() => number} [choose]
   */
  goOn(index, kept, choose = Math.random) {
    const found = new Uint16Array(this.book.places);
    for (let place = 0; place < found.length; place++) {
      const shares = this.#at(place);
      let entry = index[place];
      if (place >= kept) {
        let left = choose();
        entry = 0;
        while (entry < shares.length - 1 && (left -= shares[entry]) >= 0) entry++;
      }
      this.#set(place, entry);
      found[place] = entry;
    }
    return found;
  }

  /**
   * log p of each place's entry given those before it, in nats: (places,).
   * @param {ArrayLike<number>} index
   */
  logEach(index) {
    const each = new Float32Array(this.book.places);
    for (let place = 0; place < each.length; place++) {
      each[place] = Math.log(this.#at(place)[index[place]]);
      this.#set(place, index[place]);
    }
    return each;
  }

  /**
   * How probable each entry is at a place, given those before it: (entries,).
   * @param {ArrayLike<number>} index
   * @param {number} place
   */
  likely(index, place) {
    for (let before = 0; before < place; before++) {
      this.#at(before);
      this.#set(before, index[before]);
    }
    return this.#at(place).slice();
  }

  /**
   * log p(z) in nats, of the grid of entries nearest to z.
   * @param {ArrayLike<number>} z
   */
  logDensity(z) {
    const index = nearestEntries(this.book.data, this.book.length, z);
    return this.logEach(index).reduce((sum, nats) => sum + nats, 0);
  }

  /** KL has no parts by latent dimension. */
  klEach() {
    return null;
  }

  /** How far sliders reach: as far as codes do. */
  reach() {
    return null;
  }
}
