// A small autoencoder that is trained where it is shown: its gradient by backpropagation and its
// steps by Adam, written out. One hidden layer each side of the code; all in double precision.

import { Adam } from "./adam.js";
import { normal, seeded } from "./numbers.js";

const RATE = 0.02; // Adam's step length at first

/**
 * @typedef {object} Sizes
 * @property {number} dimensions Of a point.
 * @property {number} width Units of each hidden layer.
 * @property {number} latent K.
 * @property {boolean} [bent] Whether hidden units are tanh; else the whole network is linear.
 * @property {number} seed Of the weights it begins with.
 * @property {number} steps After which it is trained.
 */

export class Learner {
  /**
   * @param {number[][]} points (count, dimensions), all of which every step sees.
   * @param {Sizes} sizes
   */
  constructor(points, { dimensions, width, latent, bent = true, seed, steps }) {
    this.points = points;
    this.sizes = [dimensions, width, latent, width, dimensions];
    this.bent = bent;
    this.steps = steps;
    // Weights (outputs, inputs) and then shifts (outputs) of one layer after another.
    this.layers = [];
    let count = 0;
    for (let i = 0; i < 4; i++) {
      const inputs = this.sizes[i], outputs = this.sizes[i + 1];
      this.layers.push({ inputs, outputs, bends: bent && i % 2 === 0, weights: count,
        shifts: count + inputs * outputs });
      count += (inputs + 1) * outputs;
    }
    this.parameters = new Float64Array(count);
    this.gradient = new Float64Array(count);
    this.adam = new Adam(count, RATE, steps);
    this.values = this.sizes.map((size) => new Float64Array(size));
    this.slopes = this.sizes.map((size) => new Float64Array(size));
    const choose = seeded(seed);
    for (const { inputs, outputs, weights } of this.layers) {
      const deviation = Math.sqrt(2 / (inputs + outputs)); // after Glorot and Bengio, 2010
      for (let i = 0; i < inputs * outputs; i++) {
        this.parameters[weights + i] = deviation * normal(choose);
      }
    }
  }

  get done() {
    return this.adam.done;
  }

  get trained() {
    return this.done >= this.steps;
  }

  // Layers `from` to below `to`, from the values that stand before them.
  #forward(from, to) {
    const { parameters } = this;
    for (let l = from; l < to; l++) {
      const { inputs, outputs, bends, weights, shifts } = this.layers[l];
      const before = this.values[l], after = this.values[l + 1];
      for (let o = 0; o < outputs; o++) {
        let sum = parameters[shifts + o];
        for (let i = 0, at = weights + o * inputs; i < inputs; i++) sum += parameters[at + i] * before[i];
        after[o] = bends ? Math.tanh(sum) : sum;
      }
    }
  }

  /**
   * A point's code: (K,).
   * @param {ArrayLike<number>} point
   */
  encode(point) {
    this.values[0].set(point);
    this.#forward(0, 2);
    return Array.from(this.values[2]);
  }

  /**
   * The point that a code stands for: (dimensions,).
   * @param {ArrayLike<number>} z
   */
  decode(z) {
    this.values[2].set(z);
    this.#forward(2, 4);
    return Array.from(this.values[4]);
  }

  /**
   * The loss, a point's squared error summed over its coordinates and averaged over the points, and
   * in `gradient` its slope by every parameter.
   */
  backward() {
    const { points, parameters, gradient, values, slopes, layers } = this;
    gradient.fill(0);
    let loss = 0;
    for (const point of points) {
      values[0].set(point);
      this.#forward(0, 4);
      for (let c = 0; c < point.length; c++) {
        const apart = values[4][c] - point[c];
        loss += apart * apart;
        slopes[4][c] = (2 * apart) / points.length;
      }
      for (let l = 3; l >= 0; l--) {
        const { inputs, outputs, bends, weights, shifts } = layers[l];
        const before = values[l], after = values[l + 1], above = slopes[l + 1], below = slopes[l];
        below.fill(0);
        for (let o = 0; o < outputs; o++) {
          const slope = bends ? above[o] * (1 - after[o] * after[o]) : above[o];
          gradient[shifts + o] += slope;
          for (let i = 0, at = weights + o * inputs; i < inputs; i++) {
            gradient[at + i] += slope * before[i];
            below[i] += slope * parameters[at + i];
          }
        }
      }
    }
    return loss / points.length;
  }

  // One step of Adam down the gradient of all points together; gives the loss before it.
  step() {
    const loss = this.backward();
    this.adam.descend(this.parameters, this.gradient);
    return loss;
  }
}
