// A flow of the plane: couplings (Dinh and others, 2017) that are trained where they are shown, by the
// likelihood of points. Each moves one coordinate by what a small network says of the other, v → v eˡ + m,
// and can be undone. All in double precision.

import { Adam } from "./adam.js";
import { mean, normal, seeded } from "./numbers.js";

const RATE = 0.02; // Adam's step length at first
const REACH = 2; // logarithms of factors stay between −REACH and REACH
const LOG_2PI = Math.log(2 * Math.PI);

/**
 * @typedef {object} Sizes
 * @property {number} couplings
 * @property {number} width Hidden units of each coupling's network, tanh.
 * @property {number} seed Of the weights it begins with.
 * @property {number} steps After which it is trained.
 */

/**
 * log N(z; 0, I) in nats.
 * @param {ArrayLike<number>} z
 */
export function logNormal(z) {
  let sum = 0;
  for (let c = 0; c < z.length; c++) sum -= 0.5 * (z[c] * z[c] + LOG_2PI);
  return sum;
}

/**
 * What points cost, −log p in nats on average, under the normal distribution of their own mean and
 * covariance.
 * @param {number[][]} points
 */
export function costOfOne(points) {
  const [a, b] = [0, 1].map((c) => mean(points.map((point) => point[c])));
  const moment = (of) => mean(points.map(of));
  const xx = moment(([x]) => (x - a) ** 2), yy = moment(([, y]) => (y - b) ** 2);
  const xy = moment(([x, y]) => (x - a) * (y - b));
  return LOG_2PI + 1 + 0.5 * Math.log(xx * yy - xy * xy);
}

export class PlaneFlow {
  /**
   * @param {() => number[][]} draw Points (count, 2), others for every step.
   * @param {Sizes} sizes
   */
  constructor(draw, { couplings, width, seed, steps }) {
    this.draw = draw;
    this.couplings = couplings;
    this.width = width;
    this.steps = steps;
    // Of each coupling its units' weights and shifts, then the weights (2, width) and shifts of what
    // they say: m and what l is made of.
    this.each = 4 * width + 2;
    this.parameters = new Float64Array(couplings * this.each);
    this.gradient = new Float64Array(this.parameters.length);
    this.adam = new Adam(this.parameters.length, RATE, steps);
    this.units = Array.from({ length: couplings }, () => new Float64Array(width));
    this.kept = Array.from({ length: couplings }, () => ({ seen: 0, moved: 0, bent: 0, factor: 1 }));
    const choose = seeded(seed);
    for (let l = 0; l < couplings; l++) {
      for (let u = 0; u < width; u++) { // bends all over the plane; at first little is moved
        this.parameters[l * this.each + u] = 1.5 * normal(choose);
        this.parameters[l * this.each + width + u] = 1.5 * normal(choose);
        this.parameters[l * this.each + 2 * width + u] = 0.1 * normal(choose);
        this.parameters[l * this.each + 3 * width + u] = 0.1 * normal(choose);
      }
    }
  }

  get done() {
    return this.adam.done;
  }

  get trained() {
    return this.done >= this.steps;
  }

  // What coupling l says of a coordinate: {shift, bent}, of which l is REACH · bent.
  #say(l, seen) {
    const { parameters, width } = this, units = this.units[l], at = l * this.each;
    let shift = parameters[at + 4 * width], free = parameters[at + 4 * width + 1];
    for (let u = 0; u < width; u++) {
      units[u] = Math.tanh(parameters[at + u] * seen + parameters[at + width + u]);
      shift += parameters[at + 2 * width + u] * units[u];
      free += parameters[at + 3 * width + u] * units[u];
    }
    return { shift, bent: Math.tanh(free / REACH) };
  }

  /**
   * Where a point is after so many couplings, of the last perhaps a part, and the logarithm of how
   * many times larger an area has become there.
   * @param {ArrayLike<number>} point
   * @param {number} [until]
   */
  forward(point, until = this.couplings) {
    const place = [point[0], point[1]];
    let volume = 0;
    for (let l = 0; l < until; l++) {
      const part = Math.min(1, until - l), moved = l % 2;
      const { shift, bent } = this.#say(l, place[1 - moved]);
      place[moved] = place[moved] * Math.exp(part * REACH * bent) + part * shift;
      volume += part * REACH * bent;
    }
    return { place, volume };
  }

  /**
   * The point that is at a place after so many couplings: `forward` undone.
   * @param {ArrayLike<number>} place
   * @param {number} [until]
   */
  inverse(place, until = this.couplings) {
    const point = [place[0], place[1]];
    for (let l = Math.ceil(until) - 1; l >= 0; l--) {
      const part = Math.min(1, until - l), moved = l % 2;
      const { shift, bent } = this.#say(l, point[1 - moved]);
      point[moved] = (point[moved] - part * shift) * Math.exp(-part * REACH * bent);
    }
    return point;
  }

  /**
   * log of the density, in nats, at a place where the plane has been moved by so many couplings: of a
   * standard normal where the others take it, and how much larger they make an area there.
   * @param {ArrayLike<number>} at
   * @param {number} [until] 0 of the points themselves.
   */
  logDensity(at, until = 0) {
    const place = [at[0], at[1]], whole = Math.floor(until), part = until - whole;
    let volume = 0;
    for (let l = whole; l < this.couplings; l++) {
      const moved = l % 2, { shift, bent } = this.#say(l, place[1 - moved]);
      const rest = l === whole ? 1 - part : 1; // of the one that is partly done
      if (rest < 1) place[moved] = (place[moved] - part * shift) * Math.exp(-part * REACH * bent);
      place[moved] = place[moved] * Math.exp(REACH * bent) + shift;
      volume += rest * REACH * bent;
    }
    return logNormal(place) + volume;
  }

  /**
   * The loss, −log of the density in nats averaged over points, and in `gradient` its slope by every
   * parameter.
   * @param {number[][]} points
   */
  backward(points) {
    const { parameters, gradient, width, kept, couplings } = this;
    gradient.fill(0);
    let loss = 0;
    const share = 1 / points.length, above = [0, 0], place = [0, 0];
    for (const point of points) {
      place[0] = point[0];
      place[1] = point[1];
      for (let l = 0; l < couplings; l++) {
        const moved = l % 2, one = kept[l], said = this.#say(l, place[1 - moved]);
        one.seen = place[1 - moved];
        one.moved = place[moved];
        one.bent = said.bent;
        one.factor = Math.exp(REACH * said.bent);
        place[moved] = one.moved * one.factor + said.shift;
        loss -= share * REACH * said.bent;
      }
      loss -= share * logNormal(place);
      above[0] = share * place[0];
      above[1] = share * place[1];
      for (let l = couplings - 1; l >= 0; l--) {
        const moved = l % 2, units = this.units[l], at = l * this.each;
        const { seen, moved: before, bent, factor } = kept[l];
        const shift = above[moved];
        const free = (above[moved] * before * factor - share) * (1 - bent * bent);
        gradient[at + 4 * width] += shift;
        gradient[at + 4 * width + 1] += free;
        let below = 0;
        for (let u = 0; u < width; u++) {
          gradient[at + 2 * width + u] += shift * units[u];
          gradient[at + 3 * width + u] += free * units[u];
          const slope = (shift * parameters[at + 2 * width + u] + free * parameters[at + 3 * width + u])
            * (1 - units[u] * units[u]);
          gradient[at + u] += slope * seen;
          gradient[at + width + u] += slope;
          below += slope * parameters[at + u];
        }
        above[moved] *= factor;
        above[1 - moved] += below;
      }
    }
    return loss;
  }

  // One step down the gradient of new points together; gives the loss before it.
  step() {
    const loss = this.backward(this.draw());
    this.adam.descend(this.parameters, this.gradient);
    return loss;
  }
}
