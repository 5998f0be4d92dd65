// How fast a network's answers move with what it is given: its Jacobian at one input, exactly, and
// which changes of an image a code follows. Layer lists without convolutions.

import { GATES, largestOf, quadrantMask } from "./network.js";
import { seeded } from "./numbers.js";

/**
 * @typedef {import("./network.js").Layer} Layer
 * @typedef {import("./safetensors.js").Tensor} Tensor
 *
 * One layer at one input, as the linear map that it is there: `push` takes a change of what goes in
 * to the change of what comes out, `pull` takes a row of the Jacobian behind it to one before it.
 * @typedef {{ push: (change: Float32Array) => Float32Array,
 *   pull: (row: Float32Array) => Float32Array }} Linear
 */

const C = 1.5957691216057308, D = 0.044715; // of GELU, see network.js
const logistic = (/** @type {number} */ v) => 1 / (1 + Math.exp(-v));

// Value and slope of each activation.
const ACTIVATIONS = {
  relu: (v) => [Math.max(0, v), v > 0 ? 1 : 0],
  tanh: (v) => [Math.tanh(v), 1 - Math.tanh(v) ** 2],
  sigmoid: (v) => [logistic(v), logistic(v) * (1 - logistic(v))],
  silu: (v) => [v * logistic(v), logistic(v) * (1 + v * (1 - logistic(v)))],
  gelu: (v) => {
    const s = logistic(C * (v + D * v * v * v));
    return [v * s, s + v * s * (1 - s) * C * (1 + 3 * D * v * v)];
  },
};

/**
 * Whether `linearised` knows all layers of a list.
 * @param {Layer[]} layers
 */
export function isDense(layers) {
  return layers.every(({ op }) => !op.startsWith("conv") && op !== "levels" && op !== "couple");
}

/**
 * A layer list at an input x as linear maps, one a layer that does something.
 * @param {Layer[]} layers Without convolutions.
 * @param {Record<string, Tensor>} tensors
 * @param {ArrayLike<number>} x
 * @param {number} [position] Of the continuous knob.
 * @param {ArrayLike<number>} [told] What the layers are told.
 * @param {number[]} [shape] Of an image, a part of which is told.
 * @returns {Linear[]}
 */
export function linearised(layers, tensors, x, position = 0, told = [], shape = []) {
  let value = Float32Array.from(x);
  const found = [];
  for (const layer of layers) {
    if (layer.op === "reshape" || layer.op === "shift") {
      const bias = tensors[layer.bias]?.data, weight = tensors[layer.weight]?.data;
      if (bias) value = value.map((v, i) => v + weight[i] * position + bias[i]);
      continue;
    }
    if (layer.op === "kept") { // what is seen doesn't move
      const seen = quadrantMask(Array.from({ length: 4 }, (_, i) => told[i]), shape);
      const scale = (v) => v.map((one, i) => (seen[i] ? 0 : one));
      found.push({ push: scale, pull: scale });
      continue;
    }
    if (layer.op === "told") {
      const { data, shape: [, width] } = tensors[layer.weight];
      value = value.map((v, f) => {
        for (let i = 0; i < width; i++) v += data[f * width + i] * told[i];
        return v;
      });
      continue;
    }
    if (layer.op.startsWith("linear")) {
      const { data, shape: [rows, columns] } = tensors[layer.weight];
      const turned = layer.op === "linear_transpose";
      const bias = tensors[layer.bias].data;
      const across = (v) => times(data, rows, columns, v), down = (v) => timesTransposed(data, rows, columns, v);
      const push = turned ? down : across;
      value = push(value).map((v, i) => v + bias[i]);
      found.push({ push, pull: turned ? across : down });
      continue;
    }
    let slope;
    if (layer.op === "largest") {
      slope = largestOf(value, layer.count);
      value = value.map((v, i) => v * slope[i]);
    } else if (layer.op === "gate") {
      const bias = tensors[layer.bias].data, gate = GATES[layer.kind];
      slope = tensors[layer.weight].data.map((w, i) => gate(w * position + bias[i]));
      value = value.map((v, i) => v * slope[i]);
    } else {
      const each = Array.from(value, ACTIVATIONS[layer.op]);
      value = Float32Array.from(each, ([answer]) => answer);
      slope = Float32Array.from(each, ([, steepness]) => steepness);
    }
    const scale = (v) => v.map((one, i) => one * slope[i]);
    found.push({ push: scale, pull: scale });
  }
  return found;
}

// weight (rows, columns) · v (columns,)
function times(weight, rows, columns, v) {
  const out = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += weight[r * columns + c] * v[c];
    out[r] = sum;
  }
  return out;
}

// v (rows,) · weight (rows, columns)
function timesTransposed(weight, rows, columns, v) {
  const out = new Float32Array(columns);
  for (let r = 0; r < rows; r++) {
    if (v[r] === 0) continue;
    for (let c = 0; c < columns; c++) out[c] += v[r] * weight[r * columns + c];
  }
  return out;
}

/**
 * Rows of the Jacobian of the first `count` of `outputs` answers.
 * @param {Linear[]} maps
 * @param {number} count
 * @param {number} outputs
 */
export function rowsOf(maps, count, outputs) {
  return unit(count, outputs).map((row) => maps.reduceRight((r, { pull }) => pull(r), row));
}

/**
 * Columns of the Jacobian: what a change of each of the `inputs` does.
 * @param {Linear[]} maps
 * @param {number} inputs
 */
export function columnsOf(maps, inputs) {
  return unit(inputs, inputs).map((change) => maps.reduce((c, { push }) => push(c), change));
}

function unit(count, length) {
  return Array.from({ length: count }, (_, i) => {
    const one = new Float32Array(length);
    one[i] = 1;
    return one;
  });
}

/**
 * Singular values of a matrix given by its rows, the largest first, each with the direction that it
 * stretches so much, of length 1. By Jacobi's rotations of rows until all are orthogonal.
 * @param {Float32Array[]} rows
 * @returns {{ value: number, direction: Float32Array }[]}
 */
export function singular(rows) {
  const found = rows.map((row) => Float64Array.from(row));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let i = 0; i < found.length; i++) {
      for (let j = i + 1; j < found.length; j++) off = Math.max(off, rotate(found[i], found[j]));
    }
    if (off < 1e-9) break;
  }
  return found
    .map((row) => ({ value: Math.sqrt(dot(row, row)), row }))
    .sort((a, b) => b.value - a.value)
    .map(({ value, row }) => ({ value, direction: Float32Array.from(row, (v) => v / (value || 1)) }));
}

// Turns two rows in their plane until they are orthogonal; gives how far from it they were.
function rotate(a, b) {
  const aa = dot(a, a), bb = dot(b, b), ab = dot(a, b);
  if (!aa || !bb || Math.abs(ab) < 1e-12 * Math.sqrt(aa * bb)) return 0;
  const zeta = (bb - aa) / (2 * ab);
  const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + t * t), sine = cosine * t;
  for (let i = 0; i < a.length; i++) {
    const one = a[i], other = b[i];
    a[i] = cosine * one - sine * other;
    b[i] = sine * one + cosine * other;
  }
  return Math.abs(ab) / Math.sqrt(aa * bb);
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * How an encoder's Jacobian treats changes along some directions and off them: root mean squares,
 * over directions of length 1, of how far the code moves.
 * @param {Float32Array[]} rows Of the encoder's Jacobian, (pixels,) each.
 * @param {Float32Array[]} along Directions that need be neither orthogonal nor of length 1.
 * @returns {{ along: number, off: number }}
 */
export function gains(rows, along) {
  const axes = singular(along).filter(({ value }) => value > 1e-6);
  const whole = rows.reduce((sum, row) => sum + dot(row, row), 0);
  let kept = 0;
  for (const { direction } of axes) for (const row of rows) kept += dot(row, direction) ** 2;
  const left = rows[0].length - axes.length;
  return {
    along: axes.length ? Math.sqrt(kept / axes.length) : 0,
    off: left ? Math.sqrt(Math.max(0, whole - kept) / left) : 0,
  };
}

/**
 * A direction of length 1 off all of some others, drawn by a seed.
 * @param {Float32Array[]} along Directions that need be neither orthogonal nor of length 1.
 * @param {number} seed
 */
export function offAll(along, seed) {
  const choose = seeded(seed);
  const found = Float64Array.from({ length: along[0].length }, () => choose() - 0.5);
  for (const { value, direction } of singular(along)) {
    if (value < 1e-6) continue;
    const share = dot(found, direction);
    for (let i = 0; i < found.length; i++) found[i] -= share * direction[i];
  }
  const length = Math.sqrt(dot(found, found));
  return Float32Array.from(found, (v) => v / length);
}

const PATCH = 1.5; // half a side of a patch of images; a digit is some nine long
const PATCH_SEED = 5;

/**
 * Where a square patch of images around one goes in the code: `lines` of codes, those along the sheet
 * of decoded images first, then as many off it, and the length of the patch's middle line of either
 * kind in the code, beside its `side` among images.
 * @param {import("./run.js").Run} run
 * @param {ArrayLike<number>} x
 * @param {{ sheet: Float32Array, off: Float32Array }} ways Two directions of length 1.
 * @param {number} steps Points of a line, an odd number, and as many lines.
 */
export function patch(run, x, { sheet, off }, steps = 9) {
  const place = (i) => PATCH * ((2 * i) / (steps - 1) - 1);
  const codes = Array.from({ length: steps * steps }, (_, i) => {
    const a = place(i % steps), b = place(Math.floor(i / steps));
    return run.encode(Float32Array.from(x, (v, p) => v + a * sheet[p] + b * off[p])).mean.slice();
  });
  const steppy = Array.from({ length: steps }, (_, i) => i);
  const alongs = steppy.map((b) => steppy.map((a) => codes[b * steps + a]));
  const offs = steppy.map((a) => steppy.map((b) => codes[b * steps + a]));
  const length = (line) => line.slice(1).reduce((sum, z, i) =>
    sum + Math.hypot(...Array.from(z, (v, k) => v - line[i][k])), 0);
  const middle = (steps - 1) / 2;
  return {
    lines: [...alongs, ...offs], side: 2 * PATCH,
    along: length(alongs[middle]), off: length(offs[middle]),
  };
}

/**
 * What a run's code follows at an image: its encoder's singular values with their directions, and its
 * gains along and off the sheet of decoded images at the code. Null for networks with convolutions.
 * @param {import("./run.js").Run} run
 * @param {ArrayLike<number>} x
 * @param {ArrayLike<number>} z The code of x.
 */
export function sensitivity(run, x, z) {
  const { encoder, decoder } = run.program;
  if (!isDense(encoder) || !isDense(decoder)) return null;
  const at = run.dial ? run.position(run.value) : 0;
  const outputs = run.hasPosterior ? 2 * run.latent : run.latent;
  const rows = rowsOf(linearised(encoder, run.tensors, x, at, run.spelled, run.program.shape), run.latent, outputs);
  const columns = columnsOf(linearised(decoder, run.tensors, z, at, run.spelled, run.program.shape), run.latent);
  const ways = { sheet: singular(columns)[0].direction, off: offAll(columns, PATCH_SEED) };
  return { values: singular(rows), ways, ...gains(rows, columns) };
}
