// What every saved picture is: a title, the thing itself drawn anew at the asked size, and its
// legend, in light or dark colours whatever the page shows.

import { copyOf, make, notes, SVG } from "./drawing.js";
import { letters } from "./page.js";

/**
 * One line of a legend: a figure of a class in its colour, a bar of colours from low to high, the
 * sign of a chart's line, or words alone.
 * @typedef {object} Entry
 * @property {string} words
 * @property {string} [glyph]
 * @property {string} [colour]
 * @property {string[]} [bar]
 * @property {string} [low]
 * @property {string} [high]
 * @property {SVGGElement} [sign]
 *
 * What can be saved: `paint` draws it within its own width and height, in any units; `whole` where
 * these are pixels that are best enlarged by a whole number. `chart` draws it in SVG instead, on an
 * element of the page. What moves has `frames`.
 * @typedef {object} Figure
 * @property {import("./downloads.js").About} about
 * @property {number} [width]
 * @property {number} [height]
 * @property {boolean} [whole]
 * @property {(pen: CanvasRenderingContext2D, colours: Colours, frame: number) => void} [paint]
 * @property {(host: HTMLElement) => Drawn} [chart]
 * @property {(colours: Colours) => Entry[]} [legend]
 * @property {boolean} [bare] Of a chart, that it has no legend.
 * @property {number} [frames]
 * @property {number} [milliseconds] For which each is shown.
 * @property {boolean} [back] Whether it goes back as it came.
 *
 * @typedef {import("./theme.js").Colours} Colours
 * @typedef {{ svg: SVGSVGElement, host: HTMLElement, destroy(): void }} Drawn
 * @typedef {{ width: number, colours: Colours, title: string, legend: boolean }} Choice
 */

const USUAL = 960; // pixels across, by which all else is measured
const MARGIN = 28;
const TITLE = { size: 26, least: 13, weight: 650 };
const WORDS = { size: 19, least: 11, weight: 500 };
const LEADING = 1.3; // of a line's letters
const TALLEST = 1.2; // of a picture, as a share of its width
const LINES = 4; // of a title at most
const CHART = 560; // pixels across of a chart that is drawn for a slide
const BAR = 9; // letters long
const FONT = "Arial, Helvetica, sans-serif"; // of drawings, which are read where the page's own isn't
const SIGN = { width: 22, height: 14 }; // as charts draw them

/**
 * Where everything stands on a slide: `measure(words, size, weight)` is how wide words are, `items`
 * are the legend's widths in letters' sizes: {words, lead}.
 * @param {{ width: number, ratio: number, title: string, whole?: number,
 *   items: { words: string, lead: number }[],
 *   measure: (words: string, size: number, weight: number) => number }} of
 */
export function plan({ width, ratio, title, whole = 0, items, measure }) {
  const unit = width / USUAL;
  const margin = Math.round(MARGIN * unit);
  const inner = width - 2 * margin;
  const [head, small] = [TITLE, WORDS].map(({ size, least }) => Math.max(least, size * unit));
  const lines = wrapped(title, inner, (words) => measure(words, head, TITLE.weight)).slice(0, LINES);
  let top = margin;
  const said = lines.map((words, i) => ({ words, x: margin, y: top + head * (0.8 + i * LEADING) }));
  if (lines.length) top += Math.round(lines.length * head * LEADING + margin / 2);
  let wide = Math.min(inner, inner * TALLEST / ratio);
  if (whole && Math.floor(wide / whole) >= 0.85 * (wide / whole)) wide = whole * Math.floor(wide / whole);
  const picture = {
    x: Math.round((width - wide) / 2), y: Math.round(top), width: wide, height: Math.round(wide * ratio),
  };
  top = picture.y + picture.height;
  let x = margin, y = top + margin * 0.6 + small;
  const between = 0.9 * small;
  const placed = items.map(({ words, lead }) => {
    const room = inner - lead * small;
    const rows = words ? wrapped(words, room, (some) => measure(some, small, WORDS.weight)) : [""];
    const long = lead * small + Math.max(...rows.map((row) => measure(row, small, WORDS.weight)));
    if (x > margin && (x + long > margin + inner || rows.length > 1)) [x, y] = [margin, y + small * 1.5];
    const at = { x, y, rows };
    x += long + between;
    if (rows.length > 1) [x, y] = [margin, y + small * LEADING * (rows.length - 1)];
    return at;
  });
  const height = Math.ceil((items.length ? y + 0.3 * small : top) + margin);
  return { width, height, head, small, lines: said, picture, items: placed };
}

// Words in lines that are no wider than `room`; a word that is wider is broken.
/**
 * @param {string} words
 * @param {number} room
 * @param {(words: string) => number} measure
 * @returns {string[]}
 */
export function wrapped(words, room, measure) {
  const lines = [];
  let line = "";
  for (let word of words.trim().split(/\s+/).filter(Boolean)) {
    if (measure(line ? `${line} ${word}` : word) <= room) {
      line = line ? `${line} ${word}` : word;
      continue;
    }
    if (line) lines.push(line);
    while (measure(word) > room && word.length > 1) {
      let end = word.length - 1;
      while (end > 1 && measure(word.slice(0, end)) > room) end--;
      lines.push(word.slice(0, end));
      word = word.slice(end);
    }
    line = word;
  }
  return line ? [...lines, line] : lines;
}

// How wide an entry is before its words, in letters' sizes.
/** @param {Entry} entry */
function leadOf({ glyph, bar, low, high, sign, words, colour }) {
  if (bar) return BAR + 0.62 * (low.length + high.length) + 1.6 + (words ? 0.4 : 0);
  if (sign) return 1.9;
  return (colour ? 0.9 : 0) + (glyph ? 0.62 * glyph.length + (words ? 0.4 : 0) : 0);
}

const pens = new Map();

function measurer(font) {
  if (!pens.has(font)) pens.set(font, document.createElement("canvas").getContext("2d"));
  const pen = pens.get(font);
  return (words, size, weight) => {
    pen.font = `${weight} ${size}px ${font}`;
    return pen.measureText(words).width;
  };
}

function planned(figure, { width, colours, title }, size, entries) {
  return plan({
    width, title, ratio: size.height / size.width, whole: figure.whole ? size.width : 0,
    items: entries.map((entry) => ({ words: entry.words, lead: leadOf(entry) })),
    measure: measurer(colours.font),
  });
}

/**
 * How large a slide will be.
 * @param {Figure} figure
 * @param {Choice} choice
 */
export function sizeOf(figure, choice) {
  const entries = choice.legend && figure.legend ? figure.legend(choice.colours) : [];
  return planned(figure, choice, /** @type {any} */ (figure), entries);
}

/**
 * One frame of a figure as a canvas.
 * @param {Figure} figure
 * @param {Choice} choice
 * @param {number} frame
 */
export function compose(figure, choice, frame = 0) {
  const { colours } = choice;
  const entries = choice.legend && figure.legend ? figure.legend(colours) : [];
  const { width, height, head, small, lines, picture, items } =
    planned(figure, choice, /** @type {any} */ (figure), entries);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = colours.ink;
  pen.font = `${TITLE.weight} ${head}px ${colours.font}`;
  for (const { words, x, y } of lines) pen.fillText(words, x, y);
  pen.save();
  pen.translate(picture.x, picture.y);
  pen.scale(picture.width / figure.width, picture.width / figure.width);
  figure.paint(pen, colours, frame);
  pen.restore();
  entries.forEach((entry, i) => write(pen, entry, items[i], small, colours));
  return canvas;
}

function write(pen, entry, { x, y, rows }, small, { ink, font }) {
  const { glyph, colour, bar, low, high } = entry;
  const after = x + leadOf(entry) * small;
  pen.font = `${WORDS.weight} ${small}px ${font}`;
  pen.fillStyle = ink;
  rows.forEach((words, i) => pen.fillText(words, after, y + i * small * LEADING));
  if (bar) {
    const from = x + 0.62 * small * low.length + 0.6 * small;
    const fill = pen.createLinearGradient(from, 0, from + BAR * small, 0);
    bar.forEach((one, i) => fill.addColorStop(i / (bar.length - 1), one));
    pen.fillText(low, x, y);
    pen.fillText(high, from + (BAR + 0.5) * small, y);
    pen.fillStyle = fill;
    pen.fillRect(from, y - 0.7 * small, BAR * small, 0.7 * small);
  }
  if (!colour) return;
  pen.fillStyle = colour;
  pen.fillRect(x, y - 0.62 * small, 0.55 * small, 0.55 * small);
  if (!glyph) return;
  pen.font = `700 ${small}px ${font}`;
  pen.fillText(glyph, x + 0.9 * small, y);
}

/**
 * A chart's slide as an <svg> that needs nothing of the page. `root` is the pad's, whose styles the
 * chart has; it is drawn anew beside it, out of sight.
 * @param {Figure} figure
 * @param {Choice} choice
 * @param {HTMLElement} root
 */
export function drawn(figure, choice, root) {
  const { width, title } = choice;
  const colours = { ...choice.colours, font: FONT };
  const host = root.parentNode.appendChild(document.createElement("div"));
  host.className = root.className;
  host.setAttribute("aria-hidden", "true");
  host.style.cssText = `display: block; position: fixed; left: -9999px; top: 0; min-height: 0; width: ${CHART * letters()}px`;
  for (const [name, value] of Object.entries({
    "background-color": colours.paper, "text-color": colours.ink, "primary-color": colours.accent,
    "secondary-background-color": colours.panel, font: FONT,
  })) host.style.setProperty(`--st-${name}`, value);
  const chart = figure.chart(host.appendChild(document.createElement("div")));
  try {
    const inside = copyOf(chart.svg);
    const entries = choice.legend ? signsOf(chart.host) : [];
    const { height, head, small, lines, picture, items } = planned(figure, { ...choice, colours }, inside, entries);
    const out = /** @type {SVGSVGElement} */ (make("svg", { viewBox: `0 0 ${width} ${height}`, width, height }));
    out.setAttribute("xmlns", SVG);
    out.append(...notes({ ...figure.about, title: title || figure.about.title }));
    out.append(make("rect", { width, height, fill: colours.paper }));
    const say = (words, x, y, size, weight) => out.append(make("text", {
      x: x.toFixed(1), y: y.toFixed(1), fill: colours.ink, "font-family": colours.font,
      "font-size": size.toFixed(1), "font-weight": weight,
    }, words));
    for (const { words, x, y } of lines) say(words, x, y, head, TITLE.weight);
    const scale = picture.width / inside.width;
    const place = make("g", { transform: `translate(${picture.x} ${picture.y}) scale(${scale.toFixed(4)})` });
    place.append(inside.group);
    out.append(place);
    entries.forEach((entry, i) => {
      const { x, y, rows } = items[i];
      const size = (1.5 * small) / SIGN.width;
      const sign = make("g", { transform: `translate(${x.toFixed(1)} ${
        (y - 0.35 * small - (SIGN.height / 2) * size).toFixed(1)}) scale(${size.toFixed(4)})` });
      sign.append(entry.sign);
      out.append(sign);
      rows.forEach((words, r) =>
        say(words, x + leadOf(entry) * small, y + r * small * LEADING, small, WORDS.weight));
    });
    return out;
  } finally {
    chart.destroy();
    host.remove();
  }
}

// A chart's own legend.
function signsOf(host) {
  return Array.from(host.querySelectorAll(".legend li"), (line) => ({
    words: line.textContent.trim(), sign: /** @type {SVGGElement} */ (copyOf(line.querySelector("svg")).group),
  }));
}

/**
 * A drawing as a canvas of its own size.
 * @param {SVGSVGElement} svg
 */
export async function rastered(svg) {
  const canvas = document.createElement("canvas");
  canvas.width = Number(svg.getAttribute("width"));
  canvas.height = Number(svg.getAttribute("height"));
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await picture.decode();
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}
