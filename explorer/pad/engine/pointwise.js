// What layers do to each number by itself.

import { squash, stretch } from "./coupling.js";

export const POINTWISE = {
  stretch,
  squash,
  relu: (v) => (v > 0 ? v : 0),
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  silu: (v) => v / (1 + Math.exp(-v)),
  // tanh(u) written by one exponential, which browsers run several times faster than Math.tanh
  gelu: (v) => v / (1 + Math.exp(-1.5957691216057308 * (v + 0.044715 * v * v * v))),
};
