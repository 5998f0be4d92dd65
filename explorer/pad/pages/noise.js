// The noise pad: clean digit → corrupted digit → what three networks make of it, as the level is
// dragged. All of it happens here: noise, networks, errors and the map.

import { Digits } from "../engine/digits.js";
import { planeAxes } from "../engine/layouts.js";
import { Cleaner, CORRUPTIONS, pattern, percentage, realised } from "../engine/noise.js";
import { clamp, squaredError } from "../engine/numbers.js";
import { Run } from "../engine/run.js";
import { address } from "../parts/address.js";
import { DigitView } from "../parts/digit_view.js";
import { MapView } from "../parts/map_view.js";
import { mounting, Pad } from "../parts/pad.js";
import { decimals, format } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";
import { Curves } from "./noise/curves.js";
import { offered } from "./noise/saves.js";

const ANSWERS = ["plain", "output", "dedicated"];

class NoisePad extends Pad {
  constructor(component) {
    super(component);
    this.seed = 1;
    this.cleaners = new Map(); // weights' address to a promise of a Cleaner
    this.runs = new Map(); // noise to a promise of the level-conditional run
    this.errors = {};
    this.#buildPage(component.data);
  }

  destroy() {
    super.destroy();
    this.curves.destroy();
    this.menu.destroy();
    this.map.destroy();
  }

  #buildPage(data) {
    const t = this.text;
    const answer = (part) => `
      <figure class="answer" data-answer="${part}">
        <canvas class="digit" data-part="${part}" role="img" aria-label="${t.loading}"></canvas>
        <figcaption><b>${t[`name_${part}`]}</b>
          <span data-part="score-${part}"></span>
          <span class="bar" aria-hidden="true"><i></i></span>
          <span data-part="note-${part}"></span></figcaption></figure>`;
    this.build(`
      <div class="pad noise" aria-busy="true">
        <div class="strip">
          <figure><canvas class="digit" data-part="input" role="img" aria-label="${t.input}"></canvas>
            <figcaption><b>${t.clean} <i>x</i></b><span data-part="trivial"></span></figcaption></figure>
          <figure class="next"><canvas class="digit" data-part="corrupted" role="img"
            aria-label="${t.corrupted}"></canvas>
            <figcaption><b>${t.corrupted} <i>x̃</i></b><span data-part="score-corrupted"></span>
            </figcaption></figure>
          ${ANSWERS.map(answer).join("")}
        </div>
        <div class="dial">
          <div class="modes" role="group" aria-label="${t.kind}">
            ${data.noises.map(({ name }) => `<button type="button" data-noise="${name}"
              title="${t[`help_${name}`]}">${t[`kind_${name}`]}</button>`).join("")}
          </div>
          <label><span class="name" data-part="level-name"></span>
            <input type="range" step="0.01" data-part="level" list="trained-levels"
              aria-label="${t.level}"><output aria-live="off"></output>
            <datalist id="trained-levels"></datalist></label>
          <div class="bench">
            <div class="picks" role="group" aria-label="${t.pick}"></div>
            <p class="hint" data-part="means"></p>
            <div class="buttons"><button type="button" data-action="pattern"
              title="${t.another_help}">${t.another}</button></div>
          </div>
        </div>
        <p class="message" data-part="message" role="status" aria-live="polite"></p>
        <div data-part="save"></div>
        <div class="maps">
          <section><h2>${t.map_title}</h2><div data-part="map"></div>
            <p class="hint">${t.plane_note}</p></section>
          <section><h2>${t.curves_title}</h2>
            <canvas class="levels" data-part="chart" role="img" aria-label="${t.curves_title}"></canvas>
            <p class="hint">${t.curves_note}</p></section>
        </div>
      </div>`);
    this.views = Object.fromEntries(
      ["input", "corrupted", ...ANSWERS].map((name) => [name, new DigitView(this.part(name))]));
    this.curves = new Curves(this, ANSWERS);
    this.map = new MapView(this.part("map"), {
      label: t.plane,
      onHover: () => {},
      onLeave: () => {},
      onPress: (point) => this.timed(() => this.#pickOnMap(point)),
      onRelease: () => this.settle(),
      onKey: ([dx, dy]) =>
        this.timed(() => {
          const [x, y] = [this.run.points[2 * this.digit], this.run.points[2 * this.digit + 1]];
          this.#pickOnMap([x + dx, y + dy], this.digit);
          this.settleSoon();
        }),
    });
    for (const button of this.root.querySelectorAll("[data-noise]")) {
      button.addEventListener("click", () => {
        this.say("");
        this.#choose(button.dataset.noise, this.level).then(
          () => this.settle(),
          (error) => this.say(format(this.text.failed, { error: error.message })));
      });
    }
    this.menu = saveMenu(this.part("save"), offered(this, ANSWERS), t);
    this.slider = this.part("level");
    this.slider.addEventListener("input", () =>
      this.timed(() => this.turn(Number(this.slider.value))));
    this.slider.addEventListener("change", () => this.settle());
    this.root.querySelector('[data-action="pattern"]').addEventListener("click", () => {
      this.seed += 1;
      this.noise = pattern(this.seed, this.digits.pixels);
      this.draw();
      this.curves.renew();
    });
    const picks = this.root.querySelector(".picks");
    this.picks = Array.from({ length: 10 }, (_, label) => {
      const button = picks.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", format(t.pick_one, { label }));
      button.addEventListener("click", () => {
        this.say("");
        this.pick(this.digits.random(label));
        this.settle();
      });
      return button;
    });
    this.recolour();
  }

  recolour() {
    super.recolour();
    for (const view of Object.values(this.views)) view.recolour(this.colours);
    this.picks.forEach((button, label) =>
      button.style.setProperty("--hue", this.colours.palette[label]));
    this.map.recolour(this.colours);
    this.curves.draw();
  }

  async update(data) {
    if (JSON.stringify(data) !== JSON.stringify(this.data)) {
      this.runs.clear();
      await this.load(data);
    }
  }

  async load(data) {
    this.data = data;
    this.kinds = new Map(data.noises.map((kind) => [kind.name, kind]));
    const asked = this.#asked();
    const digits = this.digits ?? (await Digits.load(data.digits));
    const [run, plain] = await Promise.all([
      this.#conditional(asked.noise),
      data.plain && this.#cleaner(data.plain),
      digits.arrived,
    ]);
    if (this.data !== data) return; // something else was asked for meanwhile
    this.digits = digits;
    this.plain = plain;
    this.root.querySelector('[data-answer="plain"]').hidden = !plain;
    this.noise ??= pattern(this.seed, digits.pixels);
    this.digit ??= this.#askedDigit();
    this.#show(asked.noise, run);
    this.#setSlider(asked.level);
    this.pick(this.digit);
    this.root.setAttribute("aria-busy", "false");
    this.#fetchDedicated();
  }

  // Noise and level of the link, or of this pad where it stands already.
  #asked() {
    const { text } = this;
    const names = [...this.kinds.keys()];
    const problems = [];
    let noise = this.kind ?? address.get("noise");
    if (noise !== null && !this.kinds.has(noise)) {
      const allowed = names.map((name) => `${name} (${text[`kind_${name}`]})`).join(", ");
      problems.push(format(text.bad_noise, { allowed, shown: text[`kind_${names[0]}`] }));
      noise = null;
    }
    noise ??= names[0];
    const { low, high, usual } = this.kinds.get(noise).conditional.program.dial;
    const written = this.level === undefined ? address.get("level") : String(this.level);
    let level = written === null ? usual : Number(written);
    if (written === "" || !Number.isFinite(level) || level < low || level > high) {
      problems.push(format(text.bad_level, { low, high, usual }));
      level = usual;
    }
    if (problems.length) this.say(problems.join(" "));
    return { noise, level };
  }

  #askedDigit() {
    const count = this.digits.labels.length;
    const asked = address.index("digit", count);
    if (asked === null && address.get("digit") !== null) {
      this.say([this.part("message").textContent, format(this.text.bad_digit, { count })]
        .filter(Boolean).join(" "));
    }
    return asked ?? this.digits.byLabel[7][3];
  }

  #conditional(noise) {
    if (!this.runs.has(noise)) {
      const coming = Run.load(this.kinds.get(noise).conditional);
      this.runs.set(noise, coming);
      coming.catch(() => this.runs.delete(noise));
    }
    return this.runs.get(noise);
  }

  #cleaner(spec) {
    if (!this.cleaners.has(spec.weights)) {
      /** @type {Promise<Cleaner> & { here?: Cleaner }} */
      const coming = Cleaner.load(spec);
      this.cleaners.set(spec.weights, coming);
      coming.then(
        (cleaner) => { coming.here = cleaner; },
        () => this.cleaners.delete(spec.weights)); // so that it is asked for again
    }
    return this.cleaners.get(spec.weights);
  }

  // The networks trained for one level come one after the other, when all else stands.
  async #fetchDedicated() {
    const { kind } = this;
    for (const spec of this.#dedicatedNear(this.level)) {
      try {
        await this.#cleaner(spec);
      } catch (error) {
        this.say(format(this.text.failed, { error: error.message }));
        return;
      }
      if (this.kind !== kind) return;
      if (this.#nearest() === spec) {
        this.draw();
        this.curves.renew();
      }
    }
  }

  #dedicatedNear(level) {
    return [...this.kinds.get(this.kind).dedicated].sort(
      (a, b) => Math.abs(a.level - level) - Math.abs(b.level - level));
  }

  // What is known of the network that was trained for the level nearest to the slider's.
  #nearest() {
    return this.#dedicatedNear(this.level)[0] ?? null;
  }

  // The same, and the network itself once it is here.
  dedicated() {
    const spec = this.#nearest();
    return { spec, cleaner: spec && this.#cleaner(spec).here };
  }

  async #choose(noise, level) {
    this.wanted = noise;
    const run = await this.#conditional(noise);
    if (this.wanted !== noise || !this.digits) return;
    this.#show(noise, run);
    this.#setSlider(level);
    this.pick(this.digit);
    this.#fetchDedicated();
  }

  #show(noise, run) {
    this.kind = noise;
    this.run = run;
    for (const button of this.root.querySelectorAll("[data-noise]")) {
      button.setAttribute("aria-pressed", String(button.dataset.noise === noise));
    }
    this.root.querySelector('[data-answer="dedicated"]').hidden =
      !this.kinds.get(noise).dedicated.length;
    this.root.querySelector("#trained-levels").innerHTML = this.kinds.get(noise).dedicated
      .map(({ level }) => `<option value="${level}"></option>`).join("");
    this.map.name(planeAxes(run), this.text);
    this.map.show(run.points, this.digits.labels, run.extent());
  }

  #setSlider(level) {
    const { low, high } = this.run.dial;
    this.slider.min = low;
    this.slider.max = high;
    this.slider.value = clamp(level, low, high);
    this.level = Number(this.slider.value);
    this.run.turn(this.level);
    this.map.move(this.run.points);
  }

  get ready() {
    return Boolean(this.run && this.clean);
  }

  // The level moved: gates, noise, answers and map are those of the new one.
  turn(level) {
    this.level = level;
    this.run.turn(level);
    this.map.move(this.run.points);
    this.draw();
    this.curves.draw();
  }

  pick(index) {
    const { text } = this;
    this.digit = index;
    this.clean = this.digits.image(index);
    this.views.input.draw(this.clean);
    const label = this.digits.labels[index];
    this.part("input").setAttribute("aria-label", format(text.input_digit, { label }));
    this.trivial = squaredError(this.digits.mean, this.clean);
    this.part("trivial").innerHTML = format(text.trivial, { error: decimals(this.trivial, 1) });
    this.picks.forEach((button, i) => button.setAttribute("aria-pressed", String(i === label)));
    this.draw();
    this.curves.renew();
  }

  // The held-out digit whose code is nearest on the map, but not `except`.
  #pickOnMap([x, y], except = -1) {
    const { points } = this.run;
    let best = this.digit, least = Infinity;
    for (let i = 0; i < this.run.count; i++) {
      const d = (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2;
      if (d < least && i !== except) {
        least = d;
        best = i;
      }
    }
    if (best !== this.digit) this.pick(best);
  }

  settle() {
    address.set({ noise: this.kind, level: decimals(this.level, 2), digit: this.digit });
  }

  draw() {
    const { run, clean, text, level } = this;
    this.corrupted = CORRUPTIONS[this.kind](clean, level, this.noise);
    this.views.corrupted.draw(this.corrupted);
    const own = run.encode(clean).mean;
    const moved = run.encode(this.corrupted).mean;
    const { spec: nearest, cleaner: dedicated } = this.dedicated();
    this.answers = {
      plain: this.plain?.answer(this.corrupted),
      output: run.decode(moved),
      dedicated: dedicated?.answer(this.corrupted),
    };
    this.errors = { corrupted: squaredError(this.corrupted, clean) };
    for (const [name, answer] of Object.entries(this.answers)) {
      if (answer) this.#showAnswer(name, answer);
    }
    const written = decimals(level, 2);
    const error = decimals(this.errors.corrupted, 1);
    this.part("score-corrupted").innerHTML = format(text.as_it_is, { error });
    this.part("corrupted").setAttribute(
      "aria-label", format(text.corrupted_digit, { kind: text[`kind_${this.kind}`], level: written }));
    this.#notes(nearest, Boolean(dedicated), written);
    this.map.overlay([
      { at: run.toMap(moved), to: run.toMap(own), kind: "point" },
      { at: run.toMap(own), kind: "input" },
    ]);
  }

  spoken() {
    return this.labels(["corrupted", ...ANSWERS].map((name) => `[data-part=${name}]`).join());
  }

  #showAnswer(name, answer) {
    const { text } = this;
    this.views[name].draw(answer);
    const error = squaredError(answer, this.clean);
    this.errors[name] = error;
    const shown = { error: decimals(error, 1), trivial: decimals(this.trivial, 1) };
    this.part(`score-${name}`).innerHTML = format(text.error_of, shown);
    this.part(name).setAttribute(
      "aria-label", format(text.decoded_by, { model: text[`name_${name}`], ...shown }));
    const bar = this.root.querySelector(`[data-answer="${name}"] .bar i`);
    bar.style.width = `${clamp((100 * error) / this.trivial, 0, 100)}%`;
    bar.classList.toggle("over", error > this.trivial);
  }

  #notes(nearest, here, level) {
    const { text, slider } = this;
    this.part("level-name").innerHTML = text.symbol;
    slider.parentElement.querySelector("output").textContent = level;
    slider.setAttribute("aria-valuetext", `${text.level} ${level}`);
    const shares = realised(this.kind, this.level, this.noise);
    const [found, zeros, ones] = [shares.all, shares.zeros, shares.ones].map((share) =>
      decimals(100 * share, 1));
    this.part("means").innerHTML = format(text[`means_${this.kind}`], {
      level, percent: percentage(this.level), realised: found, zeros, ones,
    });
    this.part("note-plain").textContent = text.note_plain;
    this.part("note-output").textContent = format(text.note_output, { level });
    if (!nearest) return;
    const trained = decimals(nearest.level, 1);
    // Where that network is on its way, its place is as large as what will stand there.
    const gap = here ? this.#gap() : "…";
    const trivial = decimals(this.trivial, 1);
    if (!here) this.part("score-dedicated").innerHTML = format(text.error_of, { error: "…", trivial });
    this.part("note-dedicated").innerHTML = format(text.note_dedicated, { level: trained, gap });
  }

  // How much larger the one network's error is than that of the network trained for one level.
  #gap() {
    const gap = 100 * (this.errors.output / this.errors.dedicated - 1);
    return `${gap < 0 ? "−" : "+"}${decimals(Math.abs(gap), 0)}`;
  }
}

export const mount = mounting(NoisePad);
