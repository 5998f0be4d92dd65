// A map's edges: what its axes are, and their numbers where these are numbers of something.

import { ticks } from "./chart.js";
import { decimals, format } from "./page.js";

const LEFT = 36, FOOT = 22; // pixels at usual letters that the numbers take
const APART = { x: 84, y: 56 }; // pixels at usual letters between two numbers
const METHODS = { umap: "UMAP", tsne: "t-SNE" };

/**
 * Pixels at a map's left and foot that its numbers take.
 * @param {import("../engine/layouts.js").Axes | null | undefined} axes
 * @param {number} size Of letters, 1 where they have their usual one.
 */
export function roomFor(axes, size) {
  const numbers = axes?.of === "z" || axes?.of === "component";
  return { left: numbers ? Math.round(LEFT * size) : 0, foot: numbers ? Math.round(FOOT * size) : 0 };
}

/**
 * The axes' names: to the right, upwards.
 * @param {import("../engine/layouts.js").Axes} axes
 * @param {import("./page.js").Texts} text
 * @returns {string[]}
 */
export function axisNames(axes, text) {
  if (axes.of === "z") return axes.which.map(subscript);
  if (axes.of === "component") return axes.which.map((k) => format(text.axis_component, { k: k + 1 }));
  return axes.which.map((k) => `${METHODS[axes.of]} ${k + 1}`);
}

/** @param {number} k */
const subscript = (k) =>
  `z${Array.from(String(k + 1), (digit) => String.fromCharCode(0x2080 + Number(digit))).join("")}`;

/**
 * Where on the screen which numbers stand: those to the right by their distance from the left, those
 * upwards by that from above.
 * @param {{ room: { left: number, foot: number }, width: number, height: number, letters: number,
 *   toMap(left: number, top: number): number[], toScreen(place: number[]): number[] }} view
 */
export function marksOf(view) {
  const { room, width, height, letters } = view;
  const foot = height - room.foot;
  const [low, bottom] = view.toMap(room.left, foot);
  const [high, top] = view.toMap(width, 0);
  const along = (from, to, pixels) => {
    const values = ticks(from, to, Math.max(2, Math.floor(pixels / letters)));
    const step = values.length > 1 ? values[1] - values[0] : 1;
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    return values.map((value) => ({ value, label: decimals(value, digits).replace("-", "−") }));
  };
  const near = 10 * letters; // to a corner, where no number fits
  return {
    x: along(low, high, (width - room.left) / APART.x)
      .map((mark) => ({ ...mark, at: view.toScreen([mark.value, bottom])[0] }))
      .filter(({ at }) => at > room.left + near && at < width - near),
    y: along(bottom, top, foot / APART.y)
      .map((mark) => ({ ...mark, at: view.toScreen([low, mark.value])[1] }))
      .filter(({ at }) => at > near && at < foot - near),
  };
}

export class Edges {
  /** @param {import("./map_view.js").MapView} view */
  constructor(view) {
    this.view = view;
    this.sheet = document.createElement("canvas");
  }

  // They are drawn anew only where the view changed, since points move in every frame.
  /** @param {CanvasRenderingContext2D} context In the base's own pixels. */
  paint(context) {
    const { view } = this;
    if (!view.axes) return;
    const { base, centre, unit, colours, names, room } = view;
    const key = [base.width, base.height, centre, unit, colours.key, view.named, names, room.left].join();
    if (key !== this.key) {
      this.key = key;
      this.#draw();
    }
    context.drawImage(this.sheet, 0, 0);
  }

  #draw() {
    const { view, sheet } = this;
    const { width, height, ratio, letters, colours, room } = view;
    const foot = height - room.foot;
    sheet.width = view.base.width;
    sheet.height = view.base.height;
    const pen = sheet.getContext("2d");
    const [right, up] = view.named;
    pen.scale(ratio, ratio);
    if (room.left) {
      pen.fillStyle = colours.paper;
      pen.globalAlpha = 0.92;
      pen.fillRect(0, 0, room.left, height);
      pen.fillRect(room.left, foot, width, room.foot);
      const { x, y: numbers } = marksOf(view);
      const y = up ? numbers : [];
      pen.fillStyle = pen.strokeStyle = colours.ink;
      pen.globalAlpha = 0.35;
      pen.lineWidth = 1;
      const line = 4 * letters;
      pen.beginPath();
      pen.moveTo(room.left, 0);
      pen.lineTo(room.left, foot);
      pen.lineTo(width, foot);
      for (const { at } of x) pen.moveTo(at, foot), pen.lineTo(at, foot + line);
      for (const { at } of y) pen.moveTo(room.left - line, at), pen.lineTo(room.left, at);
      pen.stroke();
      pen.globalAlpha = 0.78;
      pen.font = `${12.5 * letters}px ${colours.font}`;
      pen.textBaseline = "middle";
      pen.textAlign = "center";
      for (const { at, label } of x) pen.fillText(label, at, foot + (room.foot + line) / 2);
      pen.textAlign = "right";
      for (const { at, label } of y) pen.fillText(label, room.left - 1.6 * line, at, room.left - 2 * line);
    }
    pen.globalAlpha = 1;
    pen.font = `600 ${13 * letters}px ${colours.font}`;
    pen.lineJoin = "round";
    pen.lineWidth = 4 * letters;
    pen.strokeStyle = colours.paper;
    pen.fillStyle = colours.ink;
    pen.textBaseline = "alphabetic";
    const inset = 8 * letters;
    const write = (words, left, base) => {
      pen.strokeText(words, left, base);
      pen.fillText(words, left, base);
    };
    pen.textAlign = "right";
    if (right) write(`${right} →`, width - inset, foot - inset);
    pen.textAlign = "left";
    if (up) write(`↑ ${up}`, room.left + inset, inset + 10 * letters);
  }
}
