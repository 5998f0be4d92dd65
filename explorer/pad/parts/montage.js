// Figures of a page's pictures for a slide: rows of them with their captions, maps, a map's legend.

import { decimals } from "./page.js";
import { inked, sharp } from "./picture.js";
import { wrapped } from "./slide.js";
import { shadesOf } from "./theme.js";

const GAP = 10;
const LEAST = 12; // size of letters
const ACROSS = 60; // letters' sizes that a wide montage is wide
const LEADING = 1.3;
const ROW_NAME = 9.5; // letters' sizes that the rows' names are wide, where there are any
const MOST = 3; // lines of a caption
const MAP = 600; // pixels across at which a map's letters have their usual size

/**
 * Words, which may be others in each frame.
 * @typedef {string | ((frame: number) => string)} Caption
 *
 * A cell of a montage, in the units of its own row: `picture` is grey, or `paint` draws it.
 * @typedef {object} Cell
 * @property {number} width
 * @property {number} height
 * @property {Caption} [above]
 * @property {Caption} [below]
 * @property {import("./picture.js").Grey} [picture]
 * @property {(pen: CanvasRenderingContext2D, colours: import("./theme.js").Colours, frame: number) => void} [paint]
 *   It draws from (0, 0).
 */

/** @param {Caption | undefined} caption */
const said = (caption, frame) => (typeof caption === "function" ? caption(frame) : caption ?? "");

/**
 * Rows {name, cells} as what a slide shows.
 * @param {{ name?: string, cells: Cell[] }[]} rows
 */
export function montage(rows) {
  const wide = Math.max(...rows.map(({ cells }) => cells.reduce((sum, { width }) => sum + width + GAP, -GAP)));
  const named = rows.some(({ name }) => name);
  const size = Math.max(LEAST, wide / (ACROSS - (named ? ROW_NAME : 0)));
  const line = LEADING * size;
  const room = named ? ROW_NAME * size : 0;
  // Letters are measured when they are drawn, and so are here by what they usually take.
  const linesOf = (cells, where) => Math.max(0, ...cells.map((cell) =>
    Math.min(MOST, Math.ceil((0.56 * size * said(cell[where], 0).length) / cell.width))));
  const placed = rows.map(({ name, cells }) => {
    const head = linesOf(cells, "above") * line;
    const tall = Math.max(...cells.map(({ height }) => height));
    return { name, cells, head, tall, height: head + tall + linesOf(cells, "below") * line + GAP };
  });
  return {
    width: room + wide,
    height: placed.reduce((sum, { height }) => sum + height, -GAP),
    paint(pen, colours, frame) {
      pen.textBaseline = "middle";
      const write = (words, weight, left, top, width, share) => {
        pen.fillStyle = colours.ink;
        pen.font = `${weight} ${size}px ${colours.font}`;
        const lines = wrapped(words, width, (some) => pen.measureText(some).width).slice(0, MOST);
        lines.forEach((some, i) => pen.fillText(some, left, top + (i + 0.5 - share * lines.length) * line, width));
      };
      let top = 0;
      for (const { name, cells, head, tall, height } of placed) {
        if (name) write(name, 650, 0, top + head + tall / 2, room - GAP, 0.5);
        let left = room;
        for (const { width, height: own, above, below, picture, paint } of cells) {
          if (above) write(said(above, frame), 650, left, top + head, width, 1);
          pen.save();
          pen.translate(left, top + head);
          if (picture) sharp(pen, inked(picture, colours), 0, 0, width, own);
          else paint(pen, colours, frame);
          pen.restore();
          if (below) write(said(below, frame), 400, left, top + head + own + 0.15 * line, width, 0);
          left += width + GAP;
        }
        top += height;
      }
    },
  };
}

/**
 * A map as it is seen, drawn anew: the digits, and above them what moves.
 * @param {import("./map_view.js").MapView} map
 */
export function mapFigure(map) {
  const { width, height } = map;
  const letters = width / MAP;
  return {
    width, height,
    paint(pen, colours) {
      const ratio = pen.getTransform().a;
      pen.drawImage(map.portrait({ colours, ratio, letters }), 0, 0, width, height);
      if (map.room.left) return; // it has its own lines
      pen.globalAlpha = 0.25;
      pen.strokeStyle = colours.ink;
      pen.lineWidth = letters;
      pen.strokeRect(0, 0, width, height);
    },
  };
}

/**
 * What a map's points stand for: classes, told by their names.
 * @param {string} title
 * @param {string[]} names
 * @param {import("./theme.js").Colours} colours
 * @returns {import("./slide.js").Entry[]}
 */
export function classLegend(title, names, { palette }) {
  return [{ words: title }, ...names.map((name, label) => {
    const glyph = Array.from(name).slice(0, 2).join("");
    return { glyph, words: glyph === name ? "" : name, colour: palette[label % palette.length] };
  })];
}

/**
 * What a map's points stand for: numbers from low to high, their unit in `title`.
 * @param {string} title
 * @param {number[]} bounds
 * @param {import("./theme.js").Colours} colours
 * @returns {import("./slide.js").Entry[]}
 */
export function scaleLegend(title, bounds, colours) {
  const [low, high] = bounds.map((value) => decimals(value, 1));
  const bar = shadesOf(colours).filter((_, i) => i % 9 === 0).map((shade) => `rgb(${shade})`);
  return [{ words: title }, { words: "", bar, low, high }];
}
