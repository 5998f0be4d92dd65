// The digits that were chosen on a map: each real one above its reconstruction.

import { squaredError } from "../../engine/numbers.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format, grouped } from "../../parts/page.js";

const PAGE = 24; // digits that are shown at once

export class Gallery {
  /**
   * @param {import("../../parts/latent_pad.js").LatentPad} pad
   * @param {import("../../parts/page.js").Box} root
   */
  constructor(pad, root) {
    this.pad = pad;
    this.root = root;
    this.chosen = [];
    this.text = pad.text;
    this.views = [];
    root.innerHTML = `<header><h2 data-part="chosen"></h2><p class="hint" data-part="shares"></p></header>
      <div class="tiles"></div>
      <div class="more"><button type="button" hidden>${this.text.gallery_more}</button></div>`;
    this.tiles = root.querySelector(".tiles");
    this.more = root.querySelector(".more button");
    this.more.addEventListener("click", () => this.#grow());
  }

  destroy() {
    this.pad.chores.drop("gallery");
  }

  recolour() {
    for (const view of this.views) view.recolour(this.pad.colours);
  }

  // The digits of a mask (count,), or none.
  show(mask) {
    this.pad.chores.drop("gallery");
    this.root.hidden = !mask;
    this.tiles.innerHTML = "";
    this.views = [];
    this.chosen = [];
    if (!mask) return;
    mask.forEach((on, i) => on && this.chosen.push(i));
    const { digits } = this.pad;
    const counts = new Map();
    for (const i of this.chosen) counts.set(digits.labels[i], (counts.get(digits.labels[i]) ?? 0) + 1);
    const named = [...counts].filter(([label]) => label < digits.byLabel.length)
      .sort((a, b) => b[1] - a[1])
      .map(([label, count]) => `${digits.names[label]}: ${Math.round((100 * count) / this.chosen.length) || "<1"} %`);
    this.root.querySelector('[data-part="chosen"]').textContent =
      format(this.text.gallery_count, this.counts());
    this.root.querySelector('[data-part="shares"]').textContent = named.join(" · ");
    this.#grow();
  }

  counts() {
    return { count: grouped(this.chosen.length), all: grouped(this.pad.digits.labels.length) };
  }

  #grow() {
    this.until = Math.min(this.chosen.length, this.views.length / 2 + PAGE);
    this.pad.chores.set("gallery", () => this.#step());
  }

  #step() {
    if (this.views.length / 2 < this.until) this.#tile(this.chosen[this.views.length / 2]);
    this.more.hidden = this.views.length / 2 >= this.chosen.length;
    return this.views.length / 2 < this.until;
  }

  #tile(index) {
    const { run, digits, colours } = this.pad;
    const image = digits.image(index);
    if (!image) { // the images are still on their way
      this.until = 0;
      digits.arrived.then(() => this.#grow());
      return;
    }
    const output = run.ownOutput(index, digits);
    const error = decimals(squaredError(output, image), 1);
    const label = digits.name(index);
    const tile = this.tiles.appendChild(document.createElement("button"));
    tile.type = "button";
    tile.dataset.digit = index;
    tile.setAttribute("aria-label", format(this.text.gallery_tile, { label, index, error }));
    tile.innerHTML = `<canvas class="digit"></canvas><canvas class="digit"></canvas><span>${error}</span>`;
    [image, output].forEach((pixels, i) => {
      const view = new DigitView(tile.children[i]);
      view.recolour(colours);
      view.draw(pixels);
      this.views.push(view);
    });
    tile.addEventListener("click", () => this.pad.pick(index));
  }
}
