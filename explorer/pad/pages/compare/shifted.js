// The digit of all models, shifted across by hand, and how far each of them errs with the shift.

import { squaredError } from "../../engine/numbers.js";
import { FARTHEST, SHIFTS, answer, shiftErrors, shifted } from "../../engine/shifts.js";
import { Chart, SYMBOLS } from "../../parts/chart.js";
import { DigitView } from "../../parts/digit_view.js";
import { saveTable } from "../../parts/downloads.js";
import { decimals, escaped, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";
import { heading, idsOf, menu } from "./headings.js";

export class Shifted {
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {import("../../parts/page.js").Texts} text
   * @param {(work: () => void) => void} timed
   */
  constructor(root, text, timed) {
    this.root = root;
    this.text = text;
    this.views = [];
    this.models = [];
    root.innerHTML = `${heading(text.shifted_title, text.shifted_note)}
      <div class="shift-halves"><div>
        <div class="dial"><label><span class="name">${text.shifted_by}</span>
          <input type="range" min="${-FARTHEST}" max="${FARTHEST}" step="1" value="3"
            aria-label="${text.shifted_by}"><output aria-live="off">3</output></label></div>
        <div class="tiles"></div></div>
        <div class="error-chart"></div></div>`;
    this.slider = root.querySelector("input");
    this.tiles = root.querySelector(".tiles");
    this.box = root.querySelector(".error-chart");
    this.slider.addEventListener("input", () => timed(() => this.#draw()));
    const early = () => !this.chart && text.save_computing;
    this.menu = menu(root, text, [
      {
        label: text.save_svg, why: early,
        figure: () => ({ about: this.#about(), chart: (host) => this.chart.twin(host) }),
      },
      { label: text.save_csv, why: early, save: () => this.#saveTable() },
    ]);
    this.seen = new Seen(root, () => this.#look());
  }

  destroy() {
    this.models = [];
    this.seen.destroy();
    this.menu.destroy();
    this.chart?.destroy();
  }

  recolour(colours) {
    this.colours = colours;
    for (const view of this.views) view.recolour(colours);
  }

  // models: [{name, run}]
  show(models, digits) {
    this.models = models;
    this.digits = digits;
    this.counted = null;
    this.chart?.destroy();
    this.chart = null;
    this.tiles.innerHTML = [this.text.real, ...models.map(({ name }) => escaped(name))].map((name) =>
      `<figure><canvas class="digit"></canvas><figcaption>${name}<b></b></figcaption></figure>`).join("");
    this.views = [...this.tiles.querySelectorAll("canvas")].map((canvas) => new DigitView(canvas));
    this.scores = [...this.tiles.querySelectorAll("b")];
    if (this.colours) this.recolour(this.colours);
    this.#look();
  }

  // Which digit all models show now.
  mark(index) {
    if (index === this.index) return;
    this.index = index;
    this.#draw();
  }

  #look() {
    if (!this.seen.now || !this.models.length) return;
    this.#draw();
    if (this.counted !== this.models) this.#count();
  }

  #draw() {
    const { digits, models, index } = this;
    if (!this.seen.now || !digits?.images || !models.length || !(index >= 0)) return;
    const shift = Number(this.slider.value);
    this.slider.nextElementSibling.textContent = shift;
    const image = shifted(digits.image(index), models[0].run.program.shape.at(-1), shift);
    this.views[0].draw(image);
    models.forEach(({ run }, i) => {
      const output = answer(run, image, digits.labels[index]);
      this.views[i + 1].draw(output);
      this.scores[i + 1].textContent = decimals(squaredError(image, output), 1);
    });
  }

  async #count() {
    const { models } = this;
    this.counted = models;
    await this.digits.arrived;
    const wanted = () => this.models === models;
    this.errors = await shiftErrors(models.map(({ run }) => run), this.digits, wanted);
    if (!this.errors) return;
    const t = this.text;
    this.chart = new Chart(this.box, {
      label: t.shifted_title, legend: true, height: 260,
      x: { title: t.shifted_by, low: -FARTHEST, high: FARTHEST, ticks: SHIFTS },
      y: { title: t.shifted_error, low: 0 },
      series: models.map(({ name }, i) => ({
        name, hue: i, line: true, symbol: SYMBOLS[i % SYMBOLS.length],
        points: this.errors[i].map((error, s) => ({
          x: SHIFTS[s], y: error,
          title: format(t.shifted_point, { name, shift: SHIFTS[s], error: decimals(error, 1) }),
        })),
      })),
    });
  }

  #about() {
    return { name: "shifted-digits", run: idsOf(this.models), title: this.text.shifted_title };
  }

  #saveTable() {
    const rows = this.models.flatMap(({ name }, i) =>
      this.errors[i].map((error, s) => [name, SHIFTS[s], error]));
    return saveTable([this.text.save_model, this.text.shifted_by, this.text.shifted_error], rows,
      this.#about());
  }
}
