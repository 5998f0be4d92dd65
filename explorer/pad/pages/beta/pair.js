// Two runs that differ in their likelihood alone, each with its own score.

import { bernoulliNll, gaussianNll, ledger } from "../../engine/ledger.js";
import { squaredError } from "../../engine/numbers.js";
import { Run } from "../../engine/run.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, escaped, format } from "../../parts/page.js";

export class Pair {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.views = [];
    /** @type {Run[] | null} */
    this.runs = null; // once somebody looks
  }

  recolour(colours) {
    for (const view of this.views) view.recolour(colours);
  }

  /**
   * The same digit under a Bernoulli and a Gaussian likelihood, each with its own score.
   * @param {number} digit
   */
  async show(digit) {
    const { text, pad } = this;
    const wanted = pad.data.pair;
    this.runs ??= await Promise.all(wanted.map(({ run }) => Run.load(run)));
    const x = pad.digits.image(digit);
    const { mean } = pad.digits;
    const meanLogits = mean.map((p) => Math.log(Math.max(p, 1e-6) / Math.max(1 - p, 1e-6)));
    const columns = this.runs.map((run) => {
      const { likelihood } = run;
      const output = Float32Array.from(run.decode(run.encode(x).mean));
      const trivial = likelihood.kind === "bernoulli"
        ? bernoulliNll(meanLogits, x)
        : gaussianNll(mean, x, likelihood.sigma);
      return { kind: likelihood.kind, output, trivial, ...ledger(run, x),
        error: squaredError(output, x) };
    });
    this.scores = columns;
    const unit = { bernoulli: text.pair_unit_bernoulli, gaussian: text.pair_unit_gaussian };
    const trivialError = decimals(squaredError(mean, x), 1);
    this.pad.part("pair").innerHTML = `
      ${[text.pair_original, ...columns.map((one) => text[`pair_${one.kind}`])].map((name) =>
        `<figure><canvas class="cell" role="img" aria-label="${escaped(name)}"></canvas>
        <figcaption>${name}</figcaption></figure>`).join("")}
      <table><thead><tr><th scope="col">${text.pair_model}</th><th scope="col">${text.pair_error}</th>
        <th scope="col">${text.pair_nll}</th></tr></thead><tbody>
        ${columns.map((one) => `<tr><th scope="row">${text[`pair_${one.kind}`]}</th>
          <td><b>${decimals(one.error, 1)}</b><small>${text.pair_trivial} ${trivialError}</small></td>
          <td><b>${minus(one.reconstruction)}</b> ${unit[one.kind]}<small>${text.pair_trivial}
          ${minus(one.trivial)}</small></td></tr>`).join("")}</tbody></table>`;
    const pictures = [x, ...columns.map((one) => one.output)];
    this.views = Array.from(this.pad.part("pair").querySelectorAll("canvas"), (canvas, i) => {
      const view = new DigitView(canvas);
      view.recolour(pad.colours);
      view.draw(pictures[i]);
      return view;
    });
    this.pad.part("pair-note").innerHTML = format(text.pair_note, {
      latent: this.runs[0].latent, sigma: this.runs[1].likelihood.sigma });
  }
}

function minus(value) {
  return decimals(value, 1).replace("-", "−");
}
