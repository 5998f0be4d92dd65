// The decoded manifold beneath a map: what each place stands for, decoded, as faint ink.

const CELL = 28; // screen pixels of a decoded digit, which has as many
const INK = [20, 255]; // of light pages and of dark ones
const AGAIN = 120; // milliseconds between looks at a picture that is still growing

export class Backdrop {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.shown = false;
    this.sheet = document.createElement("canvas");
  }

  destroy() {
    this.pad.chores.drop("backdrop");
    clearTimeout(this.later);
  }

  show(shown) {
    this.shown = shown;
    if (shown) this.stale();
    else this.destroy();
  }

  // What the map's places stand for is another thing, or will be once a hand rests for so long.
  stale(rest = 60) {
    if (!this.shown) return;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.#begin(), rest);
  }

  recolour() {
    if (this.values) this.#ink(0, this.values.length / (CELL * CELL));
  }

  #begin() {
    const { map, layout } = this.pad;
    this.pad.chores.drop("backdrop");
    if (!map.width || !layout || this.pad.run.pixels !== CELL * CELL) return;
    this.columns = Math.ceil(map.width / CELL);
    this.rows = Math.ceil(map.height / CELL);
    this.size = [map.width, map.height];
    this.sheet.width = this.columns * CELL;
    this.sheet.height = this.rows * CELL;
    this.values = new Uint8Array(this.columns * this.rows * CELL * CELL);
    // From the middle outwards, so that what one looks at comes first.
    this.order = Array.from({ length: this.columns * this.rows }, (_, i) => i);
    const away = (i) => Math.hypot(
      (i % this.columns) - this.columns / 2, Math.floor(i / this.columns) - this.rows / 2);
    this.order.sort((a, b) => away(a) - away(b));
    this.done = 0;
    this.near = this.#nearData();
    this.looked = performance.now();
    this.pad.chores.set("backdrop", () => this.#step());
  }

  #step() {
    if (this.done < this.order.length) this.#decode(this.order[this.done++]);
    const finished = this.done === this.order.length;
    if (finished || performance.now() - this.looked > AGAIN) {
      this.looked = performance.now();
      this.pad.map.back(this.pad.map.backing);
    }
    return !finished;
  }

  #decode(cell) {
    const { run, map, layout, z } = this.pad;
    const left = (cell % this.columns) * CELL, top = Math.floor(cell / this.columns) * CELL;
    const place = map.toMap(left + CELL / 2, top + CELL / 2);
    const at = layout.toLatent(place, z);
    if (!layout.linear && !this.#holds(place, layout.toMap(at))) return;
    const pixels = run.decode(at);
    const from = cell * CELL * CELL;
    for (let p = 0; p < CELL * CELL; p++) {
      this.values[from + p] = Math.max(0, Math.min(255, 255 * pixels[p]));
    }
    this.#ink(cell, cell + 1);
  }

  // Whether a digit's place lies within the cell around another place: where only the digits' own
  // places mean something, all other cells stay empty.
  #holds(place, own) {
    const half = CELL / 2 / this.pad.map.unit;
    return Math.abs(place[0] - own[0]) <= half && Math.abs(place[1] - own[1]) <= half;
  }

  // The cells that hold a digit's code, and their neighbours: elsewhere what is decoded is made up,
  // and fainter.
  #nearData() {
    const { map, layout } = this.pad;
    const { columns, rows } = this;
    const near = new Uint8Array(columns * rows);
    for (let i = 0; i < layout.points.length; i += 2) {
      const [left, top] = map.toScreen([layout.points[i], layout.points[i + 1]]);
      const column = Math.floor(left / CELL), row = Math.floor(top / CELL);
      for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++) {
        for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++) {
          near[r * columns + c] = 1;
        }
      }
    }
    return near;
  }

  #ink(from, to) {
    const context = this.sheet.getContext("2d");
    const ink = INK[Number(this.pad.colours.dark)];
    const image = context.createImageData(CELL, CELL);
    for (let cell = from; cell < to; cell++) {
      for (let p = 0; p < CELL * CELL; p++) {
        image.data.fill(ink, 4 * p, 4 * p + 3);
        image.data[4 * p + 3] = (this.near[cell] ? 0.58 : 0.26) * this.values[cell * CELL * CELL + p];
      }
      context.putImageData(
        image, (cell % this.columns) * CELL, Math.floor(cell / this.columns) * CELL);
    }
  }

  // The same in the ink of a view in other colours.
  #other({ colours }) {
    const sheet = document.createElement("canvas");
    sheet.width = this.sheet.width;
    sheet.height = this.sheet.height;
    const context = sheet.getContext("2d");
    context.drawImage(this.sheet, 0, 0);
    context.globalCompositeOperation = "source-in";
    const ink = INK[Number(colours.dark)];
    context.fillStyle = `rgb(${ink}, ${ink}, ${ink})`;
    context.fillRect(0, 0, sheet.width, sheet.height);
    return sheet;
  }

  paint(context, view) {
    if (!this.shown || !this.values) return;
    if (this.size[0] !== view.width || this.size[1] !== view.height) {
      this.stale();
      return;
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(view.colours.dark === this.pad.colours.dark ? this.sheet : this.#other(view), 0, 0);
  }
}
