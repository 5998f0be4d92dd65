// How images are corrupted, and networks that clean them.

import { fetchBytes } from "./fetching.js";
import { Network } from "./network.js";
import { normal, seeded } from "./numbers.js";
import { readTensors } from "./safetensors.js";

// The corruptions of core/noise.py for one draw a pixel: `uniform` in [0, 1), `gauss` of N(0, 1).
// A level scales the same noise, so pixels are taken one after the other as it grows.
export const CORRUPTIONS = {
  gaussian: (x, level, { gauss }) => x.map((value, i) => value + level * gauss[i]), // not clipped
  salt_and_pepper: (x, level, { uniform }) =>
    x.map((value, i) => (uniform[i] < level / 2 ? 0 : uniform[i] < level ? 1 : value)),
  masking: (x, level, { uniform }) => x.map((value, i) => (uniform[i] < level ? 0 : value)),
};

export function pattern(seed, pixels) {
  const choose = seeded(seed);
  const uniform = Float32Array.from({ length: pixels }, choose);
  return { uniform, gauss: Float32Array.from({ length: pixels }, () => normal(choose)) };
}

// A run of which only encoder and decoder are needed.
export class Cleaner {
  constructor({ program }, weights) {
    const tensors = readTensors(weights);
    this.encoder = new Network(program.encoder, tensors, program.shape);
    this.decoder = new Network(program.decoder, tensors, [program.latent]);
  }

  static async load(spec) {
    return new Cleaner(spec, await fetchBytes(spec.weights));
  }

  // Pixels to pixels, in a buffer that the next call reuses.
  answer(x) {
    return this.decoder.run(this.encoder.run(x));
  }
}
