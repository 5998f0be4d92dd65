// The browser's own forward pass: runs a layer list. Plain Float32Array loops, no dependency;
// decoding one digit takes about a millisecond.

import { quantising } from "./codebook.js";
import { coupling, resizing } from "./coupling.js";
import { Levels } from "./levels.js";
import { POINTWISE } from "./pointwise.js";

/**
 * One entry of a layer list: an operation, the names of its tensors and its numbers.
 * @typedef {{ op: string, weight?: string, bias?: string, shape?: number[], stride?: number,
 *   padding?: number, kind?: string, count?: number, seen?: number[], moved?: number[],
 *   divides?: boolean, layers?: any[] }} Layer
 */

const SURE = 1e-4; // of a pixel that is seen, the probability at most that it is another

/**
 * 1 in the quadrants that are seen, 0 elsewhere: upper left, upper right, lower left, lower right.
 * @param {ArrayLike<number | boolean>} flags
 * @param {number[]} shape Of an image: channels, height, width.
 */
export function quadrantMask(flags, [channels, height, width]) {
  const mask = new Uint8Array(channels * height * width);
  for (let i = 0; i < mask.length; i++) {
    const row = Math.floor(i / width) % height, column = i % width;
    const part = 2 * Number(row >= Math.floor(height / 2)) + Number(column >= Math.floor(width / 2));
    mask[i] = flags[part] ? 1 : 0;
  }
  return mask;
}

// weight (out, in); four rows in one turn, so that a number of x is read once for all four and no
// addition waits for the last one.
function linear(weight, bias, x, out) {
  const inputs = x.length;
  let o = 0;
  for (const four = out.length - 3; o < four; o += 4) {
    const row0 = o * inputs, row1 = row0 + inputs, row2 = row1 + inputs, row3 = row2 + inputs;
    let a = bias[o], b = bias[o + 1], c = bias[o + 2], d = bias[o + 3];
    for (let i = 0; i < inputs; i++) {
      const value = x[i];
      a += weight[row0 + i] * value;
      b += weight[row1 + i] * value;
      c += weight[row2 + i] * value;
      d += weight[row3 + i] * value;
    }
    out[o] = a;
    out[o + 1] = b;
    out[o + 2] = c;
    out[o + 3] = d;
  }
  for (; o < out.length; o++) {
    const row = o * inputs;
    let sum = bias[o];
    for (let i = 0; i < inputs; i++) sum += weight[row + i] * x[i];
    out[o] = sum;
  }
}

/**
 * 1 at the `count` largest numbers, of equal ones at the first, 0 elsewhere.
 * @param {ArrayLike<number>} x
 * @param {number} count
 */
export function largestOf(x, count) {
  const mask = new Uint8Array(x.length);
  const least = Float32Array.from(x).sort()[x.length - count];
  let left = count;
  for (let i = 0; i < x.length; i++) {
    if (x[i] > least) {
      mask[i] = 1;
      left--;
    }
  }
  for (let i = 0; i < x.length && left > 0; i++) {
    if (x[i] === least) {
      mask[i] = 1;
      left--;
    }
  }
  return mask;
}

// All but the largest numbers become 0.
function keepLargest(x, count) {
  const mask = largestOf(x, count);
  for (let i = 0; i < x.length; i++) if (!mask[i]) x[i] = 0;
  return x;
}

// (rows, columns) → (columns, rows)
function transposed(data, rows, columns) {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  }
  return out;
}

// weight (out, in, k, k); x (in, height, width) → out (outChannels, outHeight, outWidth). What lies
// below the kernel is gathered once for each place, and then it is a linear layer.
function convolve(layer, x, out) {
  const { weight, bias, stride, padding, k, before, height, width, outHeight, outWidth } = layer;
  const { patch, column } = layer;
  const area = outHeight * outWidth;
  for (let place = 0; place < area; place++) {
    const top = Math.floor(place / outWidth) * stride - padding;
    const left = (place % outWidth) * stride - padding;
    for (let c = 0, i = 0; c < before; c++) {
      for (let row = top; row < top + k; row++) {
        const base = (c * height + row) * width;
        const there = row >= 0 && row < height;
        for (let x0 = left; x0 < left + k; x0++, i++) {
          patch[i] = there && x0 >= 0 && x0 < width ? x[base + x0] : 0;
        }
      }
    }
    linear(weight, bias, patch, column);
    for (let o = 0; o < column.length; o++) out[o * area + place] = column[o];
  }
}

// weight (in, out, k, k); the transpose of `convolve`, so every input pixel is spread out
function convolveTransposed(layer, x, out) {
  const { weight, bias, stride, padding, k, before, after, height, width, outHeight, outWidth } =
    layer;
  const area = outHeight * outWidth;
  for (let o = 0; o < after; o++) out.fill(bias[o], o * area, (o + 1) * area);
  for (let c = 0; c < before; c++) {
    for (let r = 0; r < height; r++) {
      for (let s = 0; s < width; s++) {
        const value = x[(c * height + r) * width + s];
        if (value === 0) continue;
        const top = r * stride - padding;
        const left = s * stride - padding;
        const from = Math.max(0, -left);
        const to = Math.min(k, outWidth - left);
        for (let o = 0; o < after; o++) {
          const w = (c * after + o) * k * k;
          for (let p = 0; p < k; p++) {
            const row = top + p;
            if (row < 0 || row >= outHeight) continue;
            const base = o * area + row * outWidth + left;
            const wp = w + p * k;
            for (let q = from; q < to; q++) out[base + q] += value * weight[wp + q];
          }
        }
      }
    }
  }
}

export const GATES = {
  sigmoid: (t) => 2 / (1 + Math.exp(-t)),
  root: (t) => Math.sqrt(Math.max(1e-6, 1 - Math.exp(t))),
};

// A layer list with its tensors: `run(x)` gives the output in a buffer that the next call reuses.
export class Network {
  /**
   * @param {Layer[]} layers
   * @param {Record<string, import("./safetensors.js").Tensor>} tensors
   * @param {number[]} shape
   */
  constructor(layers, tensors, shape) {
    this.steps = [];
    /** @type {Levels | null} */
    this.levels = null; // that its last layer makes
    this.conditioned = []; // what changes with the continuous knob, and only with it
    this.hearing = []; // what changes with what it is told
    this.squashed = layers.at(-1)?.op === "sigmoid"; // the output is a probability, not a logit
    this.sizes = [shape.reduce((a, b) => a * b, 1)];
    let now = shape;
    for (const layer of layers) {
      const size = now.reduce((a, b) => a * b, 1);
      if (layer.op === "reshape") {
        now = layer.shape ?? [size];
        continue;
      }
      if (layer.op === "place") {
        this.steps.push(this.#placed(tensors[layer.bias].data));
        continue;
      }
      if (layer.op === "nearest") {
        this.steps.push(quantising(tensors[layer.weight], now[1] * now[2]));
        continue;
      }
      if (layer.op === "levels") {
        this.levels = new Levels(/** @type {import("./levels.js").LevelsLayer} */ (layer), size,
          (layers, inputs) => new Network(layers, tensors, [inputs]));
        this.steps.push((x) => this.levels.run(x));
        now = [2 * this.levels.latent];
        this.sizes.push(now[0]);
        continue;
      }
      if (layer.op === "couple") {
        const inner = new Network(layer.layers, tensors, [layer.seen[1] - layer.seen[0]]);
        this.steps.push(coupling(layer, inner, size));
        this.sizes.push(size);
        continue;
      }
      if (layer.op === "beside" || layer.op === "without") {
        this.steps.push(resizing(layer, size));
        now = [layer.op === "beside" ? size + layer.count : size - layer.count];
        this.sizes.push(now[0]);
        continue;
      }
      if (layer.op in POINTWISE) {
        this.steps.push(this.#pointwise(POINTWISE[layer.op]));
        continue;
      }
      if (layer.op === "kept") {
        this.steps.push(this.#kept(layer.kind, now));
        continue;
      }
      if (layer.op === "largest") {
        this.steps.push((x) => keepLargest(x, layer.count));
        continue;
      }
      const weight = tensors[layer.weight];
      if (layer.op === "told") {
        this.steps.push(this.#told(weight, now));
        continue;
      }
      const bias = tensors[layer.bias].data;
      if (layer.op === "gate" || layer.op === "shift") {
        this.steps.push(this.#condition(layer, weight.data, bias, now));
        continue;
      }
      if (layer.op === "linear") {
        now = [weight.shape[0]];
        const out = new Float32Array(now[0]);
        this.steps.push((x) => (linear(weight.data, bias, x, out), out));
      } else if (layer.op === "linear_transpose") {
        now = [weight.shape[1]];
        const turned = transposed(weight.data, weight.shape[0], weight.shape[1]);
        const out = new Float32Array(now[0]);
        this.steps.push((x) => (linear(turned, bias, x, out), out));
      } else {
        const [before, height, width] = now;
        const spreads = layer.op === "conv_transpose";
        const k = weight.shape[2];
        const after = spreads ? weight.shape[1] : weight.shape[0];
        const grow = (n) =>
          spreads
            ? (n - 1) * layer.stride - 2 * layer.padding + k
            : Math.floor((n + 2 * layer.padding - k) / layer.stride) + 1;
        now = [after, grow(height), grow(width)];
        const spec = {
          ...layer, weight: weight.data, bias, k, before, after, height, width,
          outHeight: now[1], outWidth: now[2],
          patch: new Float32Array(before * k * k), column: new Float32Array(after),
        };
        const out = new Float32Array(now.reduce((a, b) => a * b, 1));
        const apply = spreads ? convolveTransposed : convolve;
        this.steps.push((x) => (apply(spec, x, out), out));
      }
      this.sizes.push(now.reduce((a, b) => a * b, 1));
    }
    this.shape = now;
  }

  // Multiply (gate) or add (shift) one number a feature, computed anew when the knob moves.
  #condition(layer, weight, bias, shape) {
    const values = new Float32Array(weight.length);
    const area = shape.slice(1).reduce((a, b) => a * b, 1);
    const f = layer.op === "gate" ? GATES[layer.kind] : (t) => t;
    this.conditioned.push((s) => {
      for (let i = 0; i < values.length; i++) values[i] = f(weight[i] * s + bias[i]);
    });
    if (layer.op === "shift") {
      return (x) => {
        for (let i = 0; i < x.length; i++) x[i] += values[i];
        return x;
      };
    }
    const out = new Float32Array(values.length * area); // the input may be the caller's own z
    return (x) => {
      for (let c = 0, i = 0; c < values.length; c++) {
        for (let a = 0; a < area; a++, i++) out[i] = x[i] * values[c];
      }
      return out;
    };
  }

  /**
   * Add W c, computed anew when another c is told; W is (features, told), of whose c the first count.
   * @param {import("./safetensors.js").Tensor} weight
   * @param {number[]} shape
   */
  #told(weight, shape) {
    const { data } = weight;
    const [features, width] = weight.shape;
    const values = new Float32Array(features);
    const area = shape.slice(1).reduce((a, b) => a * b, 1);
    this.hearing.push((c) => {
      values.fill(0);
      for (let i = 0; i < width; i++) {
        if (!c[i]) continue;
        for (let f = 0; f < features; f++) values[f] += data[f * width + i] * c[i];
      }
    });
    return (x) => {
      for (let f = 0, i = 0; f < features; f++) {
        for (let a = 0; a < area; a++, i++) x[i] += values[f];
      }
      return x;
    };
  }

  // A number of every entry's own is added.
  #placed(bias) {
    return (x) => {
      for (let i = 0; i < x.length; i++) x[i] += bias[i];
      return x;
    };
  }

  /**
   * What is seen of an image stays: c says whether each quadrant is seen, and what of the image.
   * @param {string} kind Whether x is what a sigmoid is taken of, "logit", or the image, "plain".
   * @param {number[]} shape
   */
  #kept(kind, shape) {
    const seen = quadrantMask([0, 0, 0, 0], shape), values = new Float32Array(seen.length);
    this.hearing.push((c) => {
      seen.set(quadrantMask(Array.from({ length: 4 }, (_, i) => c[i]), shape));
      for (let i = 0; i < values.length; i++) {
        const p = Math.min(1 - SURE, Math.max(SURE, c[4 + i]));
        values[i] = kind === "logit" ? Math.log(p / (1 - p)) : c[4 + i];
      }
    });
    return (x) => {
      for (let i = 0; i < x.length; i++) if (seen[i]) x[i] = values[i];
      return x;
    };
  }

  /**
   * Tell the network something, as numbers; no effect on one that is told nothing.
   * @param {ArrayLike<number>} c
   */
  tell(c) {
    for (const update of this.hearing) update(c);
  }

  /**
   * Set the continuous knob's position; no effect on a network without gates.
   * @param {number} position
   */
  set(position) {
    for (const update of this.conditioned) update(position);
  }

  #pointwise(f) {
    return (x) => {
      for (let i = 0; i < x.length; i++) x[i] = f(x[i]);
      return x;
    };
  }

  /**
   * @param {Float32Array} x
   * @returns {Float32Array}
   */
  run(x) {
    let value = x;
    for (const step of this.steps) value = step(value);
    return value;
  }

  /**
   * The output before its sigmoid, where it has one: what a likelihood is computed from.
   * @param {Float32Array} x
   * @returns {Float32Array}
   */
  logits(x) {
    const last = this.steps.length - (this.squashed ? 1 : 0);
    let value = x;
    for (let i = 0; i < last; i++) value = this.steps[i](value);
    return value;
  }
}
