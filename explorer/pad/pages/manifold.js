// Manifolds: points along a bent line or sheet, PCA's flat one and an autoencoder's own through them.
// The autoencoder is trained here, while one looks.

import { BENDS, pointsOf } from "../engine/bends.js";
import { Learner } from "../engine/learner.js";
import { clamp, mean, squaredError } from "../engine/numbers.js";
import { Principal } from "../engine/principal.js";
import { handMoves } from "../engine/slices.js";
import { address } from "../parts/address.js";
import { mounting } from "../parts/pad.js";
import { decimals, format } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";
import { LearningToy, penOf } from "../parts/toy_pad.js";
import { paint, paintErrors, placing } from "./manifold/picture.js";
import { sheetOf } from "./manifold/sheet.js";

const NAMES = Object.keys(BENDS);
const DRAWN_BY = 1; // the seed of the points
const STEPS = 2000;
const WIDEST = 24;
const USUAL = { name: "arc", latent: 1, width: 8, bent: true, seed: 0 };
const SEEDS = 1e6;
const BESIDE = 5; // beginnings whose ends are told
const EDGE = 1.1; // how far a point in the plane may be taken
const REACH = 18; // pixels from a point in space, within which a hand takes it
const SAVED = 480; // pixels of the picture's side, before it is enlarged

class ManifoldPad extends LearningToy {
  constructor(component) {
    super(component, "manifoldPad");
    this.turn = [-0.6, 0.45];
    this.#buildPage();
  }

  spoken() {
    return this.part("told").textContent;
  }

  #buildPage() {
    const t = this.text;
    const modes = (of, names, label) => `<div class="modes" role="group" aria-label="${label}">${
      names.map((name) => `<button type="button" data-${of}="${name}">${
        t[`${of}_${name}`] ?? name}</button>`).join("")}</div>`;
    this.build(`
      <div class="pad toy manifold">
        <canvas data-part="picture" tabindex="0" role="application" aria-busy="true"></canvas>
        <section>
          <p class="message" data-part="message" role="status"></p>
          ${modes("bend", NAMES, t.bends)}
          <div class="dial">
            <div class="row"><span class="name">K</span>${modes("latent", [1, 2], t.latent)}
              ${modes("kind", ["tanh", "linear"], t.kinds)}</div>
            <label><span>${t.width}</span><input type="range" min="1" max="${WIDEST}" step="1"
              data-part="width" aria-label="${t.width}"><output aria-live="off"></output></label>
            <label data-part="which" hidden><span>${t.which}</span><input type="range" min="0" step="1"
              data-part="index" aria-label="${t.which}"><output aria-live="off"></output></label>
          </div>
          <table><thead><tr><td></td><th>${t.here}</th><th>${t.all}</th></tr></thead><tbody>
            <tr><th><i class="sign flat"></i>${t.row_pca}</th><td data-part="flat"></td>
              <td data-part="flat-all"></td></tr>
            <tr><th><i class="sign bent"></i>${t.row_ae}</th><td data-part="bent"></td>
              <td data-part="bent-all"></td></tr>
            <tr class="soft"><th>${t.row_mean}</th><td data-part="mean"></td>
              <td data-part="mean-all"></td></tr></tbody></table>
          <canvas class="errors" data-part="errors" role="img"></canvas>
          <p class="hint">${t.errors}</p>
          <p class="how"><progress max="${STEPS}" value="0" aria-label="${t.training}"></progress>
            <span data-part="step"></span></p>
          <div class="buttons"><button type="button" data-part="stop"></button>
            <button type="button" data-part="anew" title="${t.anew_help}">${t.anew}</button></div>
          <p class="hint" data-part="ends"></p>
          <p class="hint" data-part="told" role="status" aria-live="off"></p>
        </section>
      </div>`);
    this.paintOn(this.part("picture"));
    this.strip = this.part("errors");
    this.sliders = { width: this.part("width"), index: this.part("index") };
    this.onChoice("bend", (name) => this.begin({ name, seed: 0 }));
    this.onChoice("latent", (latent) => this.begin({ latent: Number(latent) }));
    this.onChoice("kind", (kind) => this.begin({ bent: kind === "tanh" }));
    this.sliders.width.addEventListener("input", () => this.timed(() => {
      handMoves();
      this.begin({ width: Number(this.sliders.width.value) });
    }));
    this.sliders.index.addEventListener("input", () => this.timed(() => {
      this.take(Number(this.sliders.index.value));
    }));
    for (const slider of Object.values(this.sliders)) {
      slider.addEventListener("change", () => this.settle());
    }
    this.part("stop").addEventListener("click", () => (this.wanted ? this.stop() : this.train()));
    this.part("anew").addEventListener("click", () => {
      this.begin({ seed: (this.chosen.seed + 1) % SEEDS });
      this.settle();
    });
    this.#listen();
  }

  // In the plane a hand moves the point; in space it turns all, and takes a point where it is put.
  #listen() {
    const { canvas } = this;
    /** @type {[number, number] | null} */
    let from = null;
    /** @returns {[number, number]} */
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.ready) return;
      canvas.setPointerCapture(event.pointerId);
      from = at(event);
      this.timed(() => (this.spatial ? this.#takeNear(from) : this.#moveTo(from)));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      handMoves();
      const now = at(event);
      this.timed(() => {
        if (this.spatial) this.#turnBy((now[0] - from[0]) / 110, (now[1] - from[1]) / 110);
        else this.#moveTo(now);
      });
      from = now;
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        if (from) this.settle();
        from = null;
      });
    }
    canvas.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 5 : 1;
      const way = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
      }[event.key];
      if (!way || !this.ready) return;
      event.preventDefault();
      this.timed(() => {
        if (this.spatial) this.#turnBy(0.05 * way[0], -0.05 * way[1]);
        else this.#put(this.probe.map((value, c) => value + 0.02 * way[c]));
      });
      this.settleSoon();
    });
  }

  get spatial() {
    return this.bend.dimensions === 3;
  }

  get ready() {
    return Boolean(this.learner);
  }

  #moveTo([left, top]) {
    const [x, y] = placing(this.side, 2, this.turn)([0, 0]);
    const unit = placing(this.side, 2, this.turn)([1, 0])[0] - x;
    this.#put([(left - x) / unit, (y - top) / unit]);
  }

  #put(point) {
    this.held = -1;
    this.probe = point.map((value) => clamp(value, -EDGE, EDGE));
    this.draw();
  }

  #takeNear([left, top]) {
    const place = placing(this.side, 3, this.turn);
    let best = -1, least = REACH;
    this.points.forEach((point, i) => {
      const [x, y] = place(point);
      const far = Math.hypot(x - left, y - top);
      if (far < least) [best, least] = [i, far];
    });
    if (best >= 0) this.take(best);
  }

  // One of the points itself is in hand.
  take(index) {
    this.held = index;
    this.probe = this.points[index];
    this.draw();
  }

  #turnBy(around, over) {
    this.turn = [this.turn[0] + around, clamp(this.turn[1] + over, -1.5, 1.5)];
    this.draw();
  }

  recolour() {
    super.recolour();
    this.root.style.setProperty("--other", this.colours.palette[6]);
    this.draw();
  }

  // What the link says, else what is usual.
  read() {
    const text = address.get("bend");
    const [name, latent, width, kind, seed, ...place] = (text ?? "").split(",");
    const numbers = [latent, width, seed, ...place].map((part) => (part?.trim() ? Number(part) : NaN));
    const bend = NAMES.includes(name) ? BENDS[name] : null;
    const whole = numbers.slice(0, 3).every((n) => Number.isInteger(n) && n >= 0);
    const [k, units, first, ...at] = numbers;
    const good = bend && whole && [1, 2].includes(k) && units >= 1 && units <= WIDEST
      && ["tanh", "linear"].includes(kind) && first < SEEDS
      && at.length === (bend.dimensions === 3 ? 1 : 2) && at.every((v) => Number.isFinite(v))
      && (bend.dimensions === 2 || (Number.isInteger(at[0]) && at[0] >= 0 && at[0] < bend.count));
    if (text !== null && !good) this.say(this.text.bad_bend);
    if (!good) return this.begin(USUAL);
    this.begin({ name, latent: k, width: units, bent: kind === "tanh", seed: first });
    if (bend.dimensions === 3) this.take(at[0]);
    else this.#put(at);
  }

  settle() {
    const { name, latent, width, bent, seed } = this.chosen;
    const place = this.spatial ? [this.held] : this.probe.map((value) => decimals(value, 3));
    address.set({ bend: [name, latent, width, bent ? "tanh" : "linear", seed, ...place].join(",") });
  }

  /**
   * Begin a training anew; what is not said stays as it is.
   * @param {Partial<typeof USUAL>} changes
   */
  begin(changes) {
    const before = this.chosen;
    this.chosen = { ...USUAL, ...before, ...changes };
    const { name, latent, width, bent, seed } = this.chosen;
    if (name !== before?.name) {
      this.bend = BENDS[name];
      this.points = pointsOf(this.bend, DRAWN_BY);
      this.principal = new Principal(this.points);
      this.held = Math.floor(0.12 * this.bend.count);
      this.probe = this.spatial ? this.points[this.held] : this.points[this.held].map((v) => 1.15 * v);
      if (!this.spatial) this.held = -1;
    }
    if (!before || Object.keys(changes).some((key) => key !== "seed")) this.ends = [];
    this.learner = new Learner(this.points, {
      dimensions: this.bend.dimensions, width, latent, bent, seed, steps: STEPS });
    this.#showChoice();
    this.train();
  }

  #showChoice() {
    const { name, latent, width, bent } = this.chosen;
    this.press({ bend: name, latent: String(latent), kind: bent ? "tanh" : "linear" });
    this.sliders.width.value = String(width);
    this.sliders.width.nextElementSibling.textContent = width;
    this.part("which").hidden = !this.spatial;
    this.sliders.index.max = this.points.length - 1;
    this.canvas.setAttribute("aria-label", this.spatial ? this.text.space : this.text.plane);
    this.strip.setAttribute("aria-label", this.text.errors);
    this.canvas.classList.toggle("space", this.spatial);
    const range = (latentNow) => this.points.map((point) => this.principal.encode(point, latentNow));
    this.flat = sheetOf(range(latent), (z) => this.principal.decode(z), true);
    this.flatErrors = this.points.map((point) => squaredError(point, this.#flatAnswer(point)));
  }

  #flatAnswer(point) {
    return this.principal.decode(this.principal.encode(point, this.chosen.latent));
  }

  #bentAnswer(point) {
    return this.learner.decode(this.learner.encode(point));
  }

  trained() {
    this.ends = [...this.ends, { seed: this.chosen.seed, error: mean(this.bentErrors) }].slice(-BESIDE);
    this.part("ends").textContent = format(this.text.ends, {
      errors: this.ends.map(({ error }) => decimals(error, 4)).join(" · ") });
  }

  // The network is another one than a moment ago.
  follow(quiet) {
    const { learner, text } = this;
    if (!this.ends.length) this.part("ends").textContent = text.one_optimum;
    if (quiet && this.bent) return;
    const codes = this.points.map((point) => learner.encode(point));
    this.bent = sheetOf(codes, (z) => learner.decode(z), false);
    this.bentErrors = this.points.map((point) => squaredError(point, this.#bentAnswer(point)));
    this.draw();
  }

  #scene() {
    const { points, probe, flat, bent } = this;
    return { points, probe, flat, bent, onFlat: this.#flatAnswer(probe), onBent: this.#bentAnswer(probe) };
  }

  draw() {
    const { side, colours } = this;
    if (!this.bent || !colours || !side) return;
    const scene = this.#scene();
    const pen = penOf(this.canvas, side, side);
    paint(pen, colours, side, this.turn, scene);
    const wide = this.strip.clientWidth, tall = this.strip.clientHeight;
    if (wide) {
      const { flatErrors: flat, bentErrors: bent, held } = this;
      paintErrors(penOf(this.strip, wide, tall), colours, wide, tall, { flat, bent, held });
    }
    const { probe, principal, points } = this;
    const here = {
      flat: squaredError(probe, scene.onFlat), bent: squaredError(probe, scene.onBent),
      mean: squaredError(probe, principal.mean),
    };
    const all = {
      flat: mean(this.flatErrors), bent: mean(this.bentErrors),
      mean: mean(points.map((point) => squaredError(point, principal.mean))),
    };
    for (const name of ["flat", "bent", "mean"]) {
      this.part(name).textContent = decimals(here[name], 4);
      this.part(`${name}-all`).textContent = decimals(all[name], 4);
    }
    if (this.held >= 0) {
      this.sliders.index.value = String(this.held);
      this.sliders.index.nextElementSibling.textContent = this.held + 1;
    }
    this.part("told").textContent = format(this.text.told, {
      place: probe.map((value) => decimals(value, 2)).join(", "),
      pca: decimals(here.flat, 4), ae: decimals(here.bent, 4) });
  }

  offer() {
    const { text } = this;
    this.menu?.destroy();
    this.menu = saveMenu(this.root.querySelector(".buttons"), [{
      label: text.save_picture,
      figure: () => {
        const { name, latent, width, bent } = this.chosen;
        return {
          about: {
            name: `manifold-${name}-k${latent}`,
            title: format(text.title, {
              bend: text[`bend_${name}`], k: latent, width,
              kind: text[bent ? "kind_tanh" : "kind_linear"] }),
          },
          width: SAVED, height: SAVED,
          paint: (pen, colours) => paint(pen, colours, SAVED, this.turn, this.#scene()),
          legend: ({ accent, palette }) => [
            { colour: palette[6], words: text.row_pca }, { colour: accent, words: text.row_ae },
          ],
        };
      },
    }], text);
  }
}

export const mount = mounting(ManifoldPad);
