// A sheet of digits: many pictures of 28 × 28 pixels on one canvas, one of them chosen; above it
// the marks that a digit was given.

import { clamp } from "../engine/numbers.js";
import { tiled } from "./picture.js";
import { ramp } from "./theme.js";

export const SIDE = 28;

export class Sheet {
  /**
   * `onPick(index)` is called when a hand or a key chooses a digit; without it the sheet is a
   * picture only.
   * @param {import("./page.js").Box} host
   * @param {{ label: string, onPick?: ((index: number) => void) | null, gap?: number }} how
   */
  constructor(host, { label, onPick = null, gap = 0 }) {
    this.host = host;
    this.onPick = onPick;
    this.gap = gap; // CSS pixels of paper between the digits
    host.classList.add("sheet");
    this.base = host.appendChild(document.createElement("canvas"));
    this.top = host.appendChild(document.createElement("canvas"));
    this.base.setAttribute("aria-hidden", "true");
    this.top.setAttribute("role", onPick ? "application" : "img");
    this.name(label);
    this.selected = null;
    if (onPick) this.#listen();
    this.layout(1, 1);
    this.observer = new ResizeObserver(() => this.#paintSoon());
    this.observer.observe(host);
  }

  destroy() {
    cancelAnimationFrame(this.painting);
    this.observer.disconnect();
  }

  name(label) {
    this.top.setAttribute("aria-label", label);
  }

  #listen() {
    const { top } = this;
    top.tabIndex = 0;
    const at = (event) => {
      const box = top.getBoundingClientRect();
      const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
      const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
      return clamp(row, 0, this.rows - 1) * this.columns + clamp(column, 0, this.columns - 1);
    };
    top.addEventListener("click", (event) => this.#pick(at(event)));
    top.addEventListener("pointermove", (event) => {
      if (event.buttons === 1 && event.pointerType === "mouse") this.#pick(at(event));
    });
    top.addEventListener("keydown", (event) => {
      const now = this.selected ?? 0;
      const to = {
        ArrowLeft: now - 1, ArrowRight: now + 1, ArrowUp: now - this.columns,
        ArrowDown: now + this.columns, Home: 0, End: this.count - 1,
        Enter: now, " ": now,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      if (to >= 0 && to < this.count) this.#pick(to);
    });
  }

  #pick(index) {
    if (index >= this.count || !this.filled[index]) return;
    this.select(index);
    this.onPick(index);
  }

  // A blank sheet of so many columns and rows.
  layout(columns, rows, count = columns * rows) {
    this.columns = columns;
    this.rows = rows;
    this.count = count;
    this.marks = new Array(count).fill(null);
    this.filled = new Uint8Array(count);
    this.grey = new Uint8Array(columns * rows * SIDE * SIDE);
    this.base.width = columns * SIDE;
    this.base.height = rows * SIDE;
    this.host.style.aspectRatio = `${columns} / ${rows}`;
    this.context = this.base.getContext("2d");
    this.tile = this.context.createImageData(SIDE, SIDE);
    this.words = new Uint32Array(this.tile.data.buffer);
    if (this.selected !== null && this.selected >= count) this.selected = null;
    if (this.colours) this.recolour(this.colours);
  }

  recolour(colours) {
    this.colours = colours;
    this.ramp = ramp(colours);
    const image = this.context.createImageData(this.base.width, this.base.height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < words.length; i++) words[i] = this.ramp[this.grey[i]];
    this.context.putImageData(image, 0, 0);
    this.#paintSoon();
  }

  // Pixels in [0, 1] of one digit; what lies outside is clipped.
  put(index, pixels) {
    const wide = this.columns * SIDE;
    const column = (index % this.columns) * SIDE;
    const row = Math.floor(index / this.columns) * SIDE;
    this.filled[index] = 1;
    for (let y = 0, i = 0; y < SIDE; y++) {
      const start = (row + y) * wide + column;
      for (let x = 0; x < SIDE; x++, i++) {
        const v = pixels[i] * 255 + 0.5;
        const grey = v < 0 ? 0 : v > 255 ? 255 : v | 0;
        this.grey[start + x] = grey;
        if (this.ramp) this.words[i] = this.ramp[grey];
      }
    }
    if (this.ramp) this.context.putImageData(this.tile, column, row);
  }

  // What a digit was called: {glyph, sure}; a dashed frame and "?" where it was not.
  mark(index, mark) {
    this.marks[index] = mark;
    this.#paintSoon();
  }

  unmark() {
    this.marks.fill(null);
    this.#paintSoon();
  }

  select(index) {
    this.selected = index;
    this.#paintSoon();
  }

  // Whether every place has its digit.
  get full() {
    return this.filled.every(Boolean);
  }

  // All digits as what a slide shows, so many pixels of paper between them.
  figure(gap = 2) {
    return tiled(Array.from({ length: this.count }, (_, i) => this.tileAt(i)), this.columns, gap);
  }

  // One digit as a picture by itself.
  tileAt(index) {
    const wide = this.columns * SIDE;
    const start = Math.floor(index / this.columns) * SIDE * wide + (index % this.columns) * SIDE;
    const pixels = new Uint8Array(SIDE * SIDE);
    for (let y = 0; y < SIDE; y++) {
      pixels.set(this.grey.subarray(start + y * wide, start + y * wide + SIDE), y * SIDE);
    }
    return { width: SIDE, height: SIDE, pixels };
  }

  #paintSoon() {
    this.painting ??= requestAnimationFrame(() => {
      this.painting = null;
      this.#paint();
    });
  }

  #paint() {
    const { host, top, colours } = this;
    const width = host.clientWidth;
    const height = host.clientHeight;
    if (!width || !height || !colours) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    if (top.width !== Math.round(width * ratio) || top.height !== Math.round(height * ratio)) {
      top.width = Math.round(width * ratio);
      top.height = Math.round(height * ratio);
    }
    const pen = top.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const wide = width / this.columns;
    const tall = height / this.rows;
    if (this.gap) {
      pen.fillStyle = colours.paper;
      for (let c = 1; c < this.columns; c++) pen.fillRect(c * wide - this.gap / 2, 0, this.gap, height);
      for (let r = 1; r < this.rows; r++) pen.fillRect(0, r * tall - this.gap / 2, width, this.gap);
    }
    const inset = this.gap / 2 + 1;
    const place = (index) => [(index % this.columns) * wide, Math.floor(index / this.columns) * tall];
    const size = Math.round(clamp(wide * 0.34, 9, 15));
    pen.font = `700 ${size}px ${colours.font}`;
    pen.textAlign = "right";
    pen.textBaseline = "alphabetic";
    pen.lineJoin = "round";
    this.marks.forEach((mark, index) => {
      if (!mark) return;
      const [left, above] = place(index);
      const colour = mark.sure ? colours.palette[mark.glyph] : colours.ink;
      pen.strokeStyle = colour;
      pen.lineWidth = mark.sure ? 2 : 1.5;
      pen.setLineDash(mark.sure ? [] : [3, 3]);
      pen.strokeRect(left + inset, above + inset, wide - 2 * inset, tall - 2 * inset);
      pen.setLineDash([]);
      const [x, y] = [left + wide - inset - 2, above + tall - inset - 2.5];
      pen.lineWidth = 3.5;
      pen.strokeStyle = colours.paper;
      pen.strokeText(mark.sure ? mark.glyph : "?", x, y);
      pen.fillStyle = colour;
      pen.fillText(mark.sure ? mark.glyph : "?", x, y);
    });
    if (this.selected === null) return;
    const [left, above] = place(this.selected);
    for (const [colour, thick] of [[colours.paper, 6], [colours.accent, 3]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect(left + 1.5, above + 1.5, wide - 3, tall - 3);
    }
  }
}
