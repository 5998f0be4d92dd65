// The layers of a flow: pixels to the line and back, noise beside them, and couplings that are undone.

const MARGIN = 1 / 512; // of what a logit is taken, kept from either end: half a grey level
const GREYS = 256;
const REACH = 3; // logarithms of factors stay between −REACH and REACH

/** @param {number} x Of a pixel, in [0, 1]. */
export function stretch(x) {
  const share = MARGIN + ((1 - 2 * MARGIN) * ((GREYS - 1) * x + 0.5)) / GREYS;
  const kept = Math.min(1 - MARGIN / 2, Math.max(MARGIN / 2, share));
  return Math.log(kept / (1 - kept));
}

/** @param {number} y What `stretch` gave. */
export function squash(y) {
  const share = (1 / (1 + Math.exp(-y)) - MARGIN) / (1 - 2 * MARGIN);
  return Math.min(1, Math.max(0, (GREYS * share - 0.5) / (GREYS - 1)));
}

/**
 * A layer's step: numbers of a state are moved by what a network says of others, v → v eˡ + m, or
 * where it `divides` v → (v − m) e⁻ˡ.
 * @param {{ seen?: number[], moved?: number[], divides?: boolean }} layer Both spans as first number
 *   and the one after the last.
 * @param {{ run: (x: Float32Array) => Float32Array }} network That answers with all m and then all l.
 * @param {number} size Of the state.
 */
export function coupling({ seen, moved: [start, end], divides }, network, size) {
  const out = new Float32Array(size), count = end - start;
  return (/** @type {Float32Array} */ state) => {
    const said = network.run(state.slice(...seen));
    out.set(state);
    for (let i = 0; i < count; i++) {
      const scale = REACH * Math.tanh(said[count + i] / REACH);
      const v = state[start + i];
      out[start + i] = divides ? (v - said[i]) * Math.exp(-scale) : v * Math.exp(scale) + said[i];
    }
    return out;
  };
}

/**
 * A step that puts so many zeros before a state, or leaves out so many numbers.
 * @param {{ op: string, count?: number }} layer
 * @param {number} size Of the state.
 */
export function resizing({ op, count }, size) {
  if (op === "without") return (/** @type {Float32Array} */ state) => state.slice(count);
  const out = new Float32Array(count + size);
  return (/** @type {Float32Array} */ state) => {
    out.set(state, count);
    return out;
  };
}
