// The selected digits in numbers.

import { mean } from "../../engine/numbers.js";
import { saveTable } from "../../parts/downloads.js";
import { decimals, escaped, format, grouped } from "../../parts/page.js";
import { idsOf, menu } from "./headings.js";

// How many are selected, of which classes, and how well each model does on them.
export class Selection {
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {import("../../parts/page.js").Texts} text
   * @param {() => void} onClear
   */
  constructor(root, text, onClear) {
    this.root = root;
    this.text = text;
    root.innerHTML = `<div class="head"><h2></h2><button type="button" class="clear">${text.clear}</button>
      <div class="save"></div></div><div class="tables"></div>`;
    root.querySelector(".clear").addEventListener("click", onClear);
    this.title = root.querySelector("h2");
    this.tables = root.querySelector(".tables");
    this.menu = menu(root, text, [
      { label: text.save_table, save: () => this.#saveTable() },
      { label: text.save_selected, save: () => this.#saveDigits() },
    ]);
    this.show(null);
  }

  destroy() {
    this.menu.destroy();
  }

  recolour({ palette }) {
    palette.forEach((colour, label) => this.root.style.setProperty(`--class${label}`, colour));
  }

  // {mask, digits, map, trivial, models: [{name, errors}]}, or null for no selection.
  show(state) {
    const t = this.text;
    this.state = state;
    this.root.hidden = !state;
    if (!state) return;
    const { mask, models, digits: { labels, names } } = state;
    const classes = names.map(() => ({ here: 0, all: 0 }));
    let count = 0;
    labels.forEach((label, i) => {
      count += mask[i];
      if (!classes[label]) return; // an image without a class
      classes[label].here += mask[i];
      classes[label].all += 1;
    });
    this.rows = [{ name: t.curve_mean, errors: state.trivial }, ...models].map(({ name, errors }) => ({
      name, here: errors && mean(errors, mask), all: errors && mean(errors),
    }));
    const most = Math.max(...this.rows.map(({ here, all }) => Math.max(here ?? 0, all ?? 0)));
    const cell = (value) => {
      const told = typeof value === "number" ? decimals(value, 1) : value === null ? "–" : "…";
      return `<td style="--share:${((value ?? 0) / most) * 100 || 0}%">${told}</td>`;
    };
    const shares = (name, whole) => classes.map((one, label) => {
      const share = whole ? (100 * one[name]) / whole : 0;
      return `<td style="--share:${share}%;--hue:var(--class${label})">${
        whole ? `${decimals(share, 0)}%` : "–"}</td>`;
    }).join("");
    this.title.textContent = format(t.selected, {
      count: grouped(count), all: grouped(labels.length),
      share: decimals((100 * count) / labels.length, 1), map: state.map,
    });
    this.tables.innerHTML = `
      <table class="classes"><caption>${t.classes}</caption>
        <thead><tr><td></td>${names.map((name) => `<th scope="col">${escaped(name)}</th>`).join("")}</tr></thead>
        <tbody><tr><th scope="row">${t.column_selected}</th>${shares("here", count)}</tr>
        <tr><th scope="row">${t.column_all}</th>${shares("all", labels.length)}</tr></tbody></table>
      <table class="errors"><caption>${t.mean_error}</caption>
        <thead><tr><td></td><th scope="col">${t.column_selected}</th><th scope="col">${t.column_all}</th></tr></thead>
        <tbody>${this.rows.map(({ name, here, all }) => `<tr><th scope="row">${escaped(name)}</th>
          ${cell(here)}${cell(all)}</tr>`).join("")}</tbody></table>`;
  }

  #about(name) {
    const { textContent: title } = this.title;
    return { name, run: idsOf(this.state.models), title: `${title}; ${this.text.mean_error}` };
  }

  #saveTable() {
    const t = this.text;
    const rows = this.rows.map(({ name, here, all }) => [name, here ?? null, all ?? null]);
    return saveTable([t.save_model, t.column_selected, t.column_all], rows, this.#about("selection"));
  }

  #saveDigits() {
    const t = this.text;
    const { mask, digits, models, trivial } = this.state;
    const all = [{ name: t.curve_mean, errors: trivial }, ...models];
    const rows = [];
    mask.forEach((chosen, i) => {
      if (chosen) rows.push([i, digits.name(i), ...all.map(({ errors }) => errors?.[i] ?? null)]);
    });
    const columns = [t.save_index, t.save_class, ...all.map(({ name }) => name)];
    return saveTable(columns, rows, this.#about("selected-digits"));
  }
}
