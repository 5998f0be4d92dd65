// A flow of the plane: couplings that are trained while one looks turn a toy's points into a normal
// cloud. A slider takes them one after another, a hand moves a point on either side.

import { clamp, mean, seeded } from "../engine/numbers.js";
import { costOfOne, PlaneFlow } from "../engine/plane_flow.js";
import { drawToy, TOYS } from "../engine/plane_toys.js";
import { handMoves } from "../engine/slices.js";
import { address } from "../parts/address.js";
import { mounting } from "../parts/pad.js";
import { decimals, format } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";
import { LearningToy, penOf } from "../parts/toy_pad.js";
import { densityOf, EDGE, edgeOf, gridOf, massOf, paint } from "./flow/picture.js";

const NAMES = Object.keys(TOYS);
const COUPLINGS = [2, 4, 8];
const WIDTH = 16; // hidden units of each coupling's network
const STEPS = 1500;
const BATCH = 256; // points of a step, drawn anew
const SHOWN = 400; // points that are seen, of which no step sees any
const SHOWN_BY = 1, TRAINED_BY = 2; // their seeds
const USUAL = { name: "moons", couplings: 8, seed: 0 };
const START = [-0.9, 1.2]; // of the point in hand
const SEEDS = 1e6;
const SAVED = 480; // pixels of a picture's side, before it is enlarged

class FlowPad extends LearningToy {
  constructor(component) {
    super(component, "flowPad");
    this.probe = START;
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
      <div class="pad toy flow">
        <div class="sides">
          <div><h4>${t.before}</h4><canvas data-part="before" tabindex="0"
            role="application" aria-busy="true" aria-label="${t.before_help}"></canvas></div>
          <div><h4 data-part="caption"></h4><canvas data-part="after" tabindex="0"
            role="application" aria-label="${t.after_help}"></canvas></div>
          <div class="dial"><label><span>${t.until}</span><input type="range" min="0" step="0.05"
            data-part="until" aria-label="${t.until}"><output aria-live="off"></output></label></div>
        </div>
        <section>
          <p class="message" data-part="message" role="status"></p>
          ${modes("toy", NAMES, t.toys)}
          <div class="row"><span class="name">${t.couplings}</span>${
            modes("couplings", COUPLINGS, t.couplings)}</div>
          <table><thead><tr><td></td><th>${t.column_before}</th><th>${t.column_after}</th></tr></thead>
            <tbody><tr><th>${t.row_density}</th><td data-part="density"></td>
              <td data-part="density-after"></td></tr>
            <tr><th>${t.row_volume}</th><td></td><td data-part="volume"></td></tr>
            <tr class="soft"><th>${t.row_mass}</th><td data-part="mass"></td>
              <td data-part="mass-after"></td></tr></tbody></table>
          <p class="how"><progress max="${STEPS}" value="0" aria-label="${t.training}"></progress>
            <span data-part="step"></span></p>
          <div class="buttons"><button type="button" data-part="stop"></button>
            <button type="button" data-part="anew" title="${t.anew_help}">${t.anew}</button></div>
          <p class="hint" data-part="fit"></p>
          <p class="hint" data-part="told" role="status" aria-live="off"></p>
        </section>
      </div>`);
    this.paintOn(this.part("before"));
    this.after = this.part("after");
    this.slider = this.part("until");
    this.onChoice("toy", (name) => this.begin({ name, seed: 0 }));
    this.onChoice("couplings", (couplings) => this.begin({ couplings: Number(couplings) }));
    this.slider.addEventListener("input", () => this.timed(() => {
      handMoves();
      this.take(Number(this.slider.value));
    }));
    this.slider.addEventListener("change", () => this.settle());
    this.part("stop").addEventListener("click", () => (this.wanted ? this.stop() : this.train()));
    this.part("anew").addEventListener("click", () => {
      this.begin({ seed: (this.chosen.seed + 1) % SEEDS });
      this.settle();
    });
    this.#listen(this.canvas, () => this.before, (place) => this.#put(place));
    this.#listen(this.after, () => this.moved,
      (place) => this.#put(this.flow.inverse(place, this.until)));
  }

  // A hand moves the point on one side, whose scene is asked for; `put` takes it there.
  #listen(canvas, scene, put) {
    let held = false;
    const go = (place) => put(place.map((value) => clamp(value, -scene().edge, scene().edge)));
    const move = (event) => this.timed(() => {
      const { edge } = scene(), box = canvas.getBoundingClientRect(), unit = box.width / 2 / edge;
      go([(event.clientX - box.left) / unit - edge, edge - (event.clientY - box.top) / unit]);
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.ready) return;
      canvas.setPointerCapture(event.pointerId);
      held = true;
      move(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      handMoves();
      move(event);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        if (held) this.settle();
        held = false;
      });
    }
    canvas.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.25 : 0.05;
      const way = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
      }[event.key];
      if (!way || !this.ready) return;
      event.preventDefault();
      const from = canvas === this.canvas ? this.probe : this.flow.forward(this.probe, this.until).place;
      this.timed(() => go(from.map((value, c) => value + way[c])));
      this.settleSoon();
    });
  }

  get ready() {
    return Boolean(this.flow);
  }

  #put(point) {
    this.probe = point;
    this.draw();
  }

  // So many couplings are taken.
  take(until) {
    this.until = until;
    this.#seeAfter();
    this.draw();
  }

  recolour() {
    super.recolour();
    this.draw();
  }

  // What the link says, else what is usual.
  read() {
    const text = address.get("flow");
    const [name, ...rest] = (text ?? "").split(",");
    const numbers = rest.map((part) => (part.trim() ? Number(part) : NaN));
    const [couplings, seed, until, x, y] = numbers;
    const good = NAMES.includes(name) && numbers.length === 5 && numbers.every(Number.isFinite)
      && COUPLINGS.includes(couplings) && Number.isInteger(seed) && seed >= 0 && seed < SEEDS
      && until >= 0 && until <= couplings && Math.max(Math.abs(x), Math.abs(y)) <= 100;
    if (text !== null && !good) this.say(this.text.bad_flow);
    if (!good) return this.begin(USUAL);
    this.probe = [x, y];
    this.begin({ name, couplings, seed });
    this.take(until);
  }

  settle() {
    const { name, couplings, seed } = this.chosen;
    const place = this.probe.map((value) => decimals(value, 3));
    address.set({ flow: [name, couplings, seed, decimals(this.until, 2), ...place].join(",") });
  }

  /**
   * Begin a training anew; what is not said stays as it is.
   * @param {Partial<typeof USUAL>} changes
   */
  begin(changes) {
    const before = this.chosen;
    this.chosen = { ...USUAL, ...before, ...changes };
    const { name, couplings, seed } = this.chosen;
    if (name !== before?.name) {
      const { points, groups } = drawToy(name, SHOWN, seeded(SHOWN_BY));
      this.points = points;
      this.groups = groups;
      this.gaussian = costOfOne(points);
    }
    if (couplings !== before?.couplings) this.until = couplings;
    const choose = seeded(TRAINED_BY);
    this.learner = this.flow = new PlaneFlow(() => drawToy(name, BATCH, choose).points,
      { couplings, width: WIDTH, seed, steps: STEPS });
    this.press({ toy: name, couplings: String(couplings) });
    this.slider.max = String(couplings);
    this.train();
  }

  // The flow is another one than a moment ago.
  follow(quiet) {
    const { flow, text } = this;
    if (quiet && this.before) return;
    this.before = { edge: EDGE, density: densityOf(flow, 0, EDGE), lines: gridOf(flow, 0) };
    this.part("mass").textContent = decimals(massOf(this.before), 3);
    this.part("fit").textContent = format(text.fit, {
      flow: decimals(-mean(this.points.map((point) => flow.logDensity(point))), 2),
      gaussian: decimals(this.gaussian, 2) });
    this.#seeAfter();
    this.draw();
  }

  #seeAfter() {
    const { flow, until } = this;
    const points = this.points.map((point) => flow.forward(point, until).place);
    const edge = edgeOf(points);
    this.moved = { edge, density: densityOf(flow, until, edge), lines: gridOf(flow, until), points };
    this.part("mass-after").textContent = decimals(massOf(this.moved), 3);
  }

  // Both sides, as `paint` takes them.
  #scenes() {
    const { flow, until, probe, points, groups } = this;
    const way = Array.from({ length: Math.ceil(until) + 1 }, (_, l) =>
      flow.forward(probe, Math.min(l, until)).place);
    return [
      { ...this.before, points, groups, way: [probe] }, { ...this.moved, groups, way },
    ];
  }

  draw() {
    const { side, colours, flow, until, probe, text } = this;
    if (!this.moved || !colours || !side) return;
    const [before, after] = this.#scenes();
    paint(penOf(this.canvas, side, side), colours, side, before);
    paint(penOf(this.after, side, side), colours, side, after);
    const { place, volume } = flow.forward(probe, until);
    const told = { couplings: flow.couplings, until: decimals(until, 2) };
    this.part("caption").textContent = format(until === flow.couplings ? text.after_all : text.after, told);
    this.slider.value = String(until);
    this.slider.nextElementSibling.textContent = told.until;
    this.part("density").textContent = decimals(flow.logDensity(probe), 2);
    this.part("density-after").textContent = decimals(flow.logDensity(place, until), 2);
    this.part("volume").textContent = decimals(volume, 2);
    const said = (at) => at.map((value) => decimals(value, 2)).join(", ");
    this.part("told").textContent = format(text.told, { ...told, from: said(probe), to: said(place) });
  }

  offer() {
    const { text } = this;
    this.menu?.destroy();
    this.menu = saveMenu(this.root.querySelector(".buttons"), [{
      label: text.save_picture,
      figure: () => {
        const { name, couplings } = this.chosen;
        return {
          about: {
            name: `flow-${name}-${couplings}`,
            title: format(text.title, {
              toy: text[`toy_${name}`], until: decimals(this.until, 2), couplings }),
          },
          width: 2 * SAVED + 20, height: SAVED,
          paint: (pen, colours) => this.#scenes().forEach((scene, i) =>
            paint(pen, colours, SAVED, scene, i * (SAVED + 20))),
          legend: ({ accent }) => [{ colour: accent, words: text.legend_density }],
        };
      },
    }], text);
  }
}

export const mount = mounting(FlowPad);
