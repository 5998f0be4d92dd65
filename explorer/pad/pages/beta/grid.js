// All K and β at a glance: the digit in hand as each of them gives it back.

import { squaredError } from "../../engine/numbers.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format, idle } from "../../parts/page.js";
import { greyPicture } from "../../parts/picture.js";

const SIDE = 56; // of a digit that is saved

export class Grid {
  /**
   * `fetch(k)` gives a stop's run; `onPick(k, beta)` is told when a cell is pressed.
   * @param {import("../../parts/latent_pad.js").LatentPad} pad
   * @param {{ k: number }[]} stops
   * @param {{ fetch: (k: number) => Promise<import("../../engine/run.js").Run>, onPick: (k: number, beta: number) => void }} acts
   */
  constructor(pad, stops, { fetch, onPick }) {
    this.pad = pad;
    this.stops = stops;
    this.fetch = fetch;
    this.onPick = onPick;
    this.text = pad.text;
    /** @type {{ name: string, cells: import("../../parts/montage.js").Cell[] }[] | null} */
    this.rows = null; // what is shown, once all of it is
  }

  recolour(colours) {
    this.original?.recolour(colours);
    for (const { view } of this.cellViews?.values() ?? []) view.recolour(colours);
  }

  #build() {
    const { text } = this;
    const betas = this.columns;
    this.pad.part("grid").style.setProperty("--columns", betas.length);
    this.pad.part("grid").innerHTML = `
      <figure class="original"><canvas role="img" class="cell" data-part="original"></canvas></figure>
      ${betas.map((beta) => `<b class="head">β = ${beta}</b>`).join("")}
      ${this.stops.map(({ k }) => `<b class="head side">K = ${k}</b>${betas.map((beta) => `
        <button type="button" data-cell="${k}:${beta}"><canvas class="cell" aria-hidden="true"></canvas>
        <small></small></button>`).join("")}`).join("")}`;
    this.original = new DigitView(this.pad.part("original"));
    this.cellViews = new Map();
    for (const button of this.pad.part("grid").querySelectorAll("[data-cell]")) {
      const view = new DigitView(button.firstElementChild);
      this.cellViews.set(button.dataset.cell, { button, view });
      button.setAttribute("aria-label", text.loading);
      button.addEventListener("click", () => {
        const [k, beta] = button.dataset.cell.split(":").map(Number);
        this.onPick(k, beta);
      });
    }
  }

  get columns() {
    return this.pad.data?.betas ?? [];
  }

  async show(digit) {
    this.shown = digit;
    if (!this.cellViews) this.#build();
    const { text, pad } = this;
    this.rows = null;
    const rows = [];
    const cell = (image, words) =>
      ({ picture: greyPicture(image), width: SIDE, height: SIDE, ...words });
    const x = pad.digits.image(digit);
    this.original.recolour(pad.colours);
    this.original.draw(x);
    this.pad.part("original").setAttribute(
      "aria-label", format(text.input_digit, { label: pad.digits.labels[digit] }));
    for (const { k } of this.stops) {
      const run = await this.fetch(k);
      if (this.shown !== digit) return; // another one is shown meanwhile
      const cells = [cell(x, { above: rows.length ? "" : "x" })];
      rows.push({ name: `K = ${k}`, cells });
      for (const beta of this.columns) {
        const { button, view } = this.cellViews.get(`${k}:${beta}`);
        const output = run.at(beta, () => run.decode(run.encode(x).mean));
        view.recolour(pad.colours);
        view.draw(output);
        const error = decimals(squaredError(output, x), 1);
        cells.push(cell(output, { above: `β = ${beta}`, below: error }));
        button.lastElementChild.textContent = error;
        button.setAttribute("aria-label", format(text.cell, { k, beta, error }));
      }
      await idle();
    }
    this.rows = rows; // as they are saved
    this.showHere();
  }

  // Which cell of the grid the knobs stand at.
  showHere() {
    if (!this.cellViews) return;
    for (const [name, { button }] of this.cellViews) {
      const [k, beta] = name.split(":").map(Number);
      const here = k === this.pad.run.latent && Math.abs(Math.log(beta / this.pad.run.value)) < 0.02;
      if ((button.getAttribute("aria-current") === "true") !== here) {
        button.setAttribute("aria-current", String(here));
      }
    }
  }
}
