// The grid: the decoder's answer all over the map's plane, or at equally probable points of the
// prior.

import { axisValues, probableValues } from "../../engine/spacing.js";
import { address } from "../../parts/address.js";
import { format, grouped } from "../../parts/page.js";
import { Sheet, SIDE } from "../../parts/sheet.js";

export const LEAST = 5;
export const MOST = 60;
const USUAL = 15;
const SPACINGS = ["range", "probability"];

export class Grid {
  /**
   * @param {import("../generate.js").GeneratePad} pad
   * @param {import("../../parts/page.js").Box} root
   */
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
    const canBeProbable = run.prior?.standard && run.latent === 2;
    const spacing = canBeProbable ? this.spacing : "range";
    this.shownSpacing = spacing;
    this.modes.hidden = !canBeProbable;
    for (const button of this.modes.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.spacing === spacing));
    }
    this.input.value = String(this.side);
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
    this.start = start;
    this.done = 0;
    this.whole = count;
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
      done: grouped(done), count: grouped(count),
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
        pen.lineWidth = view.letters;
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
      why: () => !this.sheet.full && text.save_computing,
      figure: () => ({
        about: pad.about("grid", format(text.title_grid, { side: this.side })), ...this.sheet.figure(0),
      }),
    }];
  }
}
