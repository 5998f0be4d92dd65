// Small charts in SVG: axes with ticks, lines, points told apart by shape, bars; each point says
// its numbers to a pointer, to the keyboard's focus and to a screen reader.

import { escaped, letters } from "./page.js";

/**
 * @typedef {{ x: number, y: number, title?: string }} ChartPoint
 *
 * @typedef {object} Series
 * @property {ChartPoint[]} points
 * @property {string} [name]
 * @property {boolean} [line]
 * @property {boolean} [dash]
 * @property {boolean} [step]
 * @property {boolean} [quiet]
 * @property {string} [symbol]
 * @property {number | string} [hue]
 *
 * @typedef {{ title: string, low?: number, high?: number, log?: boolean, ticks?: number[],
 *   count?: number }} Axis
 *
 * @typedef {object} ChartSpec
 * @property {string} label
 * @property {Axis} x
 * @property {Axis} y
 * @property {Series[]} series
 * @property {boolean} [legend]
 * @property {number} [height]
 */

const MARGIN = { left: 50, right: 14, top: 10, bottom: 40 };

const SHAPES = {
  circle: (r) => `<circle r="${r}"/>`,
  square: (r) => `<rect x="${-r}" y="${-r}" width="${2 * r}" height="${2 * r}"/>`,
  diamond: (r) => `<path d="M0 ${-1.35 * r}L${1.35 * r} 0L0 ${1.35 * r}L${-1.35 * r} 0Z"/>`,
  triangle: (r) => `<path d="M0 ${-1.3 * r}L${1.25 * r} ${r}L${-1.25 * r} ${r}Z"/>`,
  cross: (r) => `<path class="open" d="M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}"/>`,
  star: (r) => `<path class="open" d="M0 ${-1.3 * r}V${1.3 * r}M${-1.3 * r} 0H${1.3 * r}M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}"/>`,
};

export const SYMBOLS = Object.keys(SHAPES);

/**
 * About `count` round numbers from low to high.
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((f) => f * power >= rough * 0.999) ?? 10);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push(Number((i * step).toPrecision(12)));
  }
  return found;
}

/**
 * 1, 2 and 5 times the powers of ten between low and high; of many only the powers.
 * @param {number} low
 * @param {number} high
 */
export function logTicks(low, high) {
  const found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const f of [1, 2, 5]) {
      const value = Number((f * 10 ** e).toPrecision(3));
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  return found.length <= 9 ? found : found.filter((v) => Number.isInteger(Math.log10(v)));
}

const short = (value) =>
  Math.abs(value) >= 1e6 ? `${Number((value / 1e6).toPrecision(3))}M`
    : Math.abs(value) >= 1e4 ? `${Number((value / 1e3).toPrecision(3))}k`
      : String(value);

// A drawing of so many pixels where letters have their usual size; it grows with them.
function resize(svg, width, height) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", String(width * letters()));
  svg.setAttribute("height", String(height * letters()));
}

class Scale {
  /**
   * @param {Partial<Axis>} axis
   * @param {number[]} values
   * @param {number} from
   * @param {number} to
   */
  constructor(axis, values, from, to) {
    this.log = axis.log ?? false;
    const finite = values.filter(Number.isFinite);
    let low = axis.low ?? Math.min(...finite);
    let high = axis.high ?? Math.max(...finite);
    if (!this.log) {
      const all = ticks(low, high, axis.count);
      const step = all.length > 1 ? all[1] - all[0] : 1;
      low = axis.low ?? Math.floor(low / step + 1e-9) * step;
      high = axis.high ?? Math.ceil(high / step - 1e-9) * step;
    }
    this.ticks = axis.ticks ?? (this.log ? logTicks(low, high) : ticks(low, high, axis.count));
    const f = this.log ? Math.log : (v) => v;
    const span = f(high) - f(low) || 1;
    // what lies below a logarithm's axis stands at its foot
    this.at = (value) => from + ((f(this.log ? Math.max(value, low) : value) - f(low)) / span) * (to - from);
  }
}

// One chart. `series` are {name, points: [{x, y, title}], line, step, dash, symbol, hue, quiet};
// `hue` counts through the chart's colours, `quiet` points take no focus. `mark(x, y, title)` puts
// the one large point that moves.
export class Chart {
  /**
   * @param {import("./page.js").Box} host
   * @param {ChartSpec} spec
   */
  constructor(host, spec) {
    this.host = host;
    this.spec = spec;
    host.classList.add("chart");
    const legend = spec.series.filter((one) => one.name);
    host.innerHTML = `
      ${legend.length > 1 || spec.legend ? `<ul class="legend">${legend.map((one) => `
        <li style="--hue: var(--hue${one.hue ?? 0})"><svg width="22" height="14" aria-hidden="true">
        <g class="one" transform="translate(11 7)">${one.line || one.step ? `<path class="line${one.dash ? " dash" : ""}" d="M-11 0H11"/>` : ""}
        ${one.symbol ? SHAPES[one.symbol](4) : ""}</g></svg>${escaped(one.name)}</li>`).join("")}</ul>` : ""}
      <div class="plot"><svg role="group" aria-label="${escaped(spec.label)}"></svg>
      <p class="tip" hidden></p></div>`;
    this.plot = host.querySelector(".plot");
    this.svg = this.plot.querySelector("svg");
    this.tip = this.plot.querySelector(".tip");
    const tell = (event) => this.#tell(event.target.closest?.("[data-title]"));
    for (const kind of ["pointerover", "focusin"]) this.svg.addEventListener(kind, tell);
    for (const kind of ["pointerleave", "focusout"]) {
      this.svg.addEventListener(kind, () => (this.tip.hidden = true));
    }
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.plot);
    this.draw(true);
  }

  destroy() {
    this.observer.disconnect();
  }

  /**
   * The same chart on another element.
   * @param {HTMLElement} host
   */
  twin(host) {
    const twin = new Chart(host, this.spec);
    if (this.marked) twin.mark(...this.marked);
    return twin;
  }

  #tell(point) {
    this.tip.hidden = !point;
    if (!point) return;
    this.tip.textContent = point.dataset.title;
    const box = this.plot.getBoundingClientRect();
    const at = point.getBoundingClientRect();
    const left = at.left + at.width / 2 - box.left;
    this.tip.style.left = `${Math.min(box.width - 80, Math.max(80, left))}px`;
    this.tip.style.top = `${at.top - box.top}px`;
  }

  draw(force = false) {
    const width = this.plot.clientWidth / letters();
    if (!width || (!force && width === this.width)) return;
    this.width = width;
    const { spec } = this;
    const height = spec.height ?? 250;
    resize(this.svg, width, height);
    const all = spec.series.flatMap((one) => one.points);
    const x = new Scale(spec.x, all.map((p) => p.x), MARGIN.left, width - MARGIN.right);
    const y = new Scale(spec.y, all.map((p) => p.y), height - MARGIN.bottom, MARGIN.top);
    this.at = (point) => [x.at(point.x).toFixed(1), y.at(point.y).toFixed(1)];
    const foot = height - MARGIN.bottom;
    this.svg.innerHTML = `
      ${y.ticks.map((v) => `<g transform="translate(0 ${y.at(v).toFixed(1)})"><path class="grid"
        d="M${MARGIN.left} 0H${width - MARGIN.right}"/><text x="${MARGIN.left - 7}" dy="4"
        text-anchor="end">${short(v)}</text></g>`).join("")}
      ${x.ticks.map((v) => `<g transform="translate(${x.at(v).toFixed(1)} ${foot})"><path
        class="axis" d="M0 0V5"/><text y="18" text-anchor="middle">${short(v)}</text></g>`).join("")}
      <path class="axis" d="M${MARGIN.left} ${foot}H${width - MARGIN.right}"/>
      <text class="title" x="${(MARGIN.left + width - MARGIN.right) / 2}" y="${height - 5}"
        text-anchor="middle">${escaped(spec.x.title)}</text>
      <text class="title" transform="translate(12 ${(MARGIN.top + foot) / 2}) rotate(-90)"
        text-anchor="middle">${escaped(spec.y.title)}</text>
      ${spec.series.map((one) => this.#series(one)).join("")}
      <g class="mark" data-title="" hidden><circle r="9" class="halo"/><circle r="7"/></g>`;
    this.moving = this.svg.querySelector(".mark");
    if (this.marked) this.mark(...this.marked);
  }

  /** @param {Series} one */
  #series({ points, line, step, dash, symbol, hue = 0, quiet }) {
    const shown = points.map((point) => this.at(point));
    let path = "";
    if (line || step) {
      const joined = step
        ? shown.map(([x, y], i) => (i ? `H${x}V${y}` : `M${x} ${y}`)).join("")
        : shown.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");
      path = `<path class="line${dash ? " dash" : ""}" d="${joined}"/>`;
    }
    const marks = symbol
      ? points.map((point, i) => `<g class="point" data-title="${escaped(point.title ?? "")}"
          role="img" aria-label="${escaped(point.title ?? "")}" ${quiet ? "" : `tabindex="0"`}
          transform="translate(${shown[i].join(" ")})"><circle class="reach" r="11"/>
          ${SHAPES[symbol](quiet ? 3 : 5)}</g>`).join("")
      : "";
    return `<g class="one" style="--hue: var(--hue${hue})">${path}${marks}</g>`;
  }

  // The point that moves: nothing else is drawn anew.
  mark(x, y, title) {
    this.marked = [x, y, title];
    if (!this.moving) return;
    this.moving.removeAttribute("hidden");
    this.moving.setAttribute("transform", `translate(${this.at({ x, y }).join(" ")})`);
    this.moving.dataset.title = title;
  }
}

// Bars from the longest to the shortest, by the numbers of their dimensions; those below `least`
// stand hollow. `show(values)` moves them.
export class Bars {
  /**
   * @param {import("./page.js").Box} host
   * @param {{ label: string, x: string, y: string, top: number, count: number, least: number,
   *   title: (k: number, value: number) => string }} spec
   */
  constructor(host, { label, x, y, top, count, least, title }) {
    this.host = host;
    this.spec = { label, x, y, top, count, least, title };
    host.classList.add("chart");
    host.innerHTML = `<div class="plot"><svg role="group" aria-label="${escaped(label)}"></svg></div>`;
    this.plot = host.firstElementChild;
    this.svg = this.plot.firstElementChild;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.plot);
    this.draw(true);
  }

  destroy() {
    this.observer.disconnect();
  }

  /**
   * The same bars on another element.
   * @param {HTMLElement} host
   */
  twin(host) {
    const twin = new Bars(host, this.spec);
    twin.show(this.values);
    return twin;
  }

  draw(force = false) {
    const width = this.plot.clientWidth / letters();
    if (!width || (!force && width === this.width)) return;
    this.width = width;
    const { top, count, x, y } = this.spec;
    const height = 250;
    resize(this.svg, width, height);
    this.foot = height - MARGIN.bottom;
    const scale = new Scale({ low: 0 }, [0, top], this.foot, MARGIN.top);
    this.tall = (value) => this.foot - scale.at(value);
    const inner = width - MARGIN.left - MARGIN.right;
    this.pitch = Math.min(64, inner / count);
    const wide = Math.max(3, this.pitch * 0.7);
    const small = this.pitch < 18;
    this.svg.innerHTML = `
      ${scale.ticks.map((v) => `<g transform="translate(0 ${scale.at(v).toFixed(1)})"><path class="grid"
        d="M${MARGIN.left} 0H${width - MARGIN.right}"/><text x="${MARGIN.left - 7}" dy="4"
        text-anchor="end">${short(v)}</text></g>`).join("")}
      <text class="title" x="${MARGIN.left + inner / 2}" y="${height - 5}"
        text-anchor="middle">${escaped(x)}</text>
      <text class="title" transform="translate(12 ${(MARGIN.top + this.foot) / 2}) rotate(-90)"
        text-anchor="middle">${escaped(y)}</text>
      ${Array.from({ length: count }, (_, k) => `<g class="bar" role="img"><rect x="${-wide / 2}"
        width="${wide}" rx="2"/><title></title><text y="${this.foot + (small && k % 2 ? 27 : 15)}"
        text-anchor="middle">${k + 1}</text></g>`).join("")}
      <path class="axis" d="M${MARGIN.left} ${this.foot}H${width - MARGIN.right}"/>`;
    this.bars = Array.from(this.svg.querySelectorAll(".bar"), (group) => ({
      group,
      rect: group.querySelector("rect"),
      title: group.querySelector("title"),
    }));
    if (this.values) this.show(this.values);
  }

  show(values) {
    this.values = values;
    if (!this.bars) return;
    const { least, title } = this.spec;
    const order = Array.from(values.keys()).sort((a, b) => values[b] - values[a]);
    order.forEach((k, place) => {
      const { group, rect, title: words } = this.bars[k];
      const tall = Math.max(2, this.tall(values[k]));
      const left = MARGIN.left + this.pitch * (place + 0.5);
      group.setAttribute("transform", `translate(${left.toFixed(1)} 0)`);
      rect.setAttribute("y", (this.foot - tall).toFixed(1));
      rect.setAttribute("height", tall.toFixed(1));
      group.classList.toggle("dead", values[k] < least);
      const told = title(k, values[k]);
      words.textContent = told;
      group.setAttribute("aria-label", told);
    });
  }
}
