// A code as it is drawn: z = μ + σ·ε for every latent dimension, with the ε that was drawn, or that
// a hand's move of z amounts to.

import { bernoulliNll, bound, gaussianNll } from "../../engine/ledger.js";
import { drawnFrom, drawnOf, logGaussian } from "../../engine/gaussians.js";
import { clamp, normal } from "../../engine/numbers.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format, grouped } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";

const DRAWS = 8;
const BOUNDS = [1, 5, 50]; // of how many draws a bound on log p(x) is made
const CURVE = [1, 2, 5, 10, 20, 50, 100]; // the same where they are drawn
const WIDTH = 240, HEIGHT = 96, EDGE = 8; // of the curve, without its letters
const ALL = 1000; // draws, so that the mean over groups of them comes near what is expected
const WIDE = 3; // standard deviations that the little axis shows

export class DrawnCode {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    pad.root.insertAdjacentHTML("beforeend", `
      <section class="reparam" data-part="reparam" hidden>
        <div><h2>${this.text.reparam}</h2>
        <div class="modes" role="group" aria-label="${this.text.reparam}">
          <button type="button" data-sampling="mean" title="${this.text.mean_help}">${this.text.mean}</button>
          <button type="button" data-sampling="draw" title="${this.text.draw_epsilon_help}">${this.text.draw_epsilon}</button>
        </div>
        <p class="hint">${this.text.reparam_note}</p>
        <div class="equations" data-part="equations"></div>
        <figure class="bound-curve"><div data-part="bound-curve"></div>
          <figcaption>${this.text.bound_axis}</figcaption></figure></div>
        <div class="draws"><h3>${format(this.text.draws, { count: DRAWS })}</h3>
          <div data-part="draws"></div>
          <p class="bounds" data-part="bounds"></p>
          <p class="hint">${this.text.bounds_note}</p></div>
      </section>`);
    this.root = pad.part("reparam");
    this.buttons = Array.from(this.root.querySelectorAll("[data-sampling]"));
    const [mean, draw] = this.buttons;
    mean.addEventListener("click", () => this.move(() => 0));
    draw.addEventListener("click", () => this.move(() => normal()));
    this.views = Array.from({ length: DRAWS }, () => {
      const canvas = pad.part("draws").appendChild(document.createElement("canvas"));
      canvas.className = "digit small";
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", this.text.one_draw);
      return new DigitView(canvas);
    });
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    this.pad.chores.drop("draws");
  }

  recolour() {
    for (const view of this.views) view.recolour(this.pad.colours);
  }

  // z = μ + σ·ε with ε from `draw`, one for each dimension; zero is the mean itself.
  move(draw) {
    const { pad } = this;
    if (!pad.posterior?.sigma) return;
    pad.ghost = null;
    pad.z = drawnOf(pad.posterior, pad.posterior.mean.map((_, k) => draw(k))).z;
    pad.draw();
    pad.settle();
  }

  // Another digit, run or value of the knob: other posteriors, so other draws.
  changed() {
    const { run, posterior } = this.pad;
    this.root.hidden = !run.hasPosterior;
    if (this.root.hidden || !this.seen.now || !posterior?.sigma) return;
    if (this.rows?.length !== run.latent) this.#build(run.latent);
    const one = () => drawnOf(posterior, posterior.mean.map(() => normal())).z;
    let i = 0;
    this.pad.chores.set("draws", () => {
      if (this.pad.posterior !== posterior) return false; // a newer one has its own draws coming
      this.views[i++].draw(run.decode(one()));
      if (i === DRAWS) this.#bound();
      return i < DRAWS;
    });
    this.drawn();
  }

  // Bounds on log p(x) of the input, from the same draws in groups of k. A Bernoulli likelihood needs pixels of 0 and 1, so the input is rounded and encoded anew.
  #bound() {
    const { run, input } = this.pad;
    const { kind, sigma: spread } = run.likelihood;
    const { prior } = run;
    if (!input || !kind || !prior) return;
    const x = kind === "bernoulli" ? input.map((value) => (value > 0.5 ? 1 : 0)) : input;
    const value = run.value;
    const posterior = run.encode(x);
    this.weights = [];
    this.noise = [];
    this.pad.chores.set("draws", () => {
      if (this.pad.run !== run || this.pad.input !== input || run.value !== value) return false;
      const noise = posterior.mean.map(() => normal());
      const { z, mean, sigma } = drawnOf(posterior, noise);
      const logits = run.decoder.logits(z);
      const nll = kind === "bernoulli" ? bernoulliNll(logits, x) : gaussianNll(logits, x, spread);
      const ratio = prior.logDensity(z) - logGaussian(z, { mean, sigma });
      this.noise.push(noise);
      this.weights.push(ratio - nll);
      const count = this.weights.length;
      if (count % (2 * BOUNDS.at(-1)) === 0) this.#showBounds(); // nearer with each hundred
      return count < ALL;
    });
  }

  #showBounds() {
    this.bounds = BOUNDS.map((k) => bound(this.weights, k));
    this.pad.part("bounds").innerHTML = BOUNDS.map((k, i) => `<span><i>L</i><sub>${k}</sub> <b>${
      decimals(this.bounds[i].mean, 1)}</b> ± ${decimals(this.bounds[i].error, 2)}</span>`).join(" ≤ ") +
      ` ≤ log <i>p</i>(<i>x</i>) <small>${
        format(this.text.bounds_unit, { count: grouped(this.weights.length) })}</small>`;
    this.#drawCurve();
  }

  // L_k against k: the mean, and a band of one standard deviation of single values around it.
  #drawCurve() {
    const each = CURVE.filter((k) => this.weights.length >= 2 * k)
      .map((k) => ({ k, ...bound(this.weights, k) }));
    const low = Math.min(...each.map(({ mean, spread }) => mean - spread));
    const high = Math.max(...each.map(({ mean, spread }) => mean + spread));
    const across = (k) => EDGE + ((WIDTH - 2 * EDGE) * Math.log(k)) / Math.log(CURVE.at(-1));
    const down = (nats) => EDGE + ((HEIGHT - 2 * EDGE) * (high - nats)) / (high - low || 1);
    const at = ({ k }, nats) => `${across(k).toFixed(1)},${down(nats).toFixed(1)}`;
    const band = [...each.map((one) => at(one, one.mean + one.spread)),
      ...each.map((one) => at(one, one.mean - one.spread)).reverse()];
    const box = this.pad.part("bound-curve");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", format(this.text.bound_curve, {
      first: decimals(each[0].mean, 1), last: decimals(each.at(-1).mean, 1), most: each.at(-1).k }));
    box.innerHTML = `<svg viewBox="0 0 ${WIDTH + 44} ${HEIGHT + 16}" aria-hidden="true">
      <polygon points="${band.join(" ")}"/><polyline points="${each.map((one) => at(one, one.mean)).join(" ")}"/>
      ${each.map((one) => `<circle cx="${across(one.k)}" cy="${down(one.mean)}" r="2.5"/>
        <text x="${across(one.k)}" y="${HEIGHT + 12}">${one.k}</text>`).join("")}
      ${[each[0], each.at(-1)].map((one) => `<text class="end" x="${WIDTH + 2}" y="${down(one.mean) + 4}">${
        decimals(one.mean, 1)}</text>`).join("")}</svg>`;
  }

  #build(latent) {
    const box = this.pad.part("equations");
    box.innerHTML = "";
    box.classList.toggle("many", latent > 4);
    this.rows = Array.from({ length: latent }, (_, k) => {
      const row = box.appendChild(document.createElement("div"));
      row.innerHTML = `<span><i>z</i><sub>${k + 1}</sub></span> = <b></b> + <b></b> · <em></em> = <strong></strong>
        <svg viewBox="-34 -8 68 16" aria-hidden="true"><line x1="-32" x2="32" y1="0" y2="0"/>
        <line y1="-5" y2="5"/><circle r="4"/></svg>`;
      const [mu, sigma] = row.querySelectorAll("b");
      return {
        row, mu, sigma, epsilon: row.querySelector("em"), z: row.querySelector("strong"),
        dot: row.querySelector("circle"),
      };
    });
  }

  // After every drawing of the pad: the ε behind the z that is shown.
  drawn() {
    const { pad } = this;
    if (this.root.hidden || !this.seen.now || !pad.posterior?.sigma || !this.rows) return;
    const { mean, sigma } = drawnFrom(pad.posterior, pad.shown);
    if (mean.length !== this.rows.length) return;
    let still = true;
    this.rows.forEach(({ row, mu, sigma: spread, epsilon, z, dot }, k) => {
      const drawn = (pad.shown[k] - mean[k]) / sigma[k];
      still &&= Math.abs(drawn) < 1e-4;
      mu.textContent = decimals(mean[k], 2);
      spread.textContent = decimals(sigma[k], 2);
      epsilon.textContent = Math.abs(drawn) < 100 ? signed(drawn) : "±100+";
      z.textContent = decimals(pad.shown[k], 2);
      dot.setAttribute("cx", 10 * clamp(drawn, -WIDE, WIDE));
      row.classList.toggle("far", Math.abs(drawn) > WIDE);
    });
    this.buttons[0].setAttribute("aria-pressed", String(still));
    this.buttons[1].setAttribute("aria-pressed", String(!still));
  }
}

function signed(value) {
  const text = decimals(Math.abs(value), 2);
  return value < 0 && Number(text) ? `(−${text})` : text;
}
