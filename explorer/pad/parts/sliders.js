// A slider for each latent dimension, of a wide code for those that are largest in the image's own code,
// with the held-out digits' codes behind it.

import { clamp } from "../engine/numbers.js";
import { decimals, format } from "./page.js";

const BINS = 60;
const SHOWN = 8; // rows of a wide code
const LEADING = 16; // rows at most of a code's first numbers, where others tell what these leave open
const STEPS = { plain: 0.02, shifted: 0.1 }; // of the arrow keys, as shares of a slider

/**
 * What a level of a code is called.
 * @param {import("../engine/levels.js").Levels} levels
 * @param {number} level From 0, the lowest.
 * @param {import("./page.js").Texts} text
 */
export function levelName({ widths }, level, text) {
  if (level === widths.length - 1) return text.level_top;
  return level ? format(text.level_between, { level: level + 1 }) : text.level_low;
}

export class Sliders {
  /**
   * @param {import("./page.js").Box} box
   * @param {import("../engine/run.js").Run} run
   * @param {object} acts
   * @param {(k: number, change: (value: number) => number) => void} acts.onMove At every move by hand
   *   or key.
   * @param {() => void} acts.onSettle When a hand lets go.
   * @param {() => void} acts.onKey After a key.
   * @param {import("./page.js").Texts} text
   */
  constructor(box, run, acts, text) {
    this.text = text;
    this.run = run;
    this.box = box;
    this.acts = acts;
    /** @type {ArrayLike<number> | null} */
    this.own = null; // the code whose largest numbers the rows of a wide one are of
    /** @type {number | null} */
    this.held = null; // the dimension of a wide code that was asked for
    const all = Array.from({ length: run.latent }, (_, k) => k);
    this.#build(run.wide || run.book ? [] : run.levels?.downwards() ?? all);
  }

  // A row for each of these dimensions.
  #build(dimensions) {
    const { run, box } = this;
    const { onMove, onSettle, onKey } = this.acts;
    box.innerHTML = "";
    box.classList.toggle("many", run.latent > 4);
    this.rows = dimensions.map((k, i) => {
      this.#level(k, dimensions[i - 1]);
      const row = box.appendChild(document.createElement("label"));
      row.innerHTML = `<span class="name"><i>z</i><sub>${k + 1}</sub></span>
        <svg class="way" viewBox="-8 -8 16 16" aria-hidden="true"><path d="M-5.5 0H5.5M2 -3.5L5.5 0L2 3.5"/></svg>
        <span class="track"><canvas aria-hidden="true"></canvas>
        <input type="range" aria-label="z${k + 1}"></span><output aria-live="off"></output>`;
      const input = row.querySelector("input");
      input.min = decimals(run.low[k], 3);
      input.max = decimals(run.high[k], 3);
      input.step = "any";
      input.addEventListener("input", () => onMove(k, () => Number(input.value)));
      input.addEventListener("keydown", (event) => {
        const share = event.shiftKey ? STEPS.shifted : STEPS.plain;
        const step = (run.high[k] - run.low[k]) * share;
        const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
        if (!way) return;
        event.preventDefault();
        onMove(k, (value) => clamp(value + way * step, run.low[k], run.high[k]));
        onKey();
      });
      input.addEventListener("change", onSettle);
      return {
        k, input, output: row.querySelector("output"), canvas: row.querySelector("canvas"),
        way: row.querySelector(".way"),
      };
    });
    this.point(this.ways ?? null);
    if (this.colours) this.recolour(this.colours);
  }

  // What the level is called that a row begins.
  #level(k, before) {
    const { levels } = this.run;
    if (!levels || levels.widths.length < 2) return;
    const level = levels.levelOf(k);
    if (before !== undefined && levels.levelOf(before) === level) return;
    const heading = this.box.appendChild(document.createElement("h3"));
    heading.textContent = levelName(levels, level, this.text);
  }

  // Of a wide code the dimensions that are largest in the image's own code have rows.
  #choose(own) {
    if (this.run.book) return; // an entry is chosen, not moved number by number
    const size = (/** @type {number} */ k) => Math.abs(own[k]);
    const first = this.run.program.decoder.find(({ op }) => op === "without")?.count ?? 0;
    const largest = first && first <= LEADING ? Array.from({ length: first }, (_, k) => k)
      : Array.from(own, (_, k) => k).sort((a, b) => size(b) - size(a)).slice(0, SHOWN);
    if (this.held !== null && !largest.includes(this.held)) largest.push(this.held);
    this.own = own;
    this.#build(largest);
  }

  /**
   * Give a dimension of a wide code a row, beside those that are largest in the image's own code.
   * @param {number | null} k
   */
  hold(k) {
    this.held = k;
    if (this.run.wide && this.own) this.#choose(this.own);
  }

  /**
   * Beside each name an arrow: which way on the map the slider moves the point, the fainter the less
   * far; none where it leads nowhere.
   * @param {import("../engine/layouts.js").Way[] | null} ways
   */
  point(ways) {
    this.ways = ways;
    this.rows.forEach(({ k, way }) => {
      const { angle, share } = ways?.[k] ?? { angle: 0, share: 0 };
      way.style.transform = `rotate(${decimals((-180 * angle) / Math.PI, 1)}deg)`;
      way.style.opacity = share < 0.03 ? "0" : decimals(0.35 + 0.65 * share, 2);
    });
  }

  /** @param {import("./theme.js").Colours} colours */
  recolour(colours) {
    this.colours = colours;
    for (const row of this.rows) this.#histogram(row, colours);
  }

  // Where the held-out digits' codes lie in this dimension.
  #histogram({ k, canvas }, colours) {
    const { run } = this;
    if (!run.codes) return;
    const counts = new Float32Array(BINS);
    for (let i = k; i < run.codes.length; i += run.latent) {
      const share = (run.codes[i] - run.low[k]) / (run.high[k] - run.low[k]);
      counts[clamp(Math.floor(share * BINS), 0, BINS - 1)]++;
    }
    const most = Math.max(...counts);
    canvas.width = BINS * 3;
    canvas.height = 22;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = colours.accent;
    context.globalAlpha = 0.28;
    counts.forEach((count, bin) => {
      const height = (22 * count) / most;
      context.fillRect(bin * 3, 22 - height, 3, height);
    });
  }

  /**
   * @param {ArrayLike<number>} z
   * @param {Element | null} held The element in hand, which keeps what the hand made it.
   * @param {ArrayLike<number>} own The image's own code.
   */
  show(z, held, own) {
    if (this.run.wide && own && own !== this.own) this.#choose(own);
    this.rows.forEach(({ k, input, output }) => {
      if (input !== held || Number(input.value) !== z[k]) input.value = String(z[k]);
      output.textContent = decimals(z[k], 2);
    });
  }
}
