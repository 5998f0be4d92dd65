// The continuous knob of a network that takes one: a slider that turns the run's gates.

import { active } from "../engine/knots.js";
import { address } from "./address.js";
import { decimals, escaped, format } from "./page.js";

export class Dial {
  /**
   * `held` is the value that another run's knob of the same name had, else null. `onTurn()` is
   * called at each move, within `timed(work)`, and `onSettle()` when the hand lets go.
   * @param {any} box
   * @param {import("../engine/run.js").Run} run
   * @param {import("./page.js").Texts} text
   * @param {{ held?: number | null, say: (sentence: string) => void, onTurn: () => void,
   *   onSettle: () => void, timed?: (work: () => void) => void }} acts
   */
  constructor(box, run, text, { held = null, say, onTurn, onSettle, timed = (work) => work() }) {
    this.box = box;
    this.run = run;
    this.text = text;
    box.hidden = !run.dial;
    box.innerHTML = "";
    if (!run.dial) {
      address.set({ beta: null, level: null });
      return;
    }
    const { knob, low, high, usual } = run.dial;
    this.name = text[`dial_${knob}`] ?? escaped(knob);
    box.innerHTML = `<label title="${text.dial_help}"><span class="name">${this.name}</span>
      <input type="range" step="any" aria-label="${this.name}"><output aria-live="off"></output></label>
      <p class="hint"></p>`;
    this.input = box.querySelector("input");
    this.input.min = run.position(low);
    this.input.max = run.position(high);
    const asked = held === null ? address.get(knob) : String(held);
    const value = asked === null ? usual : Number(asked);
    const good = Number.isFinite(value) && value >= low && value <= high && asked?.trim() !== "";
    if (!good) say(format(text.bad_dial, { name: this.name, low, high, usual }));
    this.onSettle = onSettle;
    this.turn(good ? value : usual);
    this.input.addEventListener("input", () =>
      timed(() => {
        const at = Number(this.input.value);
        run.turn(run.dial.log ? Math.exp(at) : at);
        this.#show();
        onTurn();
      }));
    this.input.addEventListener("change", () => this.settle());
  }

  // The knob's value in words for what is saved; nothing where there is no knob.
  get written() {
    const { run, name } = this;
    return run.dial ? `${name} = ${Number(run.value.toPrecision(4))}` : "";
  }

  /**
   * Turn the knob from elsewhere than its slider.
   * @param {number} value
   */
  turn(value) {
    this.run.turn(value);
    this.input.value = this.run.position(this.run.value);
    this.#show();
  }

  settle() {
    address.set({ [this.run.dial.knob]: Number(this.run.value.toPrecision(4)) });
    this.onSettle();
  }

  #show() {
    const { run, text } = this;
    const written = run.value.toPrecision(2);
    this.input.setAttribute("aria-valuetext", `${this.name} ${written}`);
    this.box.querySelector("output").textContent = written;
    const parts = run.scored("rate") === null
      ? format(text[`dial_error_${run.dial.knob}`] ?? text.dial_error, { error: decimals(run.scored("squared_error"), 1) })
      : format(text.dial_scores, {
        rate: decimals(run.scored("rate"), 1),
        distortion: decimals(run.scored("distortion"), 1),
        active: active(run.scoredKl()).length,
        count: run.latent,
      });
    this.box.querySelector("p").innerHTML =
      `${parts}<br>${format(text.dial_note, { knots: run.knots.knots.data.length })}`;
  }
}
