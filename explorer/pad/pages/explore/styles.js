// One code under every label: the style of the shown digit on all the others, beside other styles;
// and what the image costs as each.

import { costs } from "../../engine/told.js";
import { seeded } from "../../engine/numbers.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";

const OTHERS = 4; // styles beside the shown one
const DRAWS = 8; // of z, for a cost

export class Styles {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.seed = 0;
    this.rows = [];
    pad.root.querySelector(".controls").insertAdjacentHTML("afterend", `
      <section class="styles" data-part="styles" hidden>
        <h2>${this.text.styles}</h2>
        <p class="hint">${this.text.styles_note}</p>
        <div class="tellings" data-part="styles-tiles"></div>
        <div class="more"><button type="button">${this.text.styles_more}</button></div>
      </section>`);
    this.root = pad.part("styles");
    this.tiles = pad.part("styles-tiles");
    this.root.querySelector(".more button").addEventListener("click", () => {
      this.seed++;
      this.#others();
    });
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    this.pad.chores.drop("styles");
  }

  recolour() {
    for (const { views } of this.rows) for (const view of views) view.recolour(this.pad.colours);
  }

  // Another run, another image, or another label that is told.
  changed() {
    const { run, digits, input } = this.pad;
    this.root.hidden = !run.classes;
    if (this.root.hidden || !this.seen.now) return;
    if (this.run !== run) {
      this.run = run;
      this.#build();
      this.#others();
    }
    if (this.input !== input) {
      this.input = input;
      this.nats = null;
      this.pad.chores.set("styles", () => this.#price());
    }
    this.names = digits.names;
    this.drawn();
  }

  // Wherever the hand is: its code under every label.
  drawn() {
    const { run, shown } = this.pad;
    if (this.run !== run || !this.seen.now || this.root.hidden) return;
    this.#show(this.rows[0], shown);
    this.rows[0].tiles.forEach((tile, label) =>
      tile.setAttribute("aria-pressed", String(label === run.label)));
  }

  #build() {
    const { classes } = this.run;
    this.tiles.innerHTML = "";
    this.tiles.style.setProperty("--classes", String(classes));
    this.rows = Array.from({ length: 1 + OTHERS }, (_, row) => {
      const tiles = Array.from({ length: classes }, (_, label) => {
        const tile = this.tiles.appendChild(document.createElement("button"));
        tile.type = "button";
        tile.className = row ? "other" : "own";
        tile.innerHTML = '<canvas class="digit"></canvas>' + (row ? "" : "<b></b><small></small>");
        tile.addEventListener("click", () => this.pad.tellLabel(label, this.rows[row].z));
        return tile;
      });
      const views = tiles.map((tile) => new DigitView(tile.querySelector("canvas")));
      return { tiles, views, z: null };
    });
    this.recolour();
    this.rows[0].tiles.forEach((tile, label) =>
      (tile.querySelector("b").textContent = this.#name(label)));
    this.#words();
  }

  #name(label) {
    return this.pad.digits.names[label] ?? String(label);
  }

  // What each tile is called: as the image costs more or less, where that is known.
  #words() {
    this.rows.forEach(({ tiles }, row) => tiles.forEach((tile, label) => {
      const name = this.#name(label);
      const nats = row === 0 && this.nats ? decimals(this.nats[label], 0) : null;
      const said = row === 0 ? this.text.styles_one : this.text.styles_other;
      tile.setAttribute("aria-label", [
        format(said, { label: name, row }), nats && format(this.text.styles_nats, { nats }),
      ].filter(Boolean).join(", "));
      if (row === 0) tile.querySelector("small").textContent = nats ?? "";
    }));
  }

  #price() {
    const { input, run } = this.pad;
    if (this.run !== run || !input || !run.hasPosterior) return false;
    this.nats = costs(run, input, DRAWS);
    const least = Math.min(...this.nats);
    this.rows[0].tiles.forEach((tile, label) =>
      tile.classList.toggle("least", this.nats[label] === least));
    this.#words();
    return false;
  }

  // Draws of the prior.
  #others() {
    const { run } = this;
    const draws = run.prior?.draw(OTHERS, seeded(this.seed));
    this.rows.slice(1).forEach((row, i) => {
      for (const tile of row.tiles) tile.hidden = !draws;
      if (draws) this.#show(row, draws.slice(i * run.latent, (i + 1) * run.latent));
    });
  }

  #show(row, z) {
    const { run } = this;
    row.z = z;
    row.views.forEach((view, label) => view.draw(run.as(label, () => run.decode(z))));
  }
}
