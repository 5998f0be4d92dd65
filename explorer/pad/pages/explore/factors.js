// Data whose factors are known: which dimension of the code tells which factor, as a matrix; and for
// one factor and one dimension, what comes out when only the one or only the other changes.

import { fetchBytes } from "../../engine/fetching.js";
import { gap, told } from "../../engine/factors.js";
import { address } from "../../parts/address.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format, grouped } from "../../parts/page.js";
import { roving } from "../../parts/roving.js";
import { Seen } from "../../parts/seen.js";

export class FactorMatrix {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    const t = (this.text = pad.text);
    pad.root.querySelector(".controls").insertAdjacentHTML("afterend", `
      <section class="factors" data-part="factors" hidden>
        <h2>${t.factors}</h2>
        <p class="hint">${t.factors_note}</p>
        <div class="factor-halves">
          <div><div class="matrix" data-part="factor-matrix"></div>
            <p class="bounds" data-part="factor-numbers"></p></div>
          <div>
            <h3 data-part="factor-only"></h3>
            <div class="strip" data-part="factor-true"></div>
            <p class="hint">${t.factor_answers}</p>
            <div class="strip" data-part="factor-answers"></div>
            <h3 data-part="factor-dimension"></h3>
            <div class="strip" data-part="factor-walk"></div>
            <p class="hint" data-part="factor-said" role="status" aria-live="polite"></p>
          </div>
        </div>
      </section>`);
    this.root = pad.part("factors");
    this.views = [];
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    this.pad.chores.drop("factors");
  }

  recolour() {
    for (const view of this.views) view.recolour(this.pad.colours);
  }

  // Another run, or other images.
  changed() {
    const { run, data } = this.pad;
    const spec = data?.digits.factors;
    this.root.hidden = !spec || Boolean(data.digits.own) || !run.codes;
    if (this.root.hidden || !this.seen.now || this.run === run) return;
    this.run = run;
    this.#load(run, spec);
  }

  async #load(run, spec) {
    const [values, sweeps] = await Promise.all([spec.values, spec.sweeps].map(fetchBytes));
    if (this.run !== run) return; // another one was asked for meanwhile
    this.factors = { names: spec.names, levels: spec.levels, values: new Uint8Array(values) };
    this.names = spec.names.map((name) => this.text[`factor_${name}`] ?? name);
    const pixels = run.pixels;
    const images = new Uint8Array(sweeps);
    let next = 0;
    this.sweeps = spec.levels.map((levels) => levels.map(() => {
      const image = Float32Array.from(images.subarray(next, next + pixels), (grey) => grey / 255);
      next += pixels;
      return image;
    }));
    this.pad.chores.set("factors", () => {
      if (this.run !== run) return false;
      this.shares = told(this.factors, run.codes, run.latent);
      this.#build();
      return false;
    });
  }

  #build() {
    const { shares, names, text, run } = this;
    const columns = run.latent;
    const box = this.pad.part("factor-matrix");
    box.style.setProperty("--columns", String(columns));
    const heads = Array.from({ length: columns }, (_, j) => `<span><i>z</i><sub>${j + 1}</sub></span>`);
    box.innerHTML = `<span></span>${heads.join("")}${names.map((name) =>
      `<span class="name">${name}</span>${'<button type="button"></button>'.repeat(columns)}`).join("")}`;
    this.buttons = [...box.querySelectorAll("button")];
    this.buttons.forEach((button, i) => {
      const f = Math.floor(i / columns), j = i % columns;
      const percent = decimals(100 * shares[f][j], 0);
      button.style.setProperty("--share", decimals(shares[f][j], 3));
      button.classList.toggle("much", shares[f][j] > 0.5);
      button.textContent = percent;
      button.setAttribute("aria-label", format(text.factor_cell, { factor: names[f], k: j + 1, percent }));
      button.addEventListener("click", () => {
        this.#show(f, j);
        address.set({ factor: `${f + 1}.${j + 1}` });
      });
    });
    roving(box, this.buttons, columns);
    this.pad.part("factor-numbers").innerHTML = format(text.factor_numbers, {
      count: grouped(run.count), mig: `<b>${decimals(gap(shares), 3)}</b>` });
    this.#show(...this.#asked());
  }

  // The link's factor and dimension, else those that belong together most.
  #asked() {
    const asked = address.get("factor");
    const [, f, j] = asked?.match(/^(\d{1,3})\.(\d{1,3})$/)?.map(Number) ?? [];
    if (f >= 1 && f <= this.names.length && j >= 1 && j <= this.run.latent) return [f - 1, j - 1];
    if (asked !== null) this.pad.say(this.text.bad_factor);
    let best = [0, 0];
    this.shares.forEach((row, f) => row.forEach((share, j) => {
      if (share > this.shares[best[0]][best[1]]) best = [f, j];
    }));
    return best;
  }

  // What changes with this factor alone, and what with this dimension alone.
  #show(factor, dimension) {
    const { text, run, names, factors } = this;
    const truth = this.sweeps[factor];
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed",
      String(i === factor * run.latent + dimension)));
    this.buttons.forEach((button, i) => button.tabIndex =
      i === factor * run.latent + dimension ? 0 : -1);
    const codes = truth.map((image) => run.encode(image).mean);
    const middle = codes[Math.floor(codes.length / 2)];
    const [low, high] = [run.low[dimension], run.high[dimension]];
    const walk = truth.map((_, i) => {
      const z = Float32Array.from(middle);
      z[dimension] = low + ((high - low) * i) / Math.max(1, truth.length - 1);
      return run.decode(z).slice(); // the network's own is used again
    });
    this.views = [
      ...this.#strip("factor-true", truth),
      ...this.#strip("factor-answers", codes.map((z) => run.decode(z).slice())),
      ...this.#strip("factor-walk", walk),
    ];
    const symbol = `<i>z</i><sub>${dimension + 1}</sub>`;
    this.pad.part("factor-only").textContent = format(text.factor_only, { factor: names[factor] });
    this.pad.part("factor-dimension").innerHTML = format(text.factor_dimension, { z: symbol });
    const moved = codes.map((z) => z[dimension]);
    const words = factor ? text.factor_said : text.factor_said_kinds;
    this.pad.part("factor-said").innerHTML = format(words, {
      factor: names[factor], z: symbol,
      first: decimals(moved[0], 2), last: decimals(moved.at(-1), 2),
      from: decimals(factors.levels[factor][0], 1), to: decimals(factors.levels[factor].at(-1), 1),
      percent: decimals(100 * this.shares[factor][dimension], 0),
    });
  }

  #strip(name, images) {
    const box = this.pad.part(name);
    box.innerHTML = '<canvas class="digit"></canvas>'.repeat(images.length);
    return images.map((image, i) => {
      const view = new DigitView(box.children[i]);
      view.recolour(this.pad.colours);
      view.draw(image);
      return view;
    });
  }
}
