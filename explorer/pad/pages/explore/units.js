// A code's units as pictures: those that make up this image, one alone that a hand clamps, the images
// for which it is most active, and how often all of them are.

import { keepCodes } from "../../engine/encoding.js";
import { clamp } from "../../engine/numbers.js";
import { activities, pictureOf, spread, strongest, unitsOf } from "../../engine/units.js";
import { address } from "../../parts/address.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";
import { drawSigned } from "../../parts/signed.js";

const PARTS = 12; // units of this image
const TOP = 8; // images of one unit
const WIDTH = 300, HEIGHT = 120, FOOT = 20, HEAD = 14; // of the histogram

export class UnitPictures {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    const t = this.text = pad.text;
    pad.root.querySelector(".controls").insertAdjacentHTML("afterend", `
      <section class="units" data-part="units" hidden>
        <h2>${t.units}</h2>
        <p class="hint">${t.units_note}</p>
        <div class="unit-parts" data-part="unit-parts"></div>
        <div class="unit-one">
          <figure><canvas class="signed" data-part="unit-picture" role="img"></canvas>
            <figcaption data-part="unit-said"></figcaption></figure>
          <figure><canvas class="digit" data-part="unit-now" role="img" aria-label="${t.unit_now}"></canvas>
            <figcaption>${t.unit_now}</figcaption></figure>
          <div class="unit-hold">
            <label>${t.unit_number} <input type="number" min="1" step="1" data-part="unit-number"></label>
            <label class="unit-slide"><span>${t.unit_value}</span>
              <input type="range" step="any" data-part="unit-value"><output data-part="unit-reads"></output></label>
            <button type="button" data-part="unit-free">${t.unit_free}</button>
          </div>
          <div class="unit-top"><h3>${t.unit_top}</h3><div class="tiles" data-part="unit-top"></div></div>
          <figure class="activity"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" data-part="activity"></svg>
            <figcaption data-part="activity-said" role="status"></figcaption></figure>
        </div>
      </section>`);
    this.root = pad.part("units");
    this.number = pad.part("unit-number");
    this.slider = pad.part("unit-value");
    this.now = new DigitView(pad.part("unit-now"));
    this.views = [];
    /** @type {number | null} */
    this.unit = null;
    this.number.addEventListener("change", () => {
      const asked = Number(this.number.value);
      if (Number.isInteger(asked) && asked >= 1 && asked <= this.run.latent) this.#take(asked - 1);
      else this.number.value = String(this.unit + 1);
    });
    this.slider.addEventListener("input", () => this.#put(Number(this.slider.value)));
    this.slider.addEventListener("change", () => pad.settle());
    pad.part("unit-free").addEventListener("click", () => {
      if (pad.own) this.#put(pad.own[this.unit]);
      pad.settle();
    });
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.gone = true;
    this.seen.destroy();
  }

  recolour() {
    const { colours } = this.pad;
    this.now.recolour(colours);
    for (const view of this.views) view.recolour(colours);
    if (!this.run) return;
    this.#parts();
    this.#picture();
    this.#histogram();
  }

  // Another run or another image.
  changed() {
    const { run } = this.pad;
    this.units = unitsOf(run.program);
    this.root.hidden = !this.units || run.program.shape[0] !== 1;
    if (this.root.hidden) return;
    if (this.run !== run) {
      this.run = run;
      this.told = null;
      this.number.max = String(run.latent);
      const asked = address.index("unit", run.latent + 1);
      this.unit = asked ? asked - 1 : null;
    }
    if (!this.seen.now || !this.pad.own) return;
    this.unit ??= this.#largest()[0];
    this.#parts();
    this.#show();
    this.drawn();
    this.#know();
  }

  // Every code is wanted for what an image can't say alone; one that is kept is there at once.
  async #know() {
    const { run, pad } = this;
    if (this.told) return;
    const said = pad.part("activity-said");
    await keepCodes(run, pad.digits, {
      wanted: () => !this.gone && this.run === run,
      progress: (done, count) => { said.textContent = format(this.text.encoding, { done, count }); },
    });
    if (this.gone || this.run !== run || !run.codes || this.told) return;
    this.told = activities(run.codes, run.latent, this.units.soft);
    this.#histogram();
    this.#show();
    pad.draw(); // the nearest code is known now
  }

  // After every drawing of the pad.
  drawn() {
    const { pad, unit } = this;
    if (this.root.hidden || !this.seen.now || unit === null || this.run !== pad.run) return;
    const value = pad.shown[unit];
    if (Number(this.slider.value) !== value) this.slider.value = String(value);
    pad.part("unit-reads").textContent = decimals(value, 2);
    this.now.draw(pad.views.output.last);
  }

  // Units by how much they have of this image's code.
  #largest() {
    const { own } = this.pad;
    return Array.from(own.keys()).sort((a, b) => Math.abs(own[b]) - Math.abs(own[a])).slice(0, PARTS)
      .filter((k) => own[k] !== 0);
  }

  #take(k) {
    this.unit = k;
    this.pad.sliders.hold(k);
    address.set({ unit: k + 1 });
    this.pad.draw();
    this.#show();
  }

  #put(value) {
    const { pad, unit, run } = this;
    pad.timed(() => {
      pad.ghost = null;
      pad.z[unit] = clamp(value, run.low[unit], run.high[unit]);
      pad.draw();
    });
  }

  // What this image's code says most of, as pictures: each what its unit adds to the image.
  #parts() {
    const { pad, text, run } = this;
    if (!this.seen.now || !pad.own || !pad.colours || this.run !== pad.run) return;
    const box = pad.part("unit-parts");
    const chosen = this.#largest();
    const pictures = chosen.map((k) => pictureOf(run, this.units, k).map((v) => v * pad.own[k]));
    const most = Math.max(...pictures.map(highest), 1e-9);
    box.innerHTML = "";
    chosen.forEach((k, i) => {
      const tile = box.appendChild(document.createElement("button"));
      tile.type = "button";
      tile.dataset.unit = String(k);
      tile.innerHTML = `<canvas class="signed"></canvas><b>${k + 1}</b><small>${decimals(pad.own[k], 2)}</small>`;
      tile.setAttribute("aria-label", format(text.unit_one, { unit: k + 1, value: decimals(pad.own[k], 2) }));
      tile.addEventListener("click", () => this.#take(k));
      this.#signed(tile.querySelector("canvas"), pictures[i], most);
    });
    this.#press();
  }

  #press() {
    for (const tile of this.pad.part("unit-parts").children) {
      tile.setAttribute("aria-pressed", String(Number(tile.dataset.unit) === this.unit));
    }
  }

  #signed(canvas, data, most) {
    const [, height, width] = this.run.program.shape;
    drawSigned(canvas, { data, width, height, most }, this.pad.colours);
  }

  #picture() {
    if (this.unit === null || !this.units || !this.pad.colours) return;
    const data = pictureOf(this.run, this.units, this.unit);
    this.#signed(this.pad.part("unit-picture"), data, highest(data) || 1);
  }

  // The unit that was chosen.
  #show() {
    const { pad, run, unit, text, told } = this;
    const named = format(text.unit_name, { unit: unit + 1 });
    pad.part("unit-picture").setAttribute("aria-label", named);
    this.number.value = String(unit + 1);
    this.slider.min = decimals(run.low[unit], 3);
    this.slider.max = decimals(run.high[unit], 3);
    this.slider.setAttribute("aria-label", `${text.unit_value} z${unit + 1}`);
    this.#picture();
    this.#press();
    this.#mark();
    pad.part("unit-said").textContent = !told ? named : `${named}: ${told.dead[unit] ? text.unit_dead
      : format(text.unit_active, { share: decimals(100 * told.mean[unit], 1) })}`;
    const box = pad.part("unit-top");
    box.innerHTML = "";
    this.views = [];
    if (!told) return;
    for (const index of strongest(run.codes, run.latent, unit, TOP)) {
      const tile = box.appendChild(document.createElement("button"));
      tile.type = "button";
      tile.innerHTML = `<canvas class="digit"></canvas>${decimals(run.codes[index * run.latent + unit], 1)}`;
      tile.setAttribute("aria-label", format(text.pick_one, { label: pad.digits.name(index) }));
      tile.addEventListener("click", () => pad.pick(index));
      const view = new DigitView(tile.querySelector("canvas"));
      view.recolour(pad.colours);
      view.draw(pad.digits.image(index));
      this.views.push(view);
    }
    this.drawn();
  }

  // How many units are how active: a logarithmic scale, with the share that is wanted.
  #histogram() {
    const { told, run, pad, text } = this;
    if (!told) return;
    const { counts, place } = spread(told.mean);
    const most = Math.max(...counts);
    const wide = WIDTH / counts.length, floor = HEIGHT - FOOT;
    const bars = counts.map((count, i) => {
      const tall = ((floor - HEAD) * count) / most;
      return `<rect x="${i * wide + 0.5}" y="${floor - tall}" width="${wide - 1}" height="${tall}"/>`;
    });
    const numbers = [1e-4, 1e-3, 1e-2, 0.1, 1].map((value) => {
      const at = clamp(place(value) * WIDTH, 18, WIDTH - 18);
      return `<text x="${at}" y="${HEIGHT - 6}">${value * 100}%</text>`;
    });
    const { rho } = run.program;
    const wanted = rho ? `<line x1="${place(rho) * WIDTH}" x2="${place(rho) * WIDTH}" y1="${HEAD}" y2="${floor}"/>
      <text x="${place(rho) * WIDTH}" y="${HEAD - 4}">ρ</text>` : "";
    this.drawing = bars.join("") + numbers.join("") + wanted;
    this.#mark();
    const mean = told.mean.reduce((sum, v) => sum + v, 0) / run.latent;
    const dead = told.dead.filter(Boolean).length;
    const said = format(text.activity, { mean: decimals(100 * mean, 1), dead, count: run.latent });
    const line = rho ? ` ${format(text.activity_rho, { rho: decimals(100 * rho, 1) })}` : "";
    pad.part("activity").setAttribute("aria-label", said);
    pad.part("activity-said").textContent = said + line;
  }

  // Where on the histogram the chosen unit lies.
  #mark() {
    if (!this.told || this.unit === null) return;
    const at = clamp(spread([]).place(this.told.mean[this.unit]) * WIDTH, 5, WIDTH - 5);
    this.pad.part("activity").innerHTML =
      `${this.drawing}<path d="M${at - 5} ${HEIGHT - FOOT + 7}h10l-5 -7z"/>`;
  }
}

/** @param {ArrayLike<number>} data */
function highest(data) {
  return Array.from(data).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}
