// What becomes of noise on the image: this run beside others whose codes are as wide.

import { Cleaner, CORRUPTIONS, pattern } from "../../engine/noise.js";
import { passed } from "../../engine/units.js";
import { address } from "../../parts/address.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, escaped, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";

const USUAL = 30; // per cent of the pixels' range: the noise's standard deviation
const MOST = 80;
const SEED = 3;

export class PassedOn {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    const t = this.text = pad.text;
    pad.root.insertAdjacentHTML("beforeend", `
      <section class="passed" data-part="passed" hidden>
        <h2>${t.passed}</h2>
        <p class="hint">${t.passed_note}</p>
        <label class="passed-level"><span>${t.passed_level}</span>
          <input type="range" min="0" max="${MOST}" step="1" aria-label="${t.passed_level}">
          <output></output></label>
        <div class="passing" data-part="passing"></div>
      </section>`);
    this.root = pad.part("passed");
    this.box = pad.part("passing");
    this.slider = this.root.querySelector("input");
    this.slider.value = String(address.index("noisy", MOST + 1) ?? USUAL);
    this.slider.addEventListener("input", () => pad.timed(() => this.#draw()));
    this.slider.addEventListener("change", () => {
      const level = Number(this.slider.value);
      address.set({ noisy: level === USUAL ? null : level });
    });
    this.rows = [];
    /** @type {import("../../engine/noise.js").Noise | null} */
    this.noise = null; // drawn once
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.gone = true;
    this.seen.destroy();
  }

  recolour() {
    this.input?.recolour(this.pad.colours);
    for (const { view } of this.rows) view.recolour(this.pad.colours);
  }

  // Another run or another image.
  changed() {
    const { run, data } = this.pad;
    this.root.hidden = !data.beside?.length;
    if (this.root.hidden || !this.seen.now || !this.pad.input) return;
    if (this.run !== run) {
      this.run = run;
      this.#build(data);
    }
    this.#draw();
  }

  #build({ model, beside }) {
    const { text } = this;
    this.box.innerHTML = "";
    const add = (name, bold) => {
      const figure = this.box.appendChild(document.createElement("figure"));
      figure.innerHTML = `<figcaption>${bold ? `<b>${escaped(name)}</b>` : escaped(name)}</figcaption>
        <canvas class="digit" role="img"></canvas><p></p>`;
      figure.querySelector("canvas").setAttribute("aria-label", name);
      const view = new DigitView(figure.querySelector("canvas"));
      view.recolour(this.pad.colours);
      return { view, said: figure.querySelector("p") };
    };
    const { run } = this;
    const input = add(text.passed_input, false);
    this.input = input.view;
    this.inputSaid = input.said;
    /** @type {{ view: DigitView, said: HTMLElement, answer: null | ((x: Float32Array) => Float32Array) }[]} */
    this.rows = [{ ...add(model, true), answer: (x) => run.decode(run.encode(x).mean) }];
    for (const { name, ...spec } of beside) {
      const row = { ...add(name, false), answer: null };
      this.rows.push(row);
      Cleaner.load(spec).then((network) => {
        row.answer = (x) => network.answer(x);
        if (!this.gone && this.run === run) this.#draw();
      }, () => { row.said.textContent = text.passed_failed; });
    }
  }

  #draw() {
    const { pad, text } = this;
    if (!pad.input || !this.input) return;
    const level = Number(this.slider.value) / 100;
    this.root.querySelector("output").textContent = decimals(level, 2);
    const clean = Float32Array.from(pad.input);
    this.noise ??= pattern(SEED, clean.length);
    const noisy = CORRUPTIONS.gaussian(clean, level, this.noise);
    this.input.draw(noisy);
    this.inputSaid.innerHTML = format(text.passed_error, {
      error: decimals(passed((x) => x, clean, noisy).error, 1) });
    for (const { view, said, answer } of this.rows) {
      if (!answer) continue;
      const { after, error, share } = passed(answer, clean, noisy);
      view.draw(after);
      said.innerHTML = format(text.passed_error, { error: decimals(error, 1) }) +
        (level ? `<br>${format(text.passed_share, { share: decimals(100 * share, 0) })}` : "");
    }
  }
}
