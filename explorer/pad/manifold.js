// The grid: the decoder's answer all over the map's plane, or at equally probable points of the
// prior.

import { address, format } from "./page.js";
import { savePicture } from "./saves.js";
import { SIDE, Sheet } from "./sheet.js";

export const LEAST = 5;
export const MOST = 60;
const USUAL = 15;
const SPACINGS = ["range", "probability"];

// Coefficients of Wichura (1988), algorithm AS 241, PPND16: about 16 figures.
const NEAR = [
  [3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3,
    1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
    3.3430575583588128105e4, 2.5090809287301226727e3],
  [1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
    5.2264952788528545610e3],
];
const MIDDLE = [
  [1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
    3.64784832476320460504, 1.27045825245236838258, 2.41780725177450611770e-1,
    2.27238449892691845833e-2, 7.74545014278341407640e-4],
  [1, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
    1.05075007164441684324e-9],
];
const FAR = [
  [6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
    2.71155556874348757815e-5, 2.01033439929228813265e-7],
  [1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
    2.04426310338993978564e-15],
];

const ratio = ([top, bottom], r) => {
  const value = (coefficients) => coefficients.reduceRight((sum, c) => sum * r + c, 0);
  return value(top) / value(bottom);
};

// The standard normal's quantile at a probability strictly between 0 and 1.
export function normalQuantile(p) {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(NEAR, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  const found = r <= 5 ? ratio(MIDDLE, r - 1.6) : ratio(FAR, r - 5);
  return q < 0 ? -found : found;
}

// Values along one axis of the grid, lowest first.
export function axisValues(side, low, high) {
  return Array.from({ length: side }, (_, i) =>
    side === 1 ? (low + high) / 2 : low + ((high - low) * i) / (side - 1));
}

export function probableValues(side) {
  return Array.from({ length: side }, (_, i) => normalQuantile((i + 0.5) / side));
}

export class Grid {
  constructor(pad, root) {
    this.pad = pad;
    const { text } = pad;
    root.innerHTML = `
      <p class="lead">${text.try_grid}</p>
      <div class="beside"><div class="whole"></div><div>
        <label class="knob"><span>${text.side}</span>
          <input type="range" min="${LEAST}" max="${MOST}" step="1" aria-label="${text.side}">
          <output></output></label>
        <div class="modes" role="group" aria-label="${text.spacing}">
          ${SPACINGS.map((name) => `<button type="button" data-spacing="${name}"
            title="${text[`spacing_${name}_help`]}">${text[`spacing_${name}`]}</button>`).join("")}
        </div>
        <p class="formula" data-grid="formula"></p>
        <p class="hint" data-grid="note" aria-live="off"></p>
      </div></div>`;
    this.find = (name) => root.querySelector(`[data-grid="${name}"]`);
    this.input = root.querySelector("input");
    this.output = root.querySelector("output");
    this.modes = root.querySelector(".modes");
    this.sheet = new Sheet(root.querySelector(".whole"), {
      label: text.grid_label,
      onPick: (index) => {
        pad.take(this.codeAt(index));
        pad.settleSoon();
      },
    });
    this.input.addEventListener("input", () => {
      this.side = Number(this.input.value);
      this.#arrange();
    });
    this.input.addEventListener("change", () => address.set({ side: this.side }));
    for (const button of this.modes.querySelectorAll("button")) {
      button.addEventListener("click", () => {
        this.spacing = button.dataset.spacing;
        address.set({ by: this.spacing });
        this.#arrange();
      });
    }
  }

  destroy() {
    this.sheet.destroy();
  }

  recolour(colours) {
    this.sheet.recolour(colours);
  }

  leave() {
    this.pad.chores.drop("grid");
  }

  use() {
    if (this.side === undefined) this.#read();
    this.#arrange();
  }

  turned() {
    this.#arrange();
  }

  #read() {
    const { pad } = this;
    const asked = address.get("side");
    this.side = USUAL;
    if (asked !== null) {
      const side = Number(asked);
      if (/^\d{1,3}$/.test(asked) && side >= LEAST && side <= MOST) this.side = side;
      else pad.say(format(pad.text.bad_side, { low: LEAST, high: MOST, usual: USUAL }));
    }
    const by = address.get("by");
    this.spacing = "range";
    if (SPACINGS.includes(by)) this.spacing = by;
    else if (by !== null) pad.say(format(pad.text.bad_spacing, { allowed: SPACINGS.join(", ") }));
  }

  // Points of the plane, row by row from the top; then they are decoded, some in each frame.
  #arrange() {
    const { pad } = this;
    const { run, text } = pad;
    const canBeProbable = run.hasPrior && run.latent === 2;
    const spacing = canBeProbable ? this.spacing : "range";
    this.shownSpacing = spacing;
    this.modes.hidden = !canBeProbable;
    for (const button of this.modes.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.spacing === spacing));
    }
    this.input.value = this.side;
    this.output.textContent = `${this.side} × ${this.side}`;
    this.columns = this.side;
    this.rows = run.latent === 1 ? 1 : this.side;
    if (spacing === "probability") {
      this.xs = this.ys = probableValues(this.side);
    } else {
      const [low, high] = this.corners();
      this.xs = axisValues(this.columns, low[0], high[0]);
      this.ys = axisValues(this.rows, low[1], high[1]);
    }
    this.find("formula").innerHTML = text[`formula_grid_${spacing}`];
    if (this.sheet.columns !== this.columns || this.sheet.rows !== this.rows) {
      this.sheet.layout(this.columns, this.rows);
    }
    this.sheet.select(null);
    // A grid that was not finished goes on where it was, so that all cells follow a moving knob.
    const count = this.columns * this.rows;
    const start = this.done < this.whole ? (this.start + this.done) % count : 0;
    Object.assign(this, { start, done: 0, whole: count });
    pad.chores.set("grid", () => {
      const cell = (start + this.done) % count;
      this.sheet.put(cell, run.decode(this.codeAt(cell)));
      this.done++;
      if (this.done === count || this.done % this.columns === 0) this.#note(this.done, count);
      return this.done < count;
    });
    pad.overlay();
  }

  #note(done, count) {
    const { text } = this.pad;
    this.find("note").textContent = format(done < count ? text.grid_coming : text.grid_done, {
      done: done.toLocaleString(), count: count.toLocaleString(),
      width: this.columns * SIDE, height: this.rows * SIDE,
    });
  }

  // Corners of the codes on the plane: the box of all but the outermost thousandth on each side.
  corners() {
    const { points } = this.pad.run;
    const bounds = [0, 1].map((axis) => {
      const values = Float32Array.from({ length: points.length / 2 }, (_, i) => points[2 * i + axis]);
      values.sort();
      const cut = Math.floor(values.length * 0.001);
      return [values[cut], values[values.length - 1 - cut]];
    });
    return [bounds.map(([low]) => low), bounds.map(([, high]) => high)];
  }

  placeAt(index) {
    const row = Math.floor(index / this.columns);
    return [this.xs[index % this.columns], this.ys[this.rows - 1 - row]];
  }

  codeAt(index) {
    return this.pad.run.toLatent(this.placeAt(index));
  }

  // On the map: where the grid's points stand.
  marks() {
    if (!this.xs) return [];
    return [{
      paint: (pen, view) => {
        pen.save();
        pen.strokeStyle = view.colours.ink;
        pen.lineWidth = 1;
        pen.globalAlpha = 0.35;
        pen.beginPath();
        for (const x of this.xs) {
          pen.moveTo(...view.toScreen([x, this.ys[0]]));
          pen.lineTo(...view.toScreen([x, this.ys.at(-1)]));
        }
        for (const y of this.ys) {
          pen.moveTo(...view.toScreen([this.xs[0], y]));
          pen.lineTo(...view.toScreen([this.xs.at(-1), y]));
        }
        pen.stroke();
        pen.restore();
      },
    }];
  }

  saves() {
    const { pad } = this;
    const { text } = pad;
    return [{
      label: text.save_grid,
      save: () => savePicture(this.sheet.picture(),
        pad.about("grid", format(text.title_grid, { side: this.side }))),
    }];
  }
}
