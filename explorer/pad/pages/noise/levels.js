// One digit's squared error at every noise level, one line a network; the slider's level upright.

import { decimals, letters } from "../../parts/page.js";

const MARGIN = { left: 38, right: 14, top: 26, bottom: 34 };
const LINES = ["plain", "output", "dedicated"];
const DASHES = { plain: [7, 4], output: [], dedicated: [2, 3], mean: [1, 5] };

export class LevelChart {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("../../parts/page.js").Texts} text
   * @param {() => void} resized
   */
  constructor(canvas, text, resized) {
    this.canvas = canvas;
    this.text = text;
    this.size = [0, 0];
    this.observer = new ResizeObserver(() => {
      this.letters = letters();
      this.size = [canvas.clientWidth, canvas.clientHeight]; // asked in a drag, it costs a layout
      resized();
    });
    this.observer.observe(canvas);
  }

  destroy() {
    this.observer.disconnect();
  }

  // `curves` and `errors` (at the slider's level) by network; `trivial` is the mean digit's error.
  draw(shown) {
    const [width, height] = this.size.map((side) => side / this.letters);
    if (!width || !shown.colours) return;
    const { canvas } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1) * this.letters;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.paint(pen, width, height, shown);
  }

  // The same within any width and height, in pixels where letters have their usual size.
  paint(pen, width, height, { low, high, levels, curves, level, errors, trivial, colours }) {
    const { ink, accent, paper, palette } = colours;
    const hues = { plain: palette[6], output: accent, dedicated: palette[3], mean: ink };
    const most = 1.15 * Math.max(trivial, ...curves.output,
      ...(curves.plain ?? []).map((error) => Math.min(error, 1.6 * trivial)));
    const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
    const x = (at) => MARGIN.left + ((at - low) / (high - low)) * (right - MARGIN.left);
    const y = (error) => bottom - (error / most) * (bottom - MARGIN.top);
    this.#axes(pen, colours, { low, high, most, right, bottom, x, y });

    pen.save();
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top - 6, width, bottom - MARGIN.top + 6);
    pen.clip(); // a curve may leave the picture above
    const drawn = { mean: levels.map(() => trivial), ...curves };
    for (const [name, values] of Object.entries(drawn)) {
      this.#line(pen, name, hues[name], values.map((error, i) => [x(levels[i]), y(error)]));
    }
    pen.globalAlpha = 0.5;
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x(level), MARGIN.top);
    pen.lineTo(x(level), bottom);
    pen.stroke();
    pen.globalAlpha = 1;
    for (const name of LINES) {
      if (!curves[name] || errors[name] === undefined) continue;
      pen.beginPath();
      pen.arc(x(level), y(errors[name]), 5, 0, 2 * Math.PI);
      pen.fillStyle = hues[name];
      pen.fill();
      pen.lineWidth = 2;
      pen.strokeStyle = paper;
      pen.stroke();
    }
    pen.restore();
    this.#legend(pen, hues, colours, [...LINES.filter((name) => curves[name]), "mean"], right);
  }

  #axes(pen, { ink, font }, { low, high, most, right, bottom, x, y }) {
    pen.font = `13px ${font}`;
    pen.textBaseline = "middle";
    pen.fillStyle = pen.strokeStyle = ink;
    pen.lineWidth = 1;
    const step = [1, 2, 5, 10, 20, 50, 100, 200].find((size) => most / size <= 6) ?? 500;
    pen.textAlign = "right";
    for (let error = 0; error <= most; error += step) {
      pen.globalAlpha = 0.12;
      pen.beginPath();
      pen.moveTo(MARGIN.left, y(error));
      pen.lineTo(right, y(error));
      pen.stroke();
      pen.globalAlpha = 0.7;
      pen.fillText(String(error), MARGIN.left - 6, y(error));
    }
    pen.textAlign = "center";
    for (let level = Math.ceil(low * 5) / 5; level <= high + 1e-9; level += 0.2) {
      pen.fillText(decimals(level, 1), x(level), bottom + 12);
    }
    pen.fillText(this.text.level, (MARGIN.left + right) / 2, bottom + 26);
    pen.globalAlpha = 1;
  }

  #line(pen, name, hue, points) {
    pen.setLineDash(DASHES[name]);
    pen.strokeStyle = hue;
    pen.lineWidth = name === "output" ? 2.5 : 2;
    pen.beginPath();
    points.forEach(([left, top], i) => pen[i ? "lineTo" : "moveTo"](left, top));
    pen.stroke();
    pen.setLineDash([]);
  }

  // What line is whose, above the curves.
  #legend(pen, hues, { ink, font }, names, right) {
    pen.font = `13px ${font}`;
    pen.textAlign = "left";
    let at = MARGIN.left;
    for (const name of names) {
      const label = this.text[`line_${name}`];
      const wide = 36 + pen.measureText(label).width;
      if (at + wide > right + 14) break;
      this.#line(pen, name, hues[name], [[at, 10], [at + 20, 10]]);
      pen.fillStyle = ink;
      pen.fillText(label, at + 24, 10);
      at += wide;
    }
  }
}
