// How far two estimates of the same gradient scatter: a little picture and two variances for each
// of q's numbers.

import { clamp, seeded } from "../../engine/numbers.js";
import { WAYS, estimate, gradient } from "../../engine/posteriors.js";
import { decimals } from "../../parts/page.js";
import { penOf } from "../../parts/toy_pad.js";

export const ESTIMATES = 200; // by each way
const REACH = 3; // deviations of the wider ones to each side; what lies beyond stands at the edge

export class Spread {
  /**
   * @param {import("../../parts/page.js").Box} box
   * @param {import("../../parts/page.js").Texts} text
   */
  constructor(box, text) {
    this.box = box;
    this.text = text;
    /** @type {{ score: number, place: number }[]} */
    this.variances = []; // of each of the gradient's numbers
  }

  /**
   * Many estimates by both ways, from the same draws, and how far each lies from the gradient itself.
   * @param {{ of: import("../../engine/posteriors.js").Case,
   *   q: import("../../engine/posteriors.js").Normal, full: boolean, draws: number,
   *   colours: import("../../parts/theme.js").Colours }} given
   */
  show({ of, q, full, draws, colours }) {
    const { box, text } = this;
    const all = Object.fromEntries(Object.keys(WAYS).map((way) => {
      const choose = seeded(1);
      return [way, Array.from({ length: ESTIMATES }, () =>
        estimate(of, q, { way, full, draws, choose }).gradient)];
    }));
    const truth = gradient(of, q, full);
    const names = ["mean_0", "mean_1"].slice(0, of.dimensions)
      .concat(["deviation_0", "deviation_1"].slice(0, of.dimensions), "correlation");
    if (box.children.length !== truth.length) {
      box.innerHTML = truth.map(() => `<figure><figcaption></figcaption><canvas role="img"></canvas>
        <p><i class="gap"></i><b></b> <i class="elbo"></i><b></b></p></figure>`).join("");
    }
    this.variances = truth.map((value, i) => {
      const score = all.score.map((one) => one[i]), place = all.place.map((one) => one[i]);
      const variance = { score: about(score, value), place: about(place, value) };
      const figure = box.children[i], canvas = figure.querySelector("canvas");
      const name = text[names[i]];
      figure.querySelector("figcaption").textContent = name;
      const told = figure.querySelectorAll("b");
      told[0].textContent = short(variance.score);
      told[1].textContent = short(variance.place);
      canvas.setAttribute("aria-label", `${name}: ${text.way_score} ${short(variance.score)}, ${
        text.way_place} ${short(variance.place)}`);
      const { clientWidth: width, clientHeight: height } = canvas;
      if (width) {
        const reach = REACH * Math.sqrt(Math.max(variance.score, variance.place)) || 1;
        const pen = penOf(canvas, width, height);
        paint(pen, colours, width, height, { score, place, value, reach });
      }
      return variance;
    });
  }
}

// The mean squared distance from a value.
function about(list, value) {
  return list.reduce((sum, one) => sum + (one - value) ** 2, 0) / list.length;
}

function short(value) {
  return decimals(value, value >= 100 ? 0 : value >= 1 ? 2 : 4);
}

// Two histograms on one axis: above by the score function, below by reparameterisation. The upright
// line is the gradient itself.
function paint(pen, { ink, accent, palette }, width, height, { score, place, value, reach }) {
  const bins = Math.max(12, Math.floor(width / 5)), middle = height / 2;
  const counted = (list) => {
    const counts = new Array(bins).fill(0);
    for (const one of list) {
      const bin = Math.floor((((one - value) / reach + 1) / 2) * bins);
      counts[clamp(bin, 0, bins - 1)]++;
    }
    return counts;
  };
  const sides = /** @type {[number[], string, number][]} */ ([
    [counted(score), palette[6], -1], [counted(place), accent, 1]]);
  for (const [counts, hue, way] of sides) {
    const most = Math.max(...counts);
    pen.fillStyle = hue;
    counts.forEach((count, i) => {
      const tall = ((middle - 2) * count) / most;
      pen.fillRect((i * width) / bins, way < 0 ? middle - tall : middle, width / bins - 0.5, tall);
    });
  }
  pen.strokeStyle = ink;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, middle);
  pen.lineTo(width, middle);
  pen.moveTo(width / 2, 0);
  pen.lineTo(width / 2, height);
  pen.stroke();
}
