// Which quadrants of an image are seen, and several ways to go on: draws of the prior, decoded with
// the same part seen.

import { seeded } from "../../engine/numbers.js";
import { address } from "../../parts/address.js";
import { DigitView } from "../../parts/digit_view.js";
import { format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";

const WAYS = 10; // to go on that are shown
const MOST = 3; // quadrants that are seen, as in training; at least one

export class Completions {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.seed = 0;
    pad.root.querySelector(".controls").insertAdjacentHTML("afterend", `
      <section class="completions" data-part="completions" hidden>
        <h2>${this.text.completions}</h2>
        <p class="hint">${this.text.completions_note}</p>
        <div class="ways">
          <div class="quarters" role="group" aria-label="${this.text.quadrants}">
            <canvas class="digit" data-part="seen-part" role="img" aria-label="${this.text.seen_part}"></canvas>
            ${[1, 2, 3, 4].map((number) => `<button type="button" aria-label="${
              format(this.text.quadrant, { place: this.text[`quadrant_${number}`] })}"></button>`).join("")}
          </div>
          <div class="tellings" data-part="ways"></div>
        </div>
        <div class="more"><button type="button">${this.text.completions_more}</button></div>
      </section>`);
    this.root = pad.part("completions");
    this.part = new DigitView(pad.part("seen-part"));
    this.quarters = [...this.root.querySelectorAll(".quarters button")];
    this.quarters.forEach((button, i) => button.addEventListener("click", () => this.#turn(i)));
    this.ways = Array.from({ length: WAYS }, (_, i) => {
      const tile = pad.part("ways").appendChild(document.createElement("button"));
      tile.type = "button";
      tile.setAttribute("aria-label", format(this.text.completion, { number: i + 1 }));
      tile.innerHTML = '<canvas class="digit"></canvas>';
      tile.addEventListener("click", () => {
        pad.ghost = null;
        pad.z = Float32Array.from(this.way(i));
        pad.draw();
        pad.settle();
      });
      return new DigitView(tile.firstElementChild);
    });
    pad.part("ways").style.setProperty("--classes", "5");
    this.root.querySelector(".more button").addEventListener("click", () => {
      this.seed++;
      this.changed();
    });
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
  }

  recolour() {
    for (const view of [this.part, ...this.ways]) view.recolour(this.pad.colours);
  }

  // Another run, another image, or another part of it.
  changed() {
    const { run, input } = this.pad;
    this.root.hidden = !run.completes;
    if (this.root.hidden || !input) return;
    if (this.run !== run) {
      this.run = run;
      this.draws = null;
      if (this.#linked()) return; // it is picked again, and comes back here
    }
    const count = run.flags.reduce((sum, flag) => sum + flag, 0);
    this.quarters.forEach((button, i) => {
      const seen = run.flags[i];
      button.setAttribute("aria-pressed", String(Boolean(seen)));
      button.disabled = seen ? count === 1 : count === MOST;
    });
    if (!this.seen.now) return;
    this.part.draw(run.spelled.subarray(4));
    this.ways.forEach((view, i) => view.draw(run.decode(this.way(i))));
  }

  way(i) {
    const { latent, prior } = this.run;
    if (this.draws?.seed !== this.seed) {
      this.draws = { seed: this.seed, z: prior.draw(WAYS, seeded(this.seed)) };
    }
    return this.draws.z.slice(i * latent, (i + 1) * latent);
  }

  #turn(i) {
    const flags = this.run.flags.slice();
    flags[i] = 1 - flags[i];
    address.set({ seen: flags.flatMap((flag, place) => (flag ? [place + 1] : [])).join(",") });
    this.#use(flags);
  }

  // The quadrants that a link names, where they are others than those that are seen.
  #linked() {
    const text = address.get("seen");
    if (text === null) return false;
    const places = text.split(",").map(Number);
    const fits = places.length <= MOST && places.every((place, i) =>
      Number.isInteger(place) && place > (places[i - 1] ?? 0) && place <= 4);
    if (!fits) {
      this.pad.say(this.text.bad_seen);
      address.set({ seen: null });
      return false;
    }
    const flags = [1, 2, 3, 4].map((place) => Number(places.includes(place)));
    if (flags.every((flag, i) => flag === this.run.flags[i])) return false;
    this.#use(flags, this.pad.linked ? this.pad.z : null);
    return true;
  }

  #use(flags, keep = null) {
    const { pad } = this;
    this.run.flags = flags;
    if (pad.taken) pad.take(pad.taken.pixels, pad.taken.name);
    else pad.pick(pad.digit, true, keep);
    this.changed();
  }
}
