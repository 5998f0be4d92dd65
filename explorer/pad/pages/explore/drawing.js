// Explore's input drawn by hand instead of picked.

import { pack, unpack } from "../../engine/drawn.js";
import { strangeness, usual } from "../../engine/encoding.js";
import { address } from "../../parts/address.js";
import { decimals, format } from "../../parts/page.js";
import { Sketch } from "./sketch.js";

const REST = 200; // milliseconds after the last stroke until it is said how strange the drawing is
const MODES = ["real", "draw"];

export class Drawing {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.section = pad.root.querySelector("section.input");
    this.section.querySelector("h2").insertAdjacentHTML("afterend", `
      <div class="modes" role="group" aria-label="${this.text.choose}">${MODES.map((mode) =>
        `<button type="button" data-input="${mode}">${this.text[mode]}</button>`).join("")}</div>
      <div class="drawn" hidden></div>`);
    this.box = this.section.querySelector(".drawn");
    for (const mode of MODES) {
      this.#button(mode).addEventListener("click", () => this.use(mode));
    }
    /** @type {Sketch | null} */
    this.sketch = null; // once somebody draws
    this.#press("real");
  }

  destroy() {
    clearTimeout(this.resting);
    clearTimeout(this.writing);
    this.waiting?.abort();
    this.sketch?.destroy();
  }

  recolour() {
    this.sketch?.recolour(this.pad.colours);
  }

  // Another run or another value of its knob: what is strange to it is another question.
  changed() {
    if (this.pad.images && !this.opened) this.#open();
    if (this.mode === "draw") this.#judgeSoon();
  }

  // The drawing that is in the link, as it was drawn, with the point that was decoded beside it.
  #open() {
    this.opened = true;
    const text = address.get("drawn");
    if (text === null) return;
    const strokes = unpack(text);
    if (!strokes) {
      address.set({ drawn: null });
      this.pad.say(this.text.bad_drawn);
      return;
    }
    const { value } = address.vector("z", this.pad.run.latent);
    this.sketch ??= this.#make();
    this.sketch.put(strokes);
    this.use("draw", false);
    if (value) {
      this.pad.z = value;
      this.pad.draw();
    }
  }

  #button(mode) {
    return this.section.querySelector(`[data-input="${mode}"]`);
  }

  #press(mode) {
    this.mode = mode;
    for (const one of MODES) this.#button(one).setAttribute("aria-pressed", String(one === mode));
    this.pad.root.classList.toggle("drawing", mode === "draw");
    this.box.hidden = mode !== "draw";
  }

  use(mode, focus = true) {
    if (mode === this.mode || !this.pad.run) return;
    this.#press(mode);
    if (mode === "real") {
      address.set({ drawn: null });
      this.pad.pick(this.pad.digit);
      return;
    }
    this.sketch ??= this.#make();
    if (!this.sketch.empty) this.#take(this.sketch.pixels);
    if (focus) this.sketch.canvas.focus({ preventScroll: true });
  }

  #make() {
    const sketch = new Sketch(this.box, {
      text: this.text,
      onStroke: (pixels, { empty }) => (empty ? this.#emptied() : this.#take(pixels)),
      onProblem: (sentence) => this.say(sentence),
    });
    this.message = document.createElement("p");
    sketch.root.querySelector(".hint").before(this.message);
    this.message.className = "message";
    this.message.setAttribute("role", "status");
    sketch.recolour(this.pad.colours);
    return sketch;
  }

  // The last digit stays, and the link has no drawing.
  #emptied() {
    clearTimeout(this.resting);
    clearTimeout(this.writing);
    this.#write();
  }

  say(sentence) {
    if (this.message.textContent !== sentence) this.message.textContent = sentence;
  }

  #take(pixels) {
    this.pad.take(pixels, this.text.drawn);
    this.pad.settleSoon();
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.#write(), REST);
  }

  #write() {
    address.set({ drawn: this.mode === "draw" && !this.sketch.empty ? pack(this.sketch.strokes) : null });
  }

  #judgeSoon() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.#judge(), REST);
  }

  // Say so where the network knows nothing like the drawing.
  async #judge() {
    const { pad, text } = this;
    if (this.sketch.empty) return;
    this.waiting?.abort();
    this.waiting = new AbortController();
    const { run } = pad;
    let limits;
    try {
      limits = await usual(pad.plain ?? run, pad.digits, { signal: this.waiting.signal });
    } catch (error) {
      if (error.name === "AbortError") return;
      throw error;
    }
    if (pad.run !== run || this.mode !== "draw" || this.sketch.empty) return;
    const found = strangeness(run, this.sketch.pixels, pad.digits, limits);
    this.say(found.strange ? format(text[`strange_${found.strange}`], {
      error: decimals(found.error, 1),
      distance: decimals(found.distance, 2),
      limit: decimals(limits[found.strange], found.strange === "error" ? 1 : 2),
      trivial: found.trivial === null ? "–" : decimals(found.trivial, 1),
    }) : "");
  }
}
