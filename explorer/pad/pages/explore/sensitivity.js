// Which changes of the image the code follows: the encoder's Jacobian at the input, as pictures.

import { isDense, patch, sensitivity } from "../../engine/jacobian.js";
import { decimals, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";
import { drawSigned } from "../../parts/signed.js";

const SHOWN = 8; // directions of an image

// Lines in the plane, the first half of one kind and the rest of another, fitted into 100 × 100.
function paths(lines, half) {
  const all = lines.flat();
  const [low, high] = [0, 1].map((axis) => {
    const values = all.map((point) => point[axis]);
    return [Math.min(...values), Math.max(...values)];
  }).reduce(([lows, highs], [a, b]) => [[...lows, a], [...highs, b]], [[], []]);
  const scale = 90 / (Math.max(high[0] - low[0], high[1] - low[1]) || 1);
  const at = ([x, y]) => `${decimals(50 + scale * (x - (low[0] + high[0]) / 2), 2)} ${
    decimals(50 - scale * (y - (low[1] + high[1]) / 2), 2)}`;
  return lines.map((line, i) =>
    `<path class="${i < half ? "along" : "off"}" d="M${line.map(at).join("L")}"/>`).join("");
}

export class Sensitivity {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    pad.root.insertAdjacentHTML("beforeend", `
      <section class="sensitivity" data-part="sensitivity" hidden>
        <h2>${this.text.sensitivity}</h2>
        <p class="told" data-part="gains"></p>
        <div class="patches"><svg viewBox="0 0 100 100" role="img" aria-label="${this.text.patch_images}"
            data-part="patch-images"></svg><span aria-hidden="true">→</span><svg viewBox="0 0 100 100"
            role="img" aria-label="${this.text.patch_codes}" data-part="patch-codes"></svg>
          <p class="hint" data-part="patch"></p></div>
        <div class="directions" data-part="directions"></div>
        <p class="hint">${this.text.sensitivity_note}</p>
      </section>`);
    this.root = pad.part("sensitivity");
    this.box = pad.part("directions");
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    this.pad.chores.drop("sensitivity");
  }

  recolour() {
    this.found?.values.slice(0, SHOWN).forEach(({ direction }, i) => this.#draw(i, direction));
  }

  // Another digit, run or value of the knob.
  changed() {
    const { run, input } = this.pad;
    const { shape, encoder, decoder } = run.program;
    this.root.hidden = run.wide || shape[0] !== 1 || !isDense(encoder) || !isDense(decoder);
    if (this.root.hidden || !this.seen.now || !input) return;
    this.pad.chores.set("sensitivity", () => {
      if (this.pad.run !== run || this.pad.input !== input) return false; // a newer one comes
      this.found = sensitivity(run, input, this.pad.own);
      this.#show();
      return false;
    });
  }

  #show() {
    const { values, along, off } = this.found;
    this.pad.part("gains").innerHTML = format(this.text.gains, {
      along: `<b>${along.toPrecision(2)}</b>`, off: `<b>${off.toPrecision(2)}</b>`,
      times: off > 0 ? decimals(along / off, along / off < 10 ? 1 : 0) : "∞",
    });
    this.#showPatch();
    this.box.innerHTML = "";
    const most = values[0]?.value ?? 0;
    values.slice(0, SHOWN).forEach(({ value, direction }, i) => {
      const figure = this.box.appendChild(document.createElement("figure"));
      figure.innerHTML = `<canvas class="signed" role="img"></canvas>
        <figcaption>${value.toPrecision(2)}<i style="width: ${most ? (100 * value) / most : 0}%"></i></figcaption>`;
      figure.firstElementChild.setAttribute("aria-label",
        format(this.text.direction, { number: i + 1, value: value.toPrecision(2) }));
      this.#draw(i, direction);
    });
  }

  // A square of images, one side along the sheet and one off it, and what it is in the code.
  #showPatch() {
    const { run, input } = this.pad;
    const { lines, side, along, off } = patch(run, input, this.found.ways);
    const placed = lines.map((line) => line.map((z) => run.toMap(z)));
    const half = lines.length / 2;
    const square = lines.map((line, i) => line.map((_, j) =>
      i < half ? [j, i] : [i - half, j]));
    this.pad.part("patch-images").innerHTML = paths(square, half);
    this.pad.part("patch-codes").innerHTML = paths(placed, half);
    this.pad.part("patch").innerHTML = format(this.text.patch, {
      side, along: `<b>${along.toPrecision(2)}</b>`, off: `<b>${off.toPrecision(2)}</b>` });
  }

  #draw(i, direction) {
    const canvas = this.box.children[i]?.firstElementChild;
    if (!canvas || !this.pad.colours) return;
    const [, height, width] = this.pad.run.program.shape;
    const most = direction.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    drawSigned(canvas, { data: direction, width, height, most }, this.pad.colours);
  }
}
