// Bytes of a safetensors file to numbers.

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
