// One digit's squared error at every noise level, by each network.

import { CORRUPTIONS } from "../../engine/noise.js";
import { squaredError } from "../../engine/numbers.js";
import { decimals, format } from "../../parts/page.js";
import { LevelChart } from "./levels.js";

const STEPS = 17;
const SLIDE = [540, 300]; // pixels of the chart on a slide

export class Curves {
  /**
   * `answers` names the networks in the order in which they are told.
   * @param {any} pad The Noise page's pad.
   * @param {string[]} answers
   */
  constructor(pad, answers) {
    this.pad = pad;
    this.answers = answers;
    this.text = pad.text;
    this.chart = new LevelChart(pad.part("chart"), pad.text, () => this.draw());
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.chart.destroy();
  }

  // The curves cost some fifty passes, so they come with the next frame, not under the hand.
  renew() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#compute();
      this.draw();
    });
  }

  #compute() {
    const { run, clean, kind, noise, plain } = this.pad;
    const { low, high } = run.dial;
    const { spec, cleaner } = this.pad.dedicated();
    const levels = Array.from({ length: STEPS }, (_, i) => low + ((high - low) * i) / (STEPS - 1));
    const curves = { output: [] };
    if (plain) curves.plain = [];
    if (cleaner) curves.dedicated = [];
    for (const level of levels) {
      const corrupted = CORRUPTIONS[kind](clean, level, noise);
      run.encoder.set(level);
      run.decoder.set(level);
      curves.output.push(squaredError(run.decode(run.encode(corrupted).mean), clean));
      curves.plain?.push(squaredError(plain.answer(corrupted), clean));
      curves.dedicated?.push(squaredError(cleaner.answer(corrupted), clean));
    }
    run.encoder.set(this.pad.level);
    run.decoder.set(this.pad.level);
    this.of = spec?.level;
    this.levels = levels;
    this.curves = curves;
    this.pad.part("chart").setAttribute("aria-label", this.#inWords());
  }

  // The curves for those who don't see them: each network's error at both ends.
  #inWords() {
    const { text, levels, curves } = this;
    const ends = this.answers.filter((name) => curves[name]).map((name) =>
      format(text.line_ends, {
        line: text[`line_${name}`],
        first: decimals(curves[name][0], 1),
        last: decimals(curves[name].at(-1), 1),
        low: levels[0],
        high: levels.at(-1),
      }));
    return `${text.curves_title}: ${ends.join("; ")}`;
  }

  draw() {
    if (!this.curves) return;
    if (this.of !== this.pad.dedicated().spec?.level) this.renew();
    this.chart.draw(this.#shown(this.pad.colours));
  }

  #shown(colours) {
    const { run, level, errors, trivial } = this.pad;
    const { low, high } = run.dial;
    return { low, high, levels: this.levels, curves: this.curves, level, errors, trivial, colours };
  }

  // The same as what a slide shows.
  figure() {
    const [width, height] = SLIDE;
    return {
      width, height,
      paint: (pen, colours) => this.chart.paint(pen, width, height, this.#shown(colours)),
    };
  }
}
