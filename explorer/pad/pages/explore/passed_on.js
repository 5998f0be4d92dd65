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
const DRAWS = 8; // of the noise, whose mean is told

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
    /** @type {import("../../engine/noise.js").Noise[]} */
    this.noises = []; // each drawn once
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.gone = true;
    this.seen.destroy();
    this.pad.chores.drop("passed");
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

  // This image under one draw of the noise.
  #noisy(clean, draw) {
    const level = Number(this.slider.value) / 100;
    this.noises[draw] ??= pattern(SEED + draw, clean.length);
    return CORRUPTIONS.gaussian(clean, level, this.noises[draw]);
  }

  // Pictures of the first draw at once; figures, means over several, as soon as there is time.
  #draw() {
    const { pad, rows } = this;
    if (!pad.input || !this.input) return;
    this.root.querySelector("output").textContent = decimals(Number(this.slider.value) / 100, 2);
    const clean = Float32Array.from(pad.input);
    const noisy = this.#noisy(clean, 0);
    this.input.draw(noisy);
    for (const { view, answer } of rows) if (answer) view.draw(answer(noisy));
    let draw = 0;
    const sums = [null, ...rows].map(() => ({ error: 0, share: 0 }));
    pad.chores.set("passed", () => {
      if (this.rows !== rows) return false;
      const now = this.#noisy(clean, draw++);
      [(/** @type {Float32Array} */ x) => x, ...rows.map(({ answer }) => answer)].forEach((answer, i) => {
        if (!answer) return;
        const { error, share } = passed(answer, clean, now);
        sums[i].error += error / DRAWS;
        sums[i].share += share / DRAWS;
      });
      if (draw < DRAWS) return true;
      this.#tell(sums);
      return false;
    });
  }

  #tell(sums) {
    const { text } = this;
    const [own, ...others] = sums;
    const error = (found) => format(text.passed_error, { error: decimals(found.error, 1) });
    this.inputSaid.innerHTML = error(own);
    this.rows.forEach(({ said, answer }, i) => {
      if (!answer) return;
      const share = format(text.passed_share, { share: decimals(100 * others[i].share, 0) });
      said.innerHTML = error(others[i]) + (own.error ? `<br>${share}` : "");
    });
  }
}
