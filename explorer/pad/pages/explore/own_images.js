// People's own images on the map: encoded anew as a run's knob turns.

import { encodeAll } from "../../engine/encoding.js";
import { format } from "../../parts/page.js";

const REST = 150; // milliseconds that a knob must rest before all images are encoded anew

// Codes follow a run's knob: own images' always, the held-out digits' where the map is of the codes
// themselves and not of the run's plane. They are encoded anew once the knob rests. The held-out
// digits lie grey below own images.
export class OwnImages {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
  }

  destroy() {
    clearTimeout(this.resting);
    this.waiting?.abort();
    if (this.told) this.pad.say("");
    this.told = this.value = null;
  }

  changed() {
    const { run, plain } = this.pad;
    this.destroy();
    if (run.recoded && run.dial) plain.turn(run.value);
    this.#see();
  }

  // Only on the run's own plane is it known where the held-out digits lie.
  drawn() {
    const { run, plain, layout, map } = this.pad;
    const others = run.recoded && layout.name === "plane" ? plain.points : null;
    if (others !== (map.others ?? null)) map.below(others);
    this.#see();
  }

  #see() {
    const { run, layout } = this.pad;
    const wanted = !run.codesKnown && (run.recoded || layout.name !== "plane");
    if (!wanted || this.value === run.value) return;
    this.value = run.value;
    this.resting = setTimeout(() => this.#follow(run), REST);
  }

  async #follow(run) {
    const { pad } = this;
    const { value } = run;
    this.waiting = new AbortController();
    const { signal } = this.waiting;
    const count = pad.digits.labels.length;
    const progress = (done) => {
      const before = this.told;
      this.told = done < count;
      if (this.told) pad.say(format(pad.text.encoding, { done, count }));
      else if (before) pad.say("");
    };
    try {
      run.setCodes(await encodeAll(run, pad.digits, value, { progress, signal }), value);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    pad.replace();
    pad.draw();
  }
}
