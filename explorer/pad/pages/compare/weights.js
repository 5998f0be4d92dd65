// The weights as pictures.

import { filtersOf, largest } from "../../engine/filters.js";
import { montage } from "../../parts/montage.js";
import { escaped, format } from "../../parts/page.js";
import { sharp } from "../../parts/picture.js";
import { drawScale, drawSigned } from "../../parts/signed.js";
import { heading, idsOf, menu } from "./headings.js";

// Weights as pictures, blue and solid above zero, orange and dotted below.
export class Filters {
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {import("../../parts/page.js").Texts} text
   */
  constructor(root, text) {
    this.root = root;
    this.text = text;
    this.drawn = [];
    root.innerHTML = `${heading(text.filters_title, text.filters_note)}<div></div>`;
    this.table = root.lastElementChild;
    this.menu = menu(root, text, [{
      label: text.save_png, why: () => !this.models?.length && text.save_early, figure: () => this.#figure(),
    }]);
  }

  destroy() {
    this.menu.destroy();
  }

  #figure() {
    const rows = this.rows.map(({ name, cells }) => ({
      name,
      cells: cells.map(({ unit, picture }) => ({
        width: 84, height: 84, below: unit,
        paint: (pen, colours) => {
          const canvas = document.createElement("canvas");
          drawSigned(canvas, picture, colours);
          sharp(pen, canvas, 0, 0, 84, 84);
        },
      })),
    }));
    const { filters_title: title, filters_note: note } = this.text;
    return {
      about: { name: "weights", run: idsOf(this.models), title },
      ...montage(rows),
      legend: () => [{ words: note }],
    };
  }

  recolour(colours) {
    this.colours = colours;
    for (const draw of this.drawn) draw(colours);
  }

  // models: [{name, run, closed}]
  show(models) {
    const t = this.text;
    this.models = models;
    this.drawn = [];
    this.rows = [];
    this.table.innerHTML = "";
    for (const { name, run, closed } of models) {
      const { kind, width, height, total, pictures } = filtersOf(run);
      const most = largest(pictures);
      const row = this.table.appendChild(document.createElement("div"));
      row.className = `one ${kind}`;
      const told = format(t[`filters_${closed ? "components" : kind}`], { count: pictures.length, total });
      row.innerHTML = `<h3>${escaped(name)}</h3><p>${told}</p><div class="strip"></div>
        <p class="scale"><span>−${most.toPrecision(2)}</span><canvas role="img"
        aria-label="${t.filters_scale}"></canvas><span>+${most.toPrecision(2)}</span></p>`;
      const strip = row.querySelector(".strip");
      const scale = row.querySelector(".scale canvas");
      this.drawn.push((colours) => drawScale(scale, colours));
      this.rows.push({ name, cells: pictures.map(({ name: unit, data }) => (
        { unit, picture: { data, width, height, most } })) });
      for (const { name: unit, data } of pictures) {
        const figure = strip.appendChild(document.createElement("figure"));
        figure.innerHTML = `<canvas role="img"></canvas><figcaption>${unit}</figcaption>`;
        const canvas = figure.firstElementChild;
        canvas.setAttribute("aria-label", format(t.filters_one, { unit, model: name }));
        this.drawn.push((colours) => drawSigned(canvas, { data, width, height, most }, colours));
      }
    }
    if (this.colours) this.recolour(this.colours);
  }
}
