// The images whose posteriors make up a prior, with their places on the map, and what a digit's code
// costs under that prior beside a standard normal one.

import { klEach } from "../../engine/gaussians.js";
import { rateByDraws } from "../../engine/prior.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";

const PAGE = 20; // images that are shown at once
const DRAWS = 400; // of z, for a cost that has no closed form

export class PseudoInputs {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.views = [];
    pad.root.insertAdjacentHTML("beforeend", `
      <section class="pseudo" data-part="pseudo" hidden>
        <h2 data-part="pseudo-title"></h2>
        <p class="hint">${this.text.pseudo_note}</p>
        <p class="bounds" data-part="prior-cost"></p>
        <div class="tiles" data-part="pseudo-tiles"></div>
        <div class="more"><button type="button" hidden>${this.text.gallery_more}</button></div>
      </section>`);
    this.root = pad.part("pseudo");
    this.tiles = pad.part("pseudo-tiles");
    this.more = this.root.querySelector(".more button");
    this.more.addEventListener("click", () => this.#grow());
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    this.pad.chores.drop("pseudo");
  }

  recolour() {
    for (const view of this.views) view.recolour(this.pad.colours);
  }

  // Another run, or another digit.
  changed() {
    const { run, posterior } = this.pad;
    const { prior } = run;
    this.root.hidden = !prior?.images.length;
    if (this.root.hidden || !this.seen.now) return;
    if (this.shown !== run) {
      this.shown = run;
      this.views = [];
      this.tiles.innerHTML = "";
      this.pad.part("pseudo-title").textContent =
        format(this.text.pseudo, { count: prior.images.length });
      this.until = 0;
      this.#grow();
    }
    if (posterior?.sigma) this.#cost(prior, posterior);
  }

  #grow() {
    const { images } = this.shown.prior;
    this.until = Math.min(images.length, this.until + PAGE);
    this.more.hidden = this.until >= images.length;
    this.pad.chores.set("pseudo", () => this.#tile());
  }

  // One image more; says whether others are to come.
  #tile() {
    const { prior } = this.pad.run;
    const i = this.views.length;
    if (this.shown !== this.pad.run || i >= this.until) return false;
    const tile = this.tiles.appendChild(document.createElement("button"));
    tile.type = "button";
    tile.setAttribute("aria-label", format(this.text.pseudo_one, { number: i + 1 }));
    tile.innerHTML = '<canvas class="digit"></canvas>';
    const view = new DigitView(tile.firstElementChild);
    view.recolour(this.pad.colours);
    view.draw(prior.images[i]);
    this.views.push(view);
    const { mean } = prior.heaps[i];
    tile.addEventListener("pointerenter", () => this.#point(mean));
    tile.addEventListener("pointerleave", () => this.pad.preview(null));
    tile.addEventListener("click", () => {
      this.pad.ghost = null;
      this.pad.z = Float32Array.from(mean);
      this.pad.draw();
      this.pad.settle();
    });
    return this.views.length < this.until;
  }

  // Where an image's heap lies, before anything is pressed; on a plane alone, which has a place for
  // every code.
  #point(mean) {
    const { layout } = this.pad;
    if (layout.linear) this.pad.preview(layout.toMap(mean));
  }

  #cost(prior, posterior) {
    const { mean, error } = rateByDraws(prior, posterior, DRAWS);
    const standard = klEach(posterior.mean, posterior.sigma).reduce((sum, nats) => sum + nats, 0);
    this.pad.part("prior-cost").innerHTML = format(this.text.pseudo_cost, {
      own: `<b>${decimals(mean, 1)}</b> ± ${decimals(error, 2)}`,
      standard: `<b>${decimals(standard, 1)}</b>`,
    });
  }
}
