// The best and worst digits of each model.

import { extremes } from "../../engine/encoding.js";
import { mean } from "../../engine/numbers.js";
import { inSlices } from "../../engine/slices.js";
import { DigitView } from "../../parts/digit_view.js";
import { saveTable } from "../../parts/downloads.js";
import { montage } from "../../parts/montage.js";
import { decimals, escaped, format } from "../../parts/page.js";
import { greyPicture } from "../../parts/picture.js";
import { heading, idsOf, menu } from "./headings.js";

// The digits that each model gives back best and worst, above what it gives back.
export class Extremes {
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {import("../../parts/page.js").Texts} text
   * @param {(index: number) => void} onPick
   */
  constructor(root, text, onPick) {
    this.root = root;
    this.text = text;
    this.views = [];
    root.innerHTML = `${heading(text.extremes_title, text.extremes_note)}<div class="table"></div>`;
    this.jobs = [];
    const early = () => !(this.jobs.length && this.drawn) && text.save_computing;
    this.menu = menu(root, text, [
      { label: text.save_png, why: early, figure: () => this.#figure() },
      { label: text.save_csv, why: early, save: () => this.#saveTable() },
    ]);
    this.table = root.querySelector(".table");
    this.table.addEventListener("click", (/** @type {any} */ event) => {
      const button = event.target.closest("button");
      if (button) onPick(Number(button.dataset.index));
    });
    this.table.addEventListener("keydown", (event) => this.#rove(event));
  }

  destroy() {
    this.shown = null;
    this.menu.destroy();
  }

  recolour(colours) {
    this.colours = colours;
    for (const view of this.views) view.recolour(colours);
  }

  // Arrows go from digit to digit, so that each model is one stop of the tab key.
  #rove(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const button = event.target.closest("button");
    if (!way || !button) return;
    event.preventDefault();
    const all = Array.from(button.closest(".one").querySelectorAll("button"));
    const next = all[(all.indexOf(button) + way + all.length) % all.length];
    for (const one of all) one.tabIndex = one === next ? 0 : -1;
    next.focus();
  }

  // models: [{name, run, errors}]; `trivial` (count,) is the mean digit's error on each digit.
  async show(models, digits, trivial) {
    this.shown = models;
    const t = this.text;
    this.views = [];
    const whole = decimals(mean(trivial), 1);
    /** @type {any[]} */
    const jobs = [];
    this.jobs = jobs;
    this.drawn = false;
    this.digits = digits;
    this.table.innerHTML = "";
    for (const { name, run, errors } of models) {
      const row = this.table.appendChild(document.createElement("div"));
      row.className = "one";
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", name);
      const told = format(t.extremes_mean, { mean: decimals(mean(errors), 1), trivial: whole });
      row.innerHTML = `<h3>${escaped(name)}<small>${told}</small></h3>`;
      for (const [end, found] of Object.entries(extremes(errors))) {
        const strip = row.appendChild(document.createElement("div"));
        strip.className = `strip ${end}`;
        strip.innerHTML = `<span>${t[`extremes_${end}`]}</span>`;
        for (const index of found) jobs.push({ strip, end, index, name, run, errors });
      }
    }
    const placed = jobs.map((job) => this.#button(job, digits.name(job.index), trivial[job.index]));
    jobs.forEach((job, i) => (job.views = placed[i]));
    for (const row of this.table.children) row.querySelector("button").tabIndex = 0;
    this.mark(this.marked);
    await inSlices(jobs.length, (i) => {
      const { run, index } = jobs[i];
      placed[i][0].draw(digits.image(index));
      placed[i][1].draw(run.ownOutput(index, digits));
    }, { wanted: () => this.shown === models });
    if (this.shown === models) this.drawn = true;
  }

  #button({ strip, end, index, name, errors }, label, trivial) {
    const button = strip.appendChild(document.createElement("button"));
    const error = decimals(errors[index], 1);
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.index = index;
    button.title = format(this.text.extremes_mean_digit, { trivial: decimals(trivial, 1) });
    button.setAttribute("aria-label", format(this.text.extremes_one, {
      label, error, model: name, end: this.text[`extremes_${end}`],
    }));
    button.innerHTML = `<canvas></canvas><canvas></canvas><span>${error}</span>`;
    return Array.from(button.querySelectorAll("canvas"), (canvas) => {
      const view = new DigitView(canvas);
      view.recolour(this.colours);
      this.views.push(view);
      return view;
    });
  }

  #about(name) {
    return { name, run: idsOf(this.shown), title: this.text.extremes_title };
  }

  #figure() {
    const side = 56;
    const cell = (job, k) => ({ picture: greyPicture(job.views[k].last), width: side, height: side });
    const rows = this.shown.flatMap(({ name }) => {
      const mine = this.jobs.filter((job) => job.name === name);
      const ends = mine.map(({ end }, i) => (mine[i - 1]?.end === end ? "" : this.text[`extremes_${end}`]));
      return [
        { name, cells: mine.map((job, i) => ({ ...cell(job, 0), above: ends[i] })) },
        { cells: mine.map((job) => ({ ...cell(job, 1), below: decimals(job.errors[job.index], 1) })) },
      ];
    });
    return {
      about: this.#about("best-and-worst"),
      ...montage(rows),
      legend: () => [{ words: this.text.extremes_legend }],
    };
  }

  #saveTable() {
    const t = this.text;
    const rows = this.jobs.map(({ name, end, index, errors }) =>
      [name, t[`extremes_${end}`], index, this.digits.name(index), errors[index]]);
    const columns = [t.save_model, t.save_end, t.save_index, t.save_class, t.mean_error];
    return saveTable(columns, rows, this.#about("best-and-worst"));
  }

  // Which digit all models show now.
  mark(index) {
    this.marked = index;
    for (const button of this.table.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.index) === index));
    }
  }
}
