// How far a map can be trusted: its scores beside those of a map that knows nothing, for where the
// run's knob stands.

import { giveUp } from "../../engine/results.js";
import { decimals, format } from "../../parts/page.js";

export const FAR = ["umap", "tsne"]; // maps of which only the digits' own places mean something
const SCORES = ["trustworthiness", "continuity", "agreement"];

export class Trust {
  /**
   * `tools` are the map's: they know its method and fetch what is computed of a run.
   * @param {import("../../parts/latent_pad.js").LatentPad} pad
   * @param {import("./map_tools.js").MapTools} tools
   */
  constructor(pad, tools) {
    this.pad = pad;
    this.tools = tools;
    this.text = pad.text;
  }

  // What the map's places mean; how far it can be trusted, beside a map that knows nothing.
  async show() {
    const { run, spec, set } = this.pad;
    const { tools, text } = this;
    const { method } = tools;
    const line = this.pad.part("trust");
    const note = FAR.includes(method) ? text.note_far
      : method === "axes" ? text.note_axes : method === "top" ? text.note_top
      : set ? text.note_own : text.map_note;
    const laid = FAR.includes(method) && run.dial ? format(text.note_laid, this.#knob) : "";
    this.pad.part("map-note").textContent = `${note} ${laid}`.trim();
    const kind = this.#scoresOf(method);
    // Of two axes there are so many scores that those of the last two are no longer wanted.
    if (this.measuring?.startsWith("axes_")) giveUp(spec, this.measuring, set).catch(() => {});
    this.measuring = kind;
    delete line.dataset.of;
    this.scores = null;
    const same = () =>
      tools.run === run && tools.method === method && this.#scoresOf(method) === kind;
    const waits = setTimeout(() => { if (same()) line.textContent = text.trust_wait; }, 300);
    try {
      const [own, random] = await Promise.all(
        [kind, "random_scores"].map((name) => tools.derived(name)));
      clearTimeout(waits);
      if (this.measuring === kind) this.measuring = null;
      if (!same()) return;
      line.innerHTML = SCORES.filter((name) => name in own.notes).map((name) =>
        `<span title="${text[`${name}_help`]}">${text[name]} <b data-score="${name}"></b> ` +
        `<small>${format(text.trust_random, { value: decimals(random.notes[name], 2) })}</small></span>`)
        .join("") || text.trust_few;
      line.insertAdjacentHTML("beforeend", this.atUsual());
      line.dataset.of = method;
      this.scores = { line, own: own.notes, knots: null };
      this.tellKnob();
      if (kind !== "plane_scores" || !run.knots || set) return;
      const { arrays } = await tools.derived("knot_scores");
      if (!same()) return;
      this.scores.knots = arrays;
      this.tellKnob();
    } catch (error) {
      clearTimeout(waits);
      if (same() && error.name !== "AbortError") line.textContent = tools.sentence(error);
    }
  }

  #scoresOf(method) {
    if (FAR.includes(method) || method === "top") return `${method}_scores`;
    if (method !== "axes") return "plane_scores";
    const [i, j] = this.tools.chosenAxes().sort((a, b) => a - b);
    return `axes_${i + 1}_${j + 1}_scores`;
  }

  // The run's knob: its name and the value at which scores are told.
  get #knob() {
    const { dial, run } = this.pad;
    return { name: dial.name, usual: run.dial.usual };
  }

  // A remark that is seen while the knob stands elsewhere than where something was measured.
  atUsual() {
    if (!this.pad.run.dial) return "";
    return `<small data-at-usual hidden>${format(this.text.at_usual, this.#knob)}</small>`;
  }

  // Scores and remarks for where the knob stands.
  tellKnob() {
    const { root, run } = this.pad;
    const usual = !run.dial || run.value === run.dial.usual;
    for (const score of this.scores?.line.querySelectorAll("[data-score]") ?? []) {
      const { own, knots } = this.scores;
      const { score: name } = score.dataset;
      const values = knots && !usual ? knots[name].data.subarray(run.knot, run.knot + 2) : null;
      const value = values ? values[0] + run.share * (values[1] - values[0]) : own[name];
      score.textContent = decimals(value, 2);
    }
    for (const remark of root.querySelectorAll("[data-at-usual]")) {
      remark.hidden = usual || Boolean(this.scores?.knots && this.scores.line.contains(remark));
    }
  }
}
