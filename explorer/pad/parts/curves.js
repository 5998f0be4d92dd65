// Loss terms as small multiples: one curve for each term with its own axis, its value and its unit,
// and a line that marks a moment of the training.

import { figures, rangeOf, reportAt, termsOf } from "../engine/histories.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 300;
const TALL = 72;

const element = (name, attributes = {}) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

export class Curves {
  /**
   * `names` says a term's name, `unit` what it is measured in.
   * @param {import("./page.js").Box} host
   * @param {{ names: import("./page.js").Texts, unit: string }} words
   */
  constructor(host, { names, unit }) {
    this.host = host;
    this.names = names;
    this.unit = unit;
    this.curves = new Map();
    this.ranges = null;
    host.classList.add("curves");
  }

  /**
   * Draw a history up to `total` samples; with `ranges` on axes that others share.
   * @param {Record<string, number>[]} history
   * @param {number} total
   * @param {Record<string, number[]> | null} ranges
   */
  show(history, total, ranges = null) {
    this.history = history;
    this.total = Math.max(total, 1);
    const terms = termsOf(history);
    for (const term of terms) {
      const curve = this.curves.get(term) ?? this.#add(term);
      const [low, high] = ranges?.[term] ?? rangeOf([history], term);
      const x = (entry) => ((WIDE * entry.samples) / this.total).toFixed(1);
      const y = (entry) => (TALL * (1 - (entry[term] - low) / (high - low))).toFixed(1);
      const there = history.filter((entry) => Number.isFinite(entry[term]));
      curve.line.setAttribute("d",
        there.map((entry, i) => `${i ? "L" : "M"}${x(entry)} ${y(entry)}`).join(""));
      curve.high.textContent = figures(high);
      curve.low.textContent = figures(low);
    }
    this.mark(this.moment ?? null);
  }

  /**
   * The moment after `samples`; null for the latest.
   * @param {number | null} samples
   */
  mark(samples) {
    this.moment = samples;
    const last = this.history?.at(-1);
    if (!last) return;
    const now = reportAt(this.history, samples);
    const at = (WIDE * Math.min(samples ?? last.samples, this.total)) / this.total;
    for (const [term, curve] of this.curves) {
      curve.value.textContent = figures(now[term]);
      curve.mark.setAttribute("x1", at);
      curve.mark.setAttribute("x2", at);
      curve.svg.setAttribute("aria-label", `${curve.name}: ${figures(now[term])} ${this.unit}`);
    }
  }

  #add(term) {
    const figure = this.host.appendChild(document.createElement("figure"));
    const caption = figure.appendChild(document.createElement("figcaption"));
    const name = this.names[`term_${term}`] ?? term;
    caption.appendChild(document.createElement("span")).textContent = name;
    const value = caption.appendChild(document.createElement("b"));
    caption.appendChild(document.createElement("small")).textContent = this.unit;
    const plot = figure.appendChild(document.createElement("div"));
    const svg = plot.appendChild(element("svg", {
      viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", role: "img", "data-term": term,
    }));
    const mark = svg.appendChild(element("line", { class: "moment", y1: 0, y2: TALL }));
    const line = svg.appendChild(element("path", { class: "line" }));
    const high = plot.appendChild(document.createElement("i"));
    const low = plot.appendChild(document.createElement("i"));
    const curve = { name, value, svg, line, mark, high, low };
    this.curves.set(term, curve);
    return curve;
  }
}
