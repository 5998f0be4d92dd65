// Variational inference by hand: q over a posterior that is known here, the ELBO and the KL that
// together are log p(x), and steps by two estimates of the gradient, beside how far they scatter.

import { seeded } from "../engine/numbers.js";
import { BOUNDS, CASES, WAYS, divergence, elbo, estimate, evidence, stepped,
  within } from "../engine/posteriors.js";
import { handMoves } from "../engine/slices.js";
import { address } from "../parts/address.js";
import { mounting } from "../parts/pad.js";
import { decimals, format } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";
import { penOf, ToyPad } from "../parts/toy_pad.js";
import { handlePlaces, highest, paint, placing, shadesOf } from "./inference/picture.js";
import { ESTIMATES, Spread } from "./inference/spread.js";

const NAMES = Object.keys(CASES);
const USUAL = {
  1: { mean: [0.3], deviation: [0.8], correlation: 0 },
  2: { mean: [-0.6, 0.9], deviation: [0.7, 0.7], correlation: 0 },
};
const SPAN = 4; // nats of the bar, up to log p(x)
const LENGTH = 0.04; // of a step, by which the gradient is multiplied
const RUN = 400; // steps until a run ends by itself
const SPREAD = 150; // milliseconds until it follows
const DRAWS = { most: 50, usual: 10 };
const TAKES = 26; // pixels from a handle, within which a hand takes it
const SAVED = { 1: [560, 360], 2: [480, 480] }; // pixels of the picture, before it is enlarged

class InferencePad extends ToyPad {
  constructor(component) {
    super(component, "inferencePad");
    this.way = "place";
    this.full = true;
    this.steps = 0;
    this.draws = [];
    this.choose = seeded(0);
    this.#buildPage();
  }

  destroy() {
    super.destroy();
    clearTimeout(this.spreading);
    cancelAnimationFrame(this.running);
  }

  spoken() {
    return this.part("told").textContent;
  }

  #buildPage() {
    const t = this.text;
    const modes = (of, names, label) => `<div class="modes" data-part="${of}s" role="group"
      aria-label="${label}">${names.map((name) => `<button type="button" data-${of}="${name}">${
        t[`${of}_${name}`]}</button>`).join("")}</div>`;
    const slider = (name, words, low, high) => `<label data-slider="${name}"><span>${words}</span>
      <input type="range" min="${low}" max="${high}" step="0.01" aria-label="${words}">
      <output aria-live="off"></output></label>`;
    const { mean, least, most, correlation } = BOUNDS;
    this.build(`
      <div class="pad toy inference">
        <div><canvas data-part="picture" tabindex="0" role="application" aria-busy="true"></canvas>
          <p class="hint" data-part="told" role="status" aria-live="off"></p></div>
        <section>
          <p class="message" data-part="message" role="status"></p>
          ${modes("case", NAMES, t.cases)}
          <p class="hint" data-part="about"></p>
          ${modes("family", ["field", "full"], t.families)}
          <div class="whole"><div class="track" role="img" data-part="bar"><i class="elbo"></i><i
            class="gap"></i></div>
            <div class="ends"><span data-part="low"></span><span data-part="high"></span></div></div>
          <ul class="key">
            <li><i class="elbo"></i><span>ELBO</span><b data-part="elbo"></b></li>
            <li><i class="gap"></i><span>KL(q(z) ‖ p(z∣x))</span><b data-part="kl"></b></li>
            <li><i></i><span>${t.evidence}</span><b data-part="sum"></b></li>
          </ul>
          <p class="hint">${t.bar_note}</p>
          <div class="dial">${modes("way", Object.keys(WAYS), t.ways)}
            <label><span>${t.draws}</span><input type="range" min="1" max="${DRAWS.most}" step="1"
              value="${DRAWS.usual}" data-part="draws" aria-label="${t.draws}">
              <output aria-live="off">${DRAWS.usual}</output></label></div>
          <div class="buttons"><button type="button" data-part="step">${t.step}</button>
            <button type="button" data-part="run">${t.run}</button>
            <button type="button" data-part="reset">${t.reset}</button></div>
          <details><summary>${t.numbers}</summary><div class="dial">
            ${slider("mean0", t.mean_0, -mean, mean)}${slider("deviation0", t.deviation_0, least, most)}
            ${slider("mean1", t.mean_1, -mean, mean)}${slider("deviation1", t.deviation_1, least, most)}
            ${slider("correlation", t.correlation, -correlation, correlation)}</div></details>
        </section>
        <section class="scatter"><h2>${t.spread}</h2><div data-part="spreads"></div>
          <p class="hint">${format(t.spread_note, { estimates: ESTIMATES, length: LENGTH })}</p></section>
      </div>`);
    this.paintOn(this.part("picture"));
    this.spread = new Spread(this.part("spreads"), t);
    this.onChoice("case", (name) => this.open(name));
    this.onChoice("family", (name) => {
      this.full = name === "full";
      this.put(this.q);
    });
    this.onChoice("way", (name) => {
      this.way = name;
      this.#press();
    });
    this.part("draws").addEventListener("input", () => {
      this.part("draws").nextElementSibling.textContent = this.part("draws").value;
      this.#spreadSoon();
    });
    this.part("step").addEventListener("click", () => {
      this.stop();
      this.timed(() => this.step());
      this.settleSoon();
    });
    this.part("run").addEventListener("click", () => (this.running ? this.stop() : this.run()));
    this.part("reset").addEventListener("click", () => {
      this.open(this.name);
      this.settle();
    });
    for (const label of this.root.querySelectorAll("[data-slider]")) {
      const [, field, place] = label.dataset.slider.match(/^([a-z]+)(\d?)$/);
      const input = label.querySelector("input");
      input.addEventListener("input", () => this.timed(() => {
        this.stop();
        const value = Number(input.value);
        this.put(place === "" ? { ...this.q, correlation: value }
          : { ...this.q, [field]: this.q[field].map((v, c) => (c === Number(place) ? value : v)) });
      }));
      input.addEventListener("change", () => this.settle());
    }
    this.#listen();
  }

  // A hand takes the handle that is nearest, the mean where none is near.
  #listen() {
    const { canvas } = this;
    let held = -1;
    let apart = [0, 0]; // of the hand from the handle's middle
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.ready) return;
      canvas.setPointerCapture(event.pointerId);
      this.stop();
      const [left, top] = at(event);
      const places = handlePlaces(this.#scene(), this.width, this.height);
      const far = places.map(([x, y]) => Math.hypot(x - left, y - top));
      const near = far.indexOf(Math.min(...far));
      held = far[near] < TAKES ? near : 0;
      apart = far[near] < TAKES ? [left - places[held][0], top - places[held][1]] : [0, 0];
      this.timed(() => this.#drag(held, [left - apart[0], top - apart[1]]));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (held < 0) return;
      handMoves();
      const [left, top] = at(event);
      this.timed(() => this.#drag(held, [left - apart[0], top - apart[1]]));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => {
        if (held >= 0) this.settle();
        held = -1;
      });
    }
    canvas.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.25 : 0.04;
      const way = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
      }[event.key];
      if (!way || !this.ready) return;
      event.preventDefault();
      this.stop();
      this.timed(() => {
        const [along, up] = way;
        if (this.of.dimensions === 2) {
          this.put({ ...this.q, mean: [this.q.mean[0] + along, this.q.mean[1] + up] });
        } else {
          this.put({ ...this.q, mean: [this.q.mean[0] + along], deviation: [this.q.deviation[0] + up] });
        }
      });
      this.settleSoon();
    });
  }

  #drag(held, [left, top]) {
    const { z, up } = placing(this.width, this.height);
    const { mean, deviation, correlation } = this.q;
    const [a, b] = [z(left), up(top)];
    if (this.of.dimensions === 1) {
      this.put({ ...this.q, ...(held ? { deviation: [Math.abs(a - mean[0])] } : { mean: [a] }) });
    } else if (held === 0) this.put({ ...this.q, mean: [a, b] });
    else {
      // The handle stands on the ring of one deviation, so it says the correlation too.
      const own = held - 1, other = 1 - own;
      const away = [a - mean[0], b - mean[1]];
      const found = [...deviation];
      found[own] = Math.abs(away[own]);
      const together = this.full ? (Math.sign(away[own]) * away[other]) / deviation[other] : correlation;
      this.put({ mean, deviation: found, correlation: together });
    }
  }

  get ready() {
    return Boolean(this.q);
  }

  recolour() {
    super.recolour();
    this.root.style.setProperty("--other", this.colours.palette[6]);
    this.#shade();
    this.draw();
    this.#spreadSoon();
  }

  #shade() {
    this.shades = this.of?.dimensions === 2 ? shadesOf(this.of, this.colours, this) : null;
  }

  // What the link says, else what is usual.
  read() {
    const text = address.get("q");
    const [name, family, ...rest] = (text ?? "").split(",");
    const dimensions = NAMES.includes(name) ? CASES[name].dimensions : 0;
    const numbers = rest.map((part) => (part.trim() ? Number(part) : NaN));
    const good = dimensions && ["full", "field"].includes(family) && numbers.every(Number.isFinite)
      && numbers.length === (dimensions === 1 ? 2 : 5);
    if (text !== null && !good) this.say(this.text.bad_q);
    if (!good) return this.open(NAMES[0]);
    this.full = family === "full";
    this.open(name, {
      mean: numbers.slice(0, dimensions), deviation: numbers.slice(dimensions, 2 * dimensions),
      correlation: numbers[2 * dimensions] ?? 0,
    });
  }

  settle() {
    const { mean, deviation, correlation } = this.q;
    const numbers = [...mean, ...deviation, ...(mean.length > 1 ? [correlation] : [])];
    address.set({
      q: [this.name, this.full ? "full" : "field", ...numbers.map((v) => decimals(v, 3))].join(",") });
  }

  /**
   * Another posterior, and a q to begin with.
   * @param {string} name
   * @param {import("../engine/posteriors.js").Normal} [q]
   */
  open(name, q) {
    this.stop();
    if (name !== this.name) {
      this.name = name;
      this.of = CASES[name];
      this.logEvidence = evidence(this.of);
      this.highest = highest(this.of, this.logEvidence);
      this.#shade();
      const { text } = this;
      const flat = this.of.dimensions === 1;
      this.part("about").innerHTML = text[`about_${name}`];
      this.canvas.classList.toggle("wide", flat);
      this.canvas.setAttribute("aria-label", flat ? text.line : text.plane);
      this.part("familys").hidden = flat;
      for (const label of this.root.querySelectorAll('[data-slider$="1"], [data-slider="correlation"]')) {
        label.hidden = flat;
      }
      this.part("low").textContent = decimals(this.logEvidence - SPAN, 2);
      this.part("high").textContent = format(text.high, { evidence: decimals(this.logEvidence, 3) });
    }
    this.steps = 0;
    this.choose = seeded(0);
    this.put(q ?? USUAL[this.of.dimensions]);
  }

  /**
   * q is another one.
   * @param {import("../engine/posteriors.js").Normal} q
   * @param {number[][]} draws By which it became so.
   */
  put(q, draws = []) {
    this.q = within({ ...q, correlation: this.full ? q.correlation : 0 });
    this.draws = draws;
    this.elbo = elbo(this.of, this.q);
    this.kl = divergence(this.of, this.q, this.logEvidence);
    this.#press();
    this.#tell();
    this.draw();
    this.#spreadSoon();
  }

  #press() {
    const pressed = { case: this.name, family: this.full ? "full" : "field", way: this.way };
    for (const [of, value] of Object.entries(pressed)) {
      for (const button of this.root.querySelectorAll(`[data-${of}]`)) {
        button.setAttribute("aria-pressed", String(button.dataset[of] === value));
      }
    }
  }

  #tell() {
    const { q, text, root } = this;
    const told = { elbo: decimals(this.elbo, 3), kl: decimals(this.kl, 3),
      evidence: decimals(this.elbo + this.kl, 3) };
    this.part("elbo").textContent = told.elbo;
    this.part("kl").textContent = told.kl;
    this.part("sum").textContent = told.evidence;
    const share = Math.min(1, this.kl / SPAN);
    const bar = this.part("bar");
    bar.style.setProperty("--gap", `${100 * share}%`);
    bar.classList.toggle("beyond", this.kl > SPAN);
    bar.setAttribute("aria-label", format(text.bar, told));
    this.part("low").textContent = this.kl > SPAN
      ? text.beyond : decimals(this.logEvidence - SPAN, 2);
    const values = { mean0: q.mean[0], mean1: q.mean[1], deviation0: q.deviation[0],
      deviation1: q.deviation[1], correlation: q.correlation };
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const [, input, output] = root.querySelector(`[data-slider="${name}"]`).children;
      if (Number(input.value) !== value) input.value = String(value);
      input.disabled = name === "correlation" && !this.full;
      output.textContent = decimals(value, 2);
    }
    this.part("told").textContent = `${format(text.q_is, {
      mean: q.mean.map((v) => decimals(v, 2)).join(", "),
      deviation: q.deviation.map((v) => decimals(v, 2)).join(", ") })} ${
      format(text.bar, told)}${this.steps ? ` ${format(text.steps, { steps: this.steps })}` : ""}`;
  }

  // One step up an estimate of the gradient.
  step() {
    const { gradient: slope, places } = estimate(this.of, this.q, {
      way: this.way, full: this.full, draws: Number(this.part("draws").value), choose: this.choose });
    this.steps++;
    this.put(stepped(this.q, slope, LENGTH), places);
  }

  run() {
    const end = this.steps + RUN;
    const next = () => {
      this.running = requestAnimationFrame(() => {
        this.timed(() => this.step());
        if (this.steps < end) next();
        else this.stop();
      });
    };
    this.part("run").textContent = this.text.stop;
    next();
  }

  stop() {
    if (!this.running) return;
    cancelAnimationFrame(this.running);
    this.running = 0;
    this.part("run").textContent = this.text.run;
    this.settle();
  }

  // Some thousand draws: not under the hand, but soon.
  #spreadSoon() {
    if (!this.q) return;
    this.spreading ??= setTimeout(() => {
      this.spreading = null;
      this.#spread();
    }, SPREAD);
  }

  #spread() {
    const { of, q, full, colours } = this;
    this.spread.show({ of, q, full, draws: Number(this.part("draws").value), colours });
  }

  #scene() {
    const { of, q, draws, logEvidence, highest: most } = this;
    return { of, q, draws, logEvidence, highest: most };
  }

  draw() {
    const { canvas, colours } = this;
    if (!this.q || !colours || !canvas.clientWidth) return;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    const pen = penOf(canvas, this.width, this.height);
    paint(pen, colours, this.width, this.height, this.#scene(), this.shades);
  }

  offer() {
    const { text } = this;
    this.menu?.destroy();
    this.menu = saveMenu(this.root.querySelector(".buttons"), [{
      label: text.save_picture,
      figure: () => {
        const [width, height] = SAVED[this.of.dimensions];
        return {
          about: {
            name: `posterior-${this.name}`,
            title: format(text.title, { of: text[`case_${this.name}`],
              elbo: decimals(this.elbo, 2), kl: decimals(this.kl, 2) }),
          },
          width, height,
          paint: (pen, colours) => paint(pen, colours, width, height, this.#scene(),
            this.of.dimensions === 2 ? shadesOf(this.of, colours, this) : null),
          legend: ({ accent, palette }) => [
            { colour: palette[6], words: text.legend_p }, { colour: accent, words: text.legend_q },
          ],
        };
      },
    }], text);
  }
}

export const mount = mounting(InferencePad);
