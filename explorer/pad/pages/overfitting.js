// Bias and variance: errors of small autoencoders on digits that they were trained on and on held-out
// ones, against K, width and epochs. All of it was trained beforehand; the pad moves through it.

import { address } from "../parts/address.js";
import { Chart } from "../parts/chart.js";
import { mounting, Pad } from "../parts/pad.js";
import { decimals, escaped, format } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";

const AXES = ["latent", "width", "kind"];
const PARTS = ["seen", "held_out", "bias", "variance"];
const SIGNS = { seen: "circle", held_out: "diamond", bias: "square", variance: "triangle" };
const RISES = 1.005; // by how much an error must be above its least to count as having risen

class OverfittingPad extends Pad {
  constructor(component) {
    super(component, "overfittingPad");
  }

  destroy() {
    super.destroy();
    this.chart?.destroy();
    this.menu?.destroy();
  }

  spoken() {
    return this.part("told").textContent;
  }

  update() {} // the file that it shows ships with the app

  load(data) {
    this.data = data;
    const [axis, at, moment] = (address.get("fit") ?? "").split(",");
    this.axis = AXES.includes(axis) ? axis : AXES[0];
    this.rows = this.#rowsOf(this.axis);
    const usual = this.rows.findIndex((row) => row.latent === data.usual.latent);
    this.at = /^\d+$/.test(at ?? "") && this.rows[Number(at)] ? Number(at) : usual;
    const last = data.epochs.length - 1;
    this.moment = /^\d+$/.test(moment ?? "") && Number(moment) <= last ? Number(moment) : last;
    this.#buildPage();
    this.show();
  }

  // What the models of one axis differ in; all else of them is as usual.
  #rowsOf(axis) {
    const { rows, usual } = this.data;
    const same = rows.filter((row) => AXES.every((other) => other === axis || row[other] === usual[other]));
    return axis === "kind" ? same : same.sort((a, b) => a[axis] - b[axis]);
  }

  #name(row) {
    const { text, axis } = this;
    if (axis === "kind") return text[`kind_${row.kind}`];
    return axis === "latent" ? `K = ${row.latent}` : format(text.units, { width: row.width });
  }

  #buildPage() {
    const { text: t, data } = this;
    this.build(`
      <div class="pad toy overfitting">
        <div class="axes"><div class="modes" role="group" aria-label="${t.axes}">${AXES.map((axis) =>
          `<button type="button" data-axis="${axis}">${t[`axis_${axis}`]}</button>`).join("")}</div>
          <div class="dial"><label><span>${t.epochs}</span><input type="range" min="0" step="1"
            max="${data.epochs.length - 1}" data-part="moment" aria-label="${t.epochs}">
            <output aria-live="off"></output></label></div></div>
        <section><h2 data-part="head"></h2><div data-part="chart" aria-busy="false"></div>
          <div class="buttons"></div></section>
        <section><h2>${t.table}</h2><table><thead><tr><td></td>${PARTS.map((part) =>
          `<th scope="col">${t[part]}</th>`).join("")}</tr></thead><tbody></tbody></table>
          <p data-part="told" role="status" aria-live="off"></p>
          <details><summary>${t.how}</summary><p class="hint">${format(t.note, {
            ...data, ...data.usual, mean_image: decimals(data.mean_image, 1) })}</p></details></section>
      </div>`);
    this.slider = this.part("moment");
    this.slider.addEventListener("input", () => this.timed(() => {
      this.moment = Number(this.slider.value);
      this.show();
    }));
    this.slider.addEventListener("change", () => this.settle());
    for (const button of this.root.querySelectorAll("[data-axis]")) {
      button.addEventListener("click", () => {
        const held = this.rows[this.at];
        this.axis = button.dataset.axis;
        this.rows = this.#rowsOf(this.axis);
        this.at = Math.max(0, this.rows.indexOf(held));
        this.show();
        this.settle();
      });
    }
    this.root.querySelector("tbody").addEventListener("click", ({ target }) => {
      const row = target.closest("tr");
      if (!row) return;
      this.at = Number(row.dataset.row);
      this.show();
      this.settle();
      this.root.querySelector(`tr[data-row="${this.at}"] button`).focus();
    });
  }

  settle() {
    address.set({ fit: [this.axis, this.at, this.moment].join(",") });
  }

  show() {
    const { text, data, rows, moment } = this;
    const epochs = data.epochs[moment];
    for (const button of this.root.querySelectorAll("[data-axis]")) {
      button.setAttribute("aria-pressed", String(button.dataset.axis === this.axis));
    }
    this.slider.value = String(moment);
    this.slider.nextElementSibling.textContent = epochs;
    this.slider.setAttribute("aria-valuetext", format(text.after, { epochs }));
    this.root.querySelector("tbody").innerHTML = rows.map((row, i) => `<tr data-row="${i}"
      class="${i === this.at ? "chosen" : ""}"><th scope="row"><button type="button"
      aria-pressed="${i === this.at}">${escaped(this.#name(row))}</button></th>${PARTS.map((part) =>
        `<td>${decimals(row[part][moment], 1)}</td>`).join("")}</tr>`).join("");
    const row = rows[this.at];
    this.#chart(row);
    this.chart.mark(epochs, row.held_out[moment], this.#point("held_out", row, moment));
    this.part("told").textContent = this.#told(row);
  }

  #point(part, row, moment) {
    return format(this.text.point, {
      part: this.text[part], epochs: this.data.epochs[moment], error: decimals(row[part][moment], 2) });
  }

  // Whether the held-out error has risen again, and since when.
  #told(row) {
    const { text, data } = this;
    const least = row.held_out.indexOf(Math.min(...row.held_out)), last = data.epochs.length - 1;
    const risen = row.held_out[last] > RISES * row.held_out[least];
    return format(risen ? text.risen : text.falling, {
      model: this.#name(row), least: decimals(row.held_out[least], 1), epochs: data.epochs[least],
      last: data.epochs[last], error: decimals(row.held_out[last], 1) });
  }

  #chart(row) {
    if (this.charted === row) return;
    const { text, data } = this;
    this.charted = row;
    this.chart?.destroy();
    this.menu?.destroy();
    const title = format(text.curves, { model: this.#name(row) });
    this.part("head").textContent = title;
    this.chart = new Chart(this.part("chart"), {
      label: title,
      x: { title: text.axis_epochs, log: true, ticks: data.epochs },
      y: { title: text.axis_error, low: 0, high: 60 },
      height: 320,
      series: PARTS.map((part, hue) => ({
        name: text[part], hue, line: true, symbol: SIGNS[part], quiet: true,
        dash: part === "bias" || part === "variance",
        points: data.epochs.map((epochs, i) => ({
          x: epochs, y: row[part][i], title: this.#point(part, row, i) })),
      })),
    });
    this.menu = saveMenu(this.root.querySelector(".buttons"), [{
      label: text.save_svg,
      figure: () => ({ about: { name: "overfitting", title }, chart: (host) => this.chart.twin(host) }),
    }], text);
  }
}

export const mount = mounting(OverfittingPad);
