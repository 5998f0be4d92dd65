// The browser's own forward pass: reads a run's weights.safetensors and runs its layer list.
// Plain Float32Array loops, no dependency; decoding one digit takes about a millisecond.

import { inLanguage } from "./page.js";

let halfTable = null;

// All 65,536 half-precision numbers as float32, so that unpacking is one look-up a number.
function halves() {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) halfTable[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) halfTable[bits] = fraction ? NaN : sign * Infinity;
    else halfTable[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halfTable;
}

// Half-precision numbers, as bytes, to a Float32Array.
export function halfFloats(bytes) {
  const table = halves();
  const bits = new Uint16Array(bytes);
  const data = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) data[i] = table[bits[i]];
  return data;
}

// Bytes of a safetensors file to {name: {shape, data: Float32Array}}; bytes stay a Uint8Array.
export function readTensors(buffer) {
  const headerLength = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerLength)));
  const start = 8 + headerLength;
  const tensors = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const bytes = buffer.slice(start + from, start + to);
    let data;
    if (entry.dtype === "F32") data = new Float32Array(bytes);
    else if (entry.dtype === "F16") data = halfFloats(bytes);
    else if (entry.dtype === "U8") data = new Uint8Array(bytes);
    else throw new Error(`tensor ${name} has the unknown type ${entry.dtype}`);
    const size = entry.shape.reduce((a, b) => a * b, 1);
    if (data.length !== size) throw new Error(`tensor ${name} is cut off`);
    tensors[name] = { shape: entry.shape, data };
  }
  return tensors;
}

function linear(weight, bias, x, out) {
  const inputs = x.length;
  const blocked = inputs - (inputs % 4);
  for (let o = 0, w = 0; o < out.length; o++) {
    let a = 0, b = 0, c = 0, d = 0; // four sums, so that no addition waits for the last one
    let i = 0;
    for (; i < blocked; i += 4, w += 4) {
      a += weight[w] * x[i];
      b += weight[w + 1] * x[i + 1];
      c += weight[w + 2] * x[i + 2];
      d += weight[w + 3] * x[i + 3];
    }
    for (; i < inputs; i++, w++) a += weight[w] * x[i];
    out[o] = a + b + c + d + bias[o];
  }
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

const POINTWISE = {
  relu: (v) => (v > 0 ? v : 0),
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  silu: (v) => v / (1 + Math.exp(-v)),
  // tanh(u) written by one exponential, which browsers run several times faster than Math.tanh
  gelu: (v) => v / (1 + Math.exp(-1.5957691216057308 * (v + 0.044715 * v * v * v))),
};

const GATES = {
  sigmoid: (t) => 2 / (1 + Math.exp(-t)),
  root: (t) => Math.sqrt(Math.max(1e-6, 1 - Math.exp(t))),
};

// A layer list with its tensors: `run(x)` gives the output in a buffer that the next call reuses.
export class Network {
  constructor(layers, tensors, shape) {
    this.steps = [];
    this.conditioned = []; // what changes with the continuous knob, and only with it
    this.squashed = layers.at(-1)?.op === "sigmoid"; // the output is a probability, not a logit
    this.sizes = [shape.reduce((a, b) => a * b, 1)];
    let now = shape;
    for (const layer of layers) {
      const size = now.reduce((a, b) => a * b, 1);
      if (layer.op === "reshape") {
        now = layer.shape ?? [size];
        continue;
      }
      if (layer.op in POINTWISE) {
        this.steps.push(this.#pointwise(POINTWISE[layer.op]));
        continue;
      }
      const weight = tensors[layer.weight];
      const bias = tensors[layer.bias].data;
      if (layer.op === "gate" || layer.op === "shift") {
        this.steps.push(this.#condition(layer, weight.data, bias, now));
        continue;
      }
      if (layer.op === "linear") {
        now = [weight.shape[0]];
        const out = new Float32Array(now[0]);
        this.steps.push((x) => (linear(weight.data, bias, x, out), out));
      } else {
        const [before, height, width] = now;
        const transposed = layer.op === "conv_transpose";
        const k = weight.shape[2];
        const after = transposed ? weight.shape[1] : weight.shape[0];
        const grow = (n) =>
          transposed
            ? (n - 1) * layer.stride - 2 * layer.padding + k
            : Math.floor((n + 2 * layer.padding - k) / layer.stride) + 1;
        now = [after, grow(height), grow(width)];
        const spec = {
          ...layer, weight: weight.data, bias, k, before, after, height, width,
          outHeight: now[1], outWidth: now[2],
          patch: new Float32Array(before * k * k), column: new Float32Array(after),
        };
        const out = new Float32Array(now.reduce((a, b) => a * b, 1));
        const apply = transposed ? convolveTransposed : convolve;
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

  // Set the continuous knob's position; no effect on a network without gates.
  set(position) {
    for (const update of this.conditioned) update(position);
  }

  #pointwise(f) {
    return (x) => {
      for (let i = 0; i < x.length; i++) x[i] = f(x[i]);
      return x;
    };
  }

  run(x) {
    let value = x;
    for (const step of this.steps) value = step(value);
    return value;
  }

  // The output before its sigmoid, where it has one: what a likelihood is computed from.
  logits(x) {
    const last = this.steps.length - (this.squashed ? 1 : 0);
    let value = x;
    for (let i = 0; i < last; i++) value = this.steps[i](value);
    return value;
  }
}

// A run in the browser: encoder, decoder, the held-out digits' codes and the map's plane.
export class Run {
  constructor(spec, tensors, arrays) {
    const { program } = spec;
    this.made = { spec, arrays };
    this.id = spec.id;
    this.latent = program.latent;
    this.pixels = program.shape.reduce((a, b) => a * b, 1);
    this.hasPosterior = spec.posterior;
    this.hasPrior = spec.prior;
    this.logVarRange = program.log_var_range;
    this.program = program;
    this.tensors = tensors;
    this.encoder = new Network(program.encoder, tensors, program.shape);
    this.decoder = new Network(program.decoder, tensors, [program.latent]);
    this.codes = arrays.codes.data; // (count, K)
    this.count = arrays.codes.shape[0];
    this.planeMean = arrays.plane_mean.data; // (K,)
    this.planeBasis = arrays.plane_basis.data; // (2, K)
    this.squaredErrors = arrays.squared_error?.data ?? null; // (count,), none where a knob moves them
    this.alignment = spec.alignment ?? { rotation: [1, 0, 0, 1], scale: 1, shift: [0, 0] };
    this.dial = program.dial ?? null;
    this.knots = arrays.knots ? arrays : null;
    this.recoded = false; // whether the codes are those of other images than the held-out digits
    this.codesAt = this.dial?.usual; // the knob's value at which the codes are these
    this.points = new Float32Array(this.count * 2);
    this.usualCodes = this.codes.slice();
    this.#place();
    this.#ranges();
    if (this.dial) this.turn(this.dial.usual);
  }

  // Where a value of the continuous knob stands: itself or its logarithm.
  position(value) {
    return this.dial.log ? Math.log(value) : value;
  }

  // Turn the continuous knob: gates anew, and the map's points between the two nearest knots.
  turn(value) {
    this.value = value;
    this.#gates(value);
    if (!this.knots) return;
    const s = this.position(value);
    const knots = this.knots.knots.data;
    const scaled = ((s - knots[0]) / (knots[knots.length - 1] - knots[0])) * (knots.length - 1);
    this.knot = Math.min(knots.length - 2, Math.max(0, Math.floor(scaled)));
    this.share = Math.min(1, Math.max(0, scaled - this.knot));
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
    return !this.dial || this.codesAt === this.value;
  }

  #gates(value) {
    const s = this.position(value);
    this.encoder.set(s);
    this.decoder.set(s);
  }

  // Do some work with the networks at another value of the knob; the map stays where it is.
  at(value, work) {
    this.#gates(value);
    const found = work();
    this.#gates(this.value);
    return found;
  }

  // A number that was scored at the knots, at the knob's value: rate, distortion, squared_error.
  scored(name) {
    const values = this.knots?.[`knot_${name}`]?.data;
    if (!values) return null;
    return values[this.knot] + this.share * (values[this.knot + 1] - values[this.knot]);
  }

  // KL of each latent dimension at the knob's value, in nats per image: (K,).
  scoredKl() {
    const values = this.knots?.knot_kl?.data;
    if (!values) return null;
    const from = this.knot * this.latent;
    return Float32Array.from({ length: this.latent }, (_, k) => {
      const next = values[from + this.latent + k];
      return values[from + k] + this.share * (next - values[from + k]);
    });
  }

  // The map's points straight from the codes.
  #place() {
    const z = new Float32Array(this.latent);
    for (let i = 0; i < this.count; i++) {
      for (let k = 0; k < this.latent; k++) z[k] = this.codes[i * this.latent + k];
      const [a, b] = this.toMap(z);
      this.points[2 * i] = a;
      this.points[2 * i + 1] = b;
    }
  }

  static async load(spec) {
    const [weights, codes] = await Promise.all([fetchBytes(spec.weights), fetchBytes(spec.codes)]);
    return new Run(spec, readTensors(weights), readTensors(codes));
  }

  // The same networks and plane with the codes (count, K) of other images at a value of the knob.
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

  // The same images, encoded anew at a value of the knob.
  setCodes(data, value) {
    this.codes.set(data);
    this.codesAt = value;
    if (this.recoded) this.#place(); // those of the held-out digits follow the knob by themselves
  }

  // Range of each latent dimension over the held-out digits, a little widened; of a model with a
  // prior at least ±3.
  #ranges() {
    this.low = new Float32Array(this.latent).fill(Infinity);
    this.high = new Float32Array(this.latent).fill(-Infinity);
    for (let i = 0; i < this.codes.length; i++) {
      const k = i % this.latent;
      if (this.codes[i] < this.low[k]) this.low[k] = this.codes[i];
      if (this.codes[i] > this.high[k]) this.high[k] = this.codes[i];
    }
    for (let k = 0; k < this.latent; k++) {
      const margin = 0.06 * (this.high[k] - this.low[k]) || 1;
      this.low[k] -= margin;
      this.high[k] += margin;
      if (this.hasPrior) {
        this.low[k] = Math.min(this.low[k], -3);
        this.high[k] = Math.max(this.high[k], 3);
      }
    }
  }

  // Points that a view of the map must hold: of a run with a knob, those at all its positions.
  extent() {
    if (this.recoded) return this.frame; // these images' places and the held-out digits'
    if (!this.knots) return this.points;
    const { rotation: r, scale, shift } = this.alignment;
    const all = this.knots.knot_points.data;
    const some = [];
    for (let i = 0; i < all.length; i += 22) { // every eleventh point tells as much
      some.push(scale * (all[i] * r[0] + all[i + 1] * r[2]) + shift[0],
        scale * (all[i] * r[1] + all[i + 1] * r[3]) + shift[1]);
    }
    return Float32Array.from(some);
  }

  code(index) {
    return this.codes.slice(index * this.latent, (index + 1) * this.latent);
  }

  // Image (pixels,) to {mean, sigma}: sigma is null where the code is a point.
  encode(x) {
    const out = this.encoder.run(Float32Array.from(x));
    const mean = out.slice(0, this.latent);
    if (!this.hasPosterior) return { mean, sigma: null };
    const [low, high] = this.logVarRange;
    const sigma = out
      .slice(this.latent, 2 * this.latent)
      .map((v) => Math.exp(0.5 * Math.min(high, Math.max(low, v))));
    return { mean, sigma };
  }

  // z (K,) to pixel means; the buffer is reused by the next call.
  decode(z) {
    return this.decoder.run(z);
  }

  // Latent to map coordinates: onto the plane, then by the alignment's similarity.
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

  // Map coordinates to the latent they stand for: the point of the plane itself.
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

  // Index of the held-out digit whose code is nearest to z. While the codes at the knob's value are
  // not known, only their places on the map are, so the nearest one there is meant.
  nearest(z) {
    let best = 0, least = Infinity;
    if (this.knots && !this.recoded && !this.codesKnown) {
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

export async function fetchBytes(url) {
  const answer = await fetch(url, { headers: inLanguage() });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.arrayBuffer();
}

const DIGITS = Array.from("0123456789");

// The sheet of held-out digits, or of own images: labels at once, images when they have come.
export class Digits {
  constructor(labels, names = DIGITS) {
    this.labels = labels; // Uint8Array (count,); one beyond the names says that there is no class
    this.names = names;
    this.images = null; // Uint8Array (count * pixels)
    this.byLabel = names.map(() => []);
    labels.forEach((label, i) => this.byLabel[label]?.push(i));
  }

  static async load(spec) {
    const labels = new Uint8Array(await fetchBytes(spec.labels));
    const digits = new Digits(labels, spec.own?.class_names);
    const wanted = [spec.images, spec.mean].filter(Boolean).map(fetchBytes);
    digits.arrived = Promise.all(wanted).then(([bytes, mean]) => {
      digits.images = new Uint8Array(bytes);
      digits.pixels = digits.images.length / digits.labels.length;
      if (mean) digits.mean = new Float32Array(mean); // own images are held against the digits'
      else digits.#mean();
    });
    return digits;
  }

  #mean() {
    this.mean = new Float32Array(this.pixels);
    for (let i = 0; i < this.images.length; i++) this.mean[i % this.pixels] += this.images[i];
    for (let p = 0; p < this.pixels; p++) this.mean[p] /= 255 * this.labels.length;
  }

  // Pixels in [0, 1] of digit `index`, or null before the images have come.
  image(index) {
    if (!this.images) return null;
    const out = new Float32Array(this.pixels);
    const start = index * this.pixels;
    for (let p = 0; p < this.pixels; p++) out[p] = this.images[start + p] / 255;
    return out;
  }

  // The class of digit `index` in words.
  name(index) {
    return this.names[this.labels[index]] ?? "–";
  }

  random(label, choose = Math.random) {
    const among = label === undefined ? null : this.byLabel[label];
    if (!among) return Math.floor(choose() * this.labels.length);
    return among[Math.floor(choose() * among.length)];
  }
}

// Squared error, summed over pixels.
export function squaredError(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

// A standard normal draw (Box and Muller, 1958).
export function normal(choose = Math.random) {
  return Math.sqrt(-2 * Math.log(1 - choose())) * Math.cos(2 * Math.PI * choose());
}

// A source of uniform draws in [0, 1) that a seed fixes: 32-bit xorshift (Marsaglia, 2003).
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
