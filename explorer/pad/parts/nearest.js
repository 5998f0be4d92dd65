// The digit whose code is nearest to the one that is shown, and what the run gives back of it.

import { squaredError } from "../engine/numbers.js";
import { decimals, escaped, format } from "./page.js";

// They follow with the next frame: the digit under the hand does not wait for them, and of several
// moves within a frame only the last one counts. A pad has the parts `near` and `near-label` for
// them, and views by the same names; `near-output` and `near-score` where it shows what the run
// gives back.
export class Nearest {
  /**
   * @param {{ text: import("./page.js").Texts, part(name: string): any,
   *   run?: import("../engine/run.js").Run, digits?: import("../engine/digits.js").Digits,
   *   views?: Record<string, import("./digit_view.js").DigitView> }} pad
   */
  constructor(pad) {
    this.pad = pad;
    this.found = null;
  }

  /** @param {import("../engine/run.js").Near} found */
  show(found) {
    this.found = found;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#show(this.found);
    });
  }

  // What is known of the digit shown holds no longer: the knob moved.
  forget() {
    this.index = null;
  }

  destroy() {
    cancelAnimationFrame(this.frame);
  }

  /** @param {import("../engine/run.js").Near} found */
  #show({ index, distance, onMap }) {
    const { run, digits, views } = this.pad;
    const { text } = this.pad;
    if (!digits.images || index >= run.count) return;
    const digit = format(text.nearest_digit, { label: digits.name(index) });
    if (this.index !== index || this.run !== run) {
      const image = digits.image(index);
      this.index = index;
      this.run = run;
      views.near.draw(image);
      this.pad.part("near").setAttribute("aria-label", digit);
      if (views.nearOutput) this.#giveBack(image);
    }
    this.pad.part("near-label").innerHTML = `${escaped(digit)}<br>` +
      format(onMap ? text.distance_map : text.distance, { distance: decimals(distance, 2) });
  }

  #giveBack(image) {
    const { run, views } = this.pad;
    const { text } = this.pad;
    const output = run.ownOutput(this.index, this.pad.digits);
    views.nearOutput.draw(output);
    this.pad.part("near-output").setAttribute("aria-label", text.its_reconstruction);
    this.pad.part("near-score").innerHTML = `${text.its_reconstruction}<br>` +
      format(text.error_short, { error: decimals(squaredError(output, image), 1) });
  }
}
