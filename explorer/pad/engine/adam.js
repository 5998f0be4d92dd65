// Adam (Kingma and Ba, 2015) down a gradient, its step length falling to 0 along half a cosine.

const FIRST = 0.9, SECOND = 0.999, TINY = 1e-8; // as in the paper

export class Adam {
  /**
   * @param {number} count Of parameters.
   * @param {number} rate Step length at first.
   * @param {number} steps After which it has fallen to 0.
   */
  constructor(count, rate, steps) {
    this.rate = rate;
    this.steps = steps;
    this.done = 0;
    this.first = new Float64Array(count);
    this.second = new Float64Array(count);
  }

  /**
   * One step.
   * @param {Float64Array} parameters
   * @param {Float64Array} gradient
   */
  descend(parameters, gradient) {
    const { first, second } = this;
    const rate = 0.5 * this.rate * (1 + Math.cos((Math.PI * this.done) / this.steps));
    this.done++;
    const firstShare = 1 - FIRST ** this.done, secondShare = 1 - SECOND ** this.done;
    for (let i = 0; i < parameters.length; i++) {
      first[i] += (1 - FIRST) * (gradient[i] - first[i]);
      second[i] += (1 - SECOND) * (gradient[i] * gradient[i] - second[i]);
      const size = Math.sqrt(second[i] / secondShare) + TINY;
      parameters[i] -= (rate * first[i]) / firstShare / size;
    }
  }
}
