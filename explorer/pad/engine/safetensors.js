// Bytes of a safetensors file to numbers, weights that are stored as int8 included.

/**
 * @typedef {object} Tensor
 * @property {number[]} shape
 * @property {any} data Row by row, a Float32Array; of a type other than floats another typed array.
 *
 * @typedef {{ dtype: string, shape: number[], data_offsets: [number, number] }} Entry
 */

/** @type {Float32Array | null} */
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

/**
 * Half-precision numbers as float32.
 * @param {ArrayBuffer} bytes
 */
export function halfFloats(bytes) {
  const table = halves();
  const bits = new Uint16Array(bytes);
  const data = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) data[i] = table[bits[i]];
  return data;
}

// The upper half of a float32 each.
function brainFloats(bytes) {
  return new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer);
}

// Whole numbers beyond 2^53 are rounded; a network's counters are none of those.
const wide = (kind) => (bytes) => Float64Array.from(new kind(bytes), Number);

const READERS = {
  F64: (bytes) => new Float64Array(bytes),
  F32: (bytes) => new Float32Array(bytes),
  F16: halfFloats,
  BF16: brainFloats,
  I64: wide(BigInt64Array),
  U64: wide(BigUint64Array),
  I32: (bytes) => new Int32Array(bytes),
  U32: (bytes) => new Uint32Array(bytes),
  I16: (bytes) => new Int16Array(bytes),
  U16: (bytes) => new Uint16Array(bytes),
  I8: (bytes) => new Int8Array(bytes),
  U8: (bytes) => new Uint8Array(bytes),
  BOOL: (bytes) => new Uint8Array(bytes),
};

/**
 * All tensors of a file by name. An int8 tensor that has a companion `<name>.scale`, a half-precision
 * number for each row along its first dimension, is given as float32: each row times its scale.
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, Tensor>}
 */
export function readTensors(buffer) {
  const headerLength = Number(new DataView(buffer).getBigUint64(0, true));
  /** @type {Record<string, Entry>} */
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerLength)));
  const start = 8 + headerLength;
  const read = (name) => {
    const { dtype, shape, data_offsets: [from, to] } = header[name];
    if (!(dtype in READERS)) throw new Error(`tensor ${name} has the unknown type ${dtype}`);
    const data = READERS[dtype](buffer.slice(start + from, start + to));
    if (data.length !== shape.reduce((a, b) => a * b, 1)) throw new Error(`tensor ${name} is cut off`);
    return data;
  };
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  const scaled = new Set(names.filter((name) =>
    header[name].dtype === "I8" && header[`${name}.scale`]?.dtype === "F16"));
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const name of names) {
    if (name.endsWith(".scale") && scaled.has(name.slice(0, -".scale".length))) continue;
    const { shape } = header[name];
    const data = scaled.has(name) ? byRows(name, read(name), shape, read(`${name}.scale`)) : read(name);
    tensors[name] = { shape, data };
  }
  return tensors;
}

// Whole numbers (rows, …) times the scale of their row.
function byRows(name, data, shape, scales) {
  const rows = shape[0] ?? 1;
  if (scales.length !== rows) {
    throw new Error(`tensor ${name} has ${scales.length} scales for ${rows} rows`);
  }
  const size = data.length / rows;
  const out = new Float32Array(data.length);
  for (let row = 0, i = 0; row < rows; row++) {
    for (const end = i + size; i < end; i++) out[i] = data[i] * scales[row];
  }
  return out;
}
