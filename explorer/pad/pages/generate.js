// Five ways to choose z and decode it: samples, traversals, walks between digits, arithmetic, and
// a grid over the map. All of it happens here; a part that is not shown does nothing.

import { Classifier } from "../engine/classifier.js";
import { Digits } from "../engine/digits.js";
import { keepCodes } from "../engine/encoding.js";
import { planeAxes } from "../engine/layouts.js";
import { derive, giveUp } from "../engine/results.js";
import { Run } from "../engine/run.js";
import { introduce } from "../engine/told.js";
import { address } from "../parts/address.js";
import { Dial } from "../parts/dial.js";
import { DigitView } from "../parts/digit_view.js";
import { saveDecoder } from "../parts/downloads.js";
import { MapView } from "../parts/map_view.js";
import { classLegend, mapFigure } from "../parts/montage.js";
import { Nearest } from "../parts/nearest.js";
import { mounting, Pad } from "../parts/pad.js";
import { decimals, format, worded } from "../parts/page.js";
import { namePicks } from "../parts/picks.js";
import { greyPicture, tiled } from "../parts/picture.js";
import { saveMenu } from "../parts/save_menu.js";
import { readCode, spelledCode, writtenCode } from "../parts/written_code.js";
import { Arithmetic } from "./generate/arithmetic.js";
import { Grid } from "./generate/grid.js";
import { Samples } from "./generate/samples.js";
import { Traverse } from "./generate/traverse.js";
import { Walk } from "./generate/walk.js";

const PARTS = { samples: Samples, traverse: Traverse, walk: Walk, arithmetic: Arithmetic, grid: Grid };
const NAMES = Object.keys(PARTS);

export class GeneratePad extends Pad {
  constructor(component) {
    super(component);
    this.data = component.data;
    this.problems = [];
    this.judge = null;
    /** @type {Promise<Classifier> | null} */
    this.judging = null;
    this.nearest = new Nearest(this);
    this.#buildPage();
  }

  destroy() {
    super.destroy();
    this.nearest.destroy();
    this.menu?.destroy();
    this.map.destroy();
    for (const part of Object.values(this.parts)) part.destroy?.();
  }

  #buildPage() {
    const t = this.text;
    this.build(`
      <div class="pad generate" aria-busy="true">
        <div class="dial" data-part="dial" hidden></div>
        <div class="head">
          <div class="tabs" role="tablist" aria-label="${t.tabs}">
            ${NAMES.map((name) => `<button type="button" role="tab" id="tab-${name}" data-tab="${name}"
              aria-controls="panel-${name}">${t[`tab_${name}`]}</button>`).join("")}
          </div>
          <div data-part="save"></div>
        </div>
        <p class="message" data-part="message" role="status" aria-live="polite"></p>
        <div class="bench">
          ${NAMES.map((name) => `<section role="tabpanel" id="panel-${name}" data-panel="${name}"
            aria-labelledby="tab-${name}" hidden></section>`).join("")}
          <section class="shown">
            <figure><canvas class="digit" data-part="output" role="img" aria-label="${t.loading}"></canvas>
              <figcaption><b>${t.output}</b><span data-part="where"></span></figcaption></figure>
            <figure><canvas class="digit small" data-part="near" role="img"></canvas>
              <figcaption data-part="near-label"></figcaption></figure>
          </section>
          <section class="plane">
            <h2 data-part="map-title"></h2>
            <div data-part="map"></div>
            <p class="hint" data-part="map-note"></p>
          </section>
        </div>
      </div>`);
    this.views = {
      output: new DigitView(this.part("output")),
      near: new DigitView(this.part("near")),
    };
    this.part("near").setAttribute("aria-label", t.loading);
    this.tabs = NAMES.map((name) => this.root.querySelector(`[data-tab="${name}"]`));
    this.tabs.forEach((tab, i) => {
      tab.addEventListener("click", () => this.open(NAMES[i]));
      tab.addEventListener("keydown", (event) => {
        const to = {
          ArrowRight: (i + 1) % NAMES.length, ArrowLeft: (i + NAMES.length - 1) % NAMES.length,
          Home: 0, End: NAMES.length - 1,
        }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        this.open(NAMES[to]);
        this.tabs[to].focus();
      });
    });
    this.map = new MapView(this.part("map"), {
      label: t.map,
      onHover: (point) => this.timed(() => this.preview(point)),
      onLeave: () => this.preview(null),
      onPress: (point) => this.timed(() => this.#press(point)),
      onRelease: () => this.settle(),
      onKey: ([dx, dy]) =>
        this.timed(() => {
          const [x, y] = this.#part.place?.() ?? this.run.toMap(this.z);
          this.#press([x + dx, y + dy]);
          this.settleSoon();
        }),
    });
    this.parts = {};
    for (const name of NAMES) {
      this.parts[name] = new PARTS[name](this, this.root.querySelector(`[data-panel="${name}"]`));
    }
    this.recolour();
  }

  spoken() {
    return this.labels("[data-panel] canvas.big, [data-part=output], [data-part=near]");
  }

  get #part() {
    return this.parts[this.doing];
  }

  recolour() {
    super.recolour();
    for (const view of Object.values(this.views)) view.recolour(this.colours);
    this.map.recolour(this.colours);
    for (const box of this.root.querySelectorAll(".picks")) {
      [...box.querySelectorAll("button")].forEach((button, label) =>
        button.style.setProperty("--hue", this.colours.palette[label]));
    }
    for (const part of Object.values(this.parts)) part.recolour(this.colours);
  }

  async update(data) {
    this.text = worded(data.text);
    if (data.run.id !== this.run?.id) await this.load(data);
    else this.data = data;
  }

  async load(data) {
    const wanted = data.run.id;
    this.loading = wanted;
    this.root.setAttribute("aria-busy", "true");
    const [run, digits] = await Promise.all([
      Run.load(data.run),
      this.digits ?? Digits.load(data.digits),
    ]);
    await keepCodes(run, digits, {
      wanted: () => this.loading === wanted,
      progress: (done, count) => {
        this.part("message").textContent = done < count ? format(this.text.encoding, { done, count }) : "";
      },
    });
    if (this.loading !== wanted) return; // another one was asked for meanwhile
    const first = !this.run;
    const value = this.run?.dial && this.run.dial.knob === run.dial?.knob ? this.run.value : null;
    this.digits = digits;
    for (const box of this.root.querySelectorAll(".picks")) namePicks(box, digits, this.text);
    this.data = data;
    this.run = run;
    this.ghost = null;
    this.nearest.forget();
    this.dial = new Dial(this.part("dial"), run, this.text, {
      held: value,
      say: (problem) => this.say(problem),
      onTurn: () => this.#turned(),
      onSettle: () => this.settle(),
    });
    this.part("map-title").textContent = run.latent > 2 ? this.text.map_pca : this.text.map_native;
    this.map.name(planeAxes(run), this.text);
    if (first) {
      this.map.show(run.points, digits.labels, run.extent(), digits.names);
      this.#start();
    } else {
      this.map.glide(run.points, run.extent());
      this.#introduce();
      this.z = this.codeOf(this.digit);
      this.linked = false;
      address.set({ z: null });
      this.#part.use();
      this.#draw();
      this.#offer();
    }
    await digits.arrived;
    if (this.loading !== wanted) return;
    this.#introduce();
    if (first && !this.linked) this.z = this.codeOf(this.digit);
    this.#part.use();
    this.#draw();
    this.root.setAttribute("aria-busy", "false");
  }

  // The first point and the first part: those in the link.
  #start() {
    const { text, run, digits } = this;
    const count = digits.labels.length;
    const asked = address.index("digit", count);
    if (asked === null && address.get("digit") !== null) this.say(format(text.bad_digit, { count }));
    this.digit = asked ?? digits.byLabel[7]?.[3] ?? 0;
    const point = readCode(address, run, this.codeOf(this.digit));
    if (point.problem) this.say(format(text.bad_point, { count: run.latent }));
    this.linked = Boolean(point.value);
    this.#introduce();
    this.z = point.value ?? this.codeOf(this.digit);
    const named = address.get("do");
    if (named !== null && !NAMES.includes(named)) {
      this.say(format(text.bad_part, { allowed: NAMES.join(", "), shown: text.tab_samples }));
    }
    this.open(NAMES.includes(named) ? named : NAMES[0], named === null);
  }

  // Show one of the parts; only it does any work.
  open(name, quiet = false) {
    if (name === this.doing) return;
    if (this.doing) this.#part.leave?.();
    this.doing = name;
    this.tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(NAMES[i] === name));
      tab.tabIndex = NAMES[i] === name ? 0 : -1;
    });
    for (const panel of this.root.querySelectorAll("[data-panel]")) {
      panel.hidden = panel.dataset.panel !== name;
    }
    this.root.dataset.doing = name;
    this.part("map-note").textContent = this.text[`map_note_${name}`];
    this.ghost = null;
    if (!quiet) address.set({ do: name });
    if (!this.run) return;
    this.#part.use();
    this.#draw();
    this.#offer();
  }

  // What can be saved now: what the part shows, the digit, the map, both networks.
  #offer() {
    const { text, run } = this;
    this.menu?.destroy();
    const items = [
      ...this.#part.saves(),
      {
        label: text.save_digit,
        figure: () => {
          const z = spelledCode(this.#shown, 3);
          return {
            about: this.about("digit", format(text.title_digit, { z })),
            ...tiled([greyPicture(this.views.output.last)], 1),
          };
        },
      },
      {
        label: text.save_map,
        figure: () => ({
          about: this.about("map", text.title_map),
          ...mapFigure(this.map),
          legend: (colours) => [
            ...classLegend(text.slide_classes, this.digits.names, colours),
            { words: text[`map_legend_${this.doing}`] },
          ],
        }),
      },
      { label: text.save_decoder, save: () => saveDecoder(run.id, "decoder") },
      { label: text.save_encoder, save: () => saveDecoder(run.id, "encoder") },
    ];
    this.menu = saveMenu(this.part("save"), items, text);
  }

  // What a saved file says of itself.
  about(what, title) {
    const of = format(this.text.slide_of, { model: this.data.model, what: title });
    const told = [of, this.dial.written].filter(Boolean).join("; ");
    return { name: `${this.run.id}-${what}`, run: this.run.id, title: told };
  }

  // A result that is computed once from the run, null where it is given up or fails; `place` says
  // how far it is, with a button that ends it.
  async derived(kind, place, signal) {
    const { text } = this;
    const spec = this.data.run;
    const own = new AbortController();
    signal.addEventListener("abort", () => own.abort(), { once: true });
    const line = document.createElement("span");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    const progress = ({ share, before }) => {
      line.textContent = before
        ? format(text.waiting, { before })
        : format(text.computing, { share: Math.round(100 * share) });
      if (place.contains(button)) return;
      button.textContent = text.cancel;
      button.onclick = () => {
        own.abort();
        giveUp(spec, kind);
      };
      place.replaceChildren(line, " ", button);
    };
    try {
      const found = await derive(spec, kind, { progress, signal: own.signal });
      if (place.contains(button)) place.replaceChildren();
      return found;
    } catch (error) {
      if (signal.aborted) return null;
      const ended = error.name === "AbortError";
      line.textContent = ended ? text.given_up : format(text.derive_failed, { error: error.message });
      button.textContent = text.compute;
      place.replaceChildren(line, " ", button);
      return new Promise((done) => {
        button.onclick = () => {
          place.replaceChildren();
          done(this.derived(kind, place, signal));
        };
      });
    }
  }

  // The classifier, loaded once; null where there is none.
  classifier() {
    this.judging ??= this.data.classifier ? Classifier.load(this.data.classifier) : null;
    return Promise.resolve(this.judging).then((found) => {
      this.judge = found;
      if (this.nearest.found) this.#draw();
      return found;
    });
  }

  // Sentences of what is wrong with the link; they stay until the page is left.
  say(problem) {
    if (!this.problems.includes(problem)) this.problems.push(problem);
    this.part("message").textContent = this.problems.join(" ");
  }

  // A digit's code: by the encoder at the knob's value, or as it is kept until the images are here.
  codeOf(index) {
    const image = this.digits.image(index);
    return this.run.as(this.digits.labels[index], () =>
      image ? this.run.encode(image).mean : this.run.code(index), image);
  }

  // A run that is told something is told of the picked digit.
  #introduce() {
    introduce(this.run, this.digits.image(this.digit), this.digits.labels[this.digit]);
  }

  // The knob's usual value in words.
  get usual() {
    return `${this.dial.name} = ${this.run.dial.usual}`;
  }

  // Make z the point; `digit` where it is a real digit's own code, `label` where it was decoded as
  // another than the picked digit's.
  take(z, digit = null, label = NaN) {
    this.ghost = null;
    this.z = Float32Array.from(z);
    if (digit !== null) this.digit = digit;
    this.#introduce();
    if (label >= 0) this.run.tell(label);
    this.own = digit !== null;
    this.#part.moved?.();
    this.#draw();
  }

  // Show what z gives without making it the point.
  preview(point) {
    if (!this.run) return;
    this.ghost = point === null ? null : this.run.toLatent(point);
    this.#draw();
  }

  // A hand's press on the map, or where the arrow keys brought its point.
  #press(point) {
    this.ghost = null;
    if (this.#part.press) this.#part.press(point);
    else this.take(this.run.toLatent(point));
  }

  #turned() {
    const { run } = this;
    if (this.own ?? !this.linked) this.z = this.codeOf(this.digit);
    this.nearest.forget();
    this.map.move(run.points);
    this.#part.turned();
    this.#draw();
  }

  settle() {
    if (!this.run) return;
    this.#part.settle?.();
    const own = this.own ?? !this.linked;
    address.set({
      digit: this.digit,
      z: own ? null : writtenCode(this.run, this.z, this.codeOf(this.digit)),
    });
  }

  get ready() {
    return Boolean(this.run);
  }

  // What is shown: the point, what a hand hovers over, or what a part plays.
  #draw() {
    const { run, text } = this;
    const shown = this.#shown;
    const output = run.decode(shown);
    this.views.output.draw(output);
    const where = spelledCode(shown);
    this.part("output").setAttribute("aria-label", format(text.decoded, { z: where }));
    const norm = decimals(Math.hypot(...shown), 2);
    const place = run.latent <= 4 ? `z = (${where})` : format(text.norm, { norm });
    this.part("where").innerHTML = [place, this.#verdict(output)].filter(Boolean).join("<br>");
    this.nearest.show(run.nearest(shown));
    this.overlay(shown);
  }

  get #shown() {
    return this.ghost ?? this.#part.shown?.() ?? this.z;
  }

  #verdict(image) {
    if (!this.judge) return "";
    const { label, confidence, sure } = this.judge.judge(image);
    return format(sure ? this.text.called : this.text.not_called, {
      label, confidence: decimals(100 * confidence, 0),
    });
  }

  redraw() {
    this.#draw();
  }

  overlay(shown = this.#shown) {
    const { run } = this;
    if (!this.nearest.found) return;
    const at = run.toMap(shown);
    const { index } = this.nearest.found;
    const to = [run.points[2 * index], run.points[2 * index + 1]];
    const marks = this.#part.marks?.() ?? [];
    /** @type {import("../parts/map_view.js").Mark[]} */
    const own = this.#part.ownPoint ? [] : [{ at, to, kind: this.ghost ? "ghost" : "point" }];
    if (this.ghost && this.#part.ownPoint) own.push({ at, kind: "ghost" });
    this.map.overlay([...marks, ...own]);
  }
}

export const mount = mounting(GeneratePad);
