// Walks from digit to digit: by the straight line and by the great circle, played side by side.

import { greatCircle, line } from "../../engine/arithmetic.js";
import { nearestPlace } from "../../engine/layouts.js";
import { clamp } from "../../engine/numbers.js";
import { address } from "../../parts/address.js";
import { Chart } from "../../parts/chart.js";
import { DigitView } from "../../parts/digit_view.js";
import { saveTable } from "../../parts/downloads.js";
import { montage } from "../../parts/montage.js";
import { decimals, format } from "../../parts/page.js";
import { inked, sharp } from "../../parts/picture.js";
import { Sheet } from "../../parts/sheet.js";
import { Player } from "./player.js";
import { pickButtons, slotMark, Slots } from "./slots.js";

export const LEAST = 2;
export const MOST = 60;
const USUAL = 12;
const STATIONS = 5;
const SECONDS = 3; // that a play takes from one station to the next
const letter = (slot) => String.fromCharCode(65 + slot);
const WAYS = { line, circle: greatCircle };

export class Walk {
  /**
   * @param {import("../generate.js").GeneratePad} pad
   * @param {import("../../parts/page.js").Box} root
   */
  constructor(pad, root) {
    this.pad = pad;
    this.root = root;
    const { text } = pad;
    this.ownPoint = true; // on the map it shows its own points
    const way = (name) => `
      <figure class="way" data-way="${name}"><canvas class="digit big" role="img"></canvas>
        <figcaption><b>${text[`way_${name}`]}</b><span></span></figcaption></figure>`;
    root.innerHTML = `
      <p class="lead">${text.try_walk}</p>
      <div class="row"><div class="stations"></div>
        <div class="column"><div class="picks wide" role="group" aria-label="${text.pick}"></div>
        <div class="buttons"><button type="button" data-action="add">${text.add}</button>
        <button type="button" data-action="remove">${text.remove}</button></div></div></div>
      <div class="row scrub"><div class="buttons"><button type="button" data-action="play"></button></div>
        <input type="range" min="0" max="1" step="any" aria-label="${text.scrub}">
        <label class="knob"><span>${text.steps}</span>
          <input type="number" min="${LEAST}" max="${MOST}" step="1" inputmode="numeric"></label>
        <label class="tick"><input type="checkbox" checked>${text.loop}</label></div>
      <div class="ways">${way("line")}${way("circle")}
        <div class="norms"><div></div></div></div>
      <p class="hint" data-walk="note"></p>
      ${Object.keys(WAYS).map((name) => `<h2>${text[`way_${name}`]} <span class="formula">${
        text[`formula_${name}`]}</span></h2><div data-strip="${name}"></div>`).join("")}`;
    this.find = (query) => root.querySelector(query);
    this.stations = new Slots(this.find(".stations"), {
      label: text.stations, between: "→", onSelect: () => this.#mark(),
    });
    pickButtons(this.find(".picks"), text, (label) => {
      this.indexes[this.stations.selected] = pad.digits.random(label);
      this.#arrange();
      this.settle();
    });
    this.views = {};
    this.strips = {};
    this.outputs = {};
    for (const name of Object.keys(WAYS)) {
      const figure = this.find(`[data-way="${name}"]`);
      this.outputs[name] = figure;
      this.views[name] = new DigitView(figure.querySelector("canvas"));
      figure.querySelector("canvas").setAttribute("aria-label", text.loading);
      this.strips[name] = new Sheet(this.find(`[data-strip="${name}"]`), {
        label: text[`strip_${name}`],
        onPick: (index) => {
          this.player.stop();
          this.to(index / (this.frames - 1));
        },
      });
    }
    this.scrub = this.find(".scrub > input");
    this.scrub.addEventListener("input", () => {
      this.player.stop();
      pad.timed(() => this.to(Number(this.scrub.value)));
    });
    this.scrub.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      this.player.stop();
      const frame = Math.round(this.t * (this.frames - 1)) + way;
      this.to(clamp(frame / (this.frames - 1), 0, 1));
    });
    this.number = this.find('input[type="number"]');
    this.number.setAttribute("aria-label", text.steps);
    this.number.addEventListener("change", () => {
      const asked = Number(this.number.value);
      if (asked === this.steps) return; // what is written here by the pad itself
      const good = Number.isInteger(asked) && asked >= LEAST && asked <= MOST;
      this.steps = good ? asked : clamp(Math.round(asked) || USUAL, LEAST, MOST);
      this.find('[data-walk="note"]').textContent = "";
      this.#arrange();
      if (!good) {
        this.find('[data-walk="note"]').textContent =
          format(text.bad_steps, { low: LEAST, high: MOST, usual: this.steps });
      }
      address.set({ steps: this.steps });
    });
    this.loop = this.find('input[type="checkbox"]');
    this.find('[data-action="add"]').addEventListener("click", () => {
      this.indexes.push(pad.digits.random());
      this.stations.selected = this.indexes.length - 1;
      this.#restation();
    });
    this.find('[data-action="remove"]').addEventListener("click", () => {
      this.indexes.splice(this.stations.selected, 1);
      this.#restation();
    });
    this.t = 0;
    this.next = 0; // frame of both strips that is decoded next
    this.player = new Player(text, {
      button: this.find('[data-action="play"]'),
      loop: this.loop,
      stage: this.find(".ways"),
      at: () => this.t,
      to: (t) => this.to(t),
      seconds: () => SECONDS * (this.codes.length - 1),
    });
  }

  destroy() {
    this.player.destroy();
    this.chart?.destroy();
    for (const strip of Object.values(this.strips)) strip.destroy();
  }

  recolour(colours) {
    this.stations.recolour(colours);
    for (const name of Object.keys(WAYS)) {
      this.views[name].recolour(colours);
      this.strips[name].recolour(colours);
    }
  }

  leave() {
    this.player.stop();
    this.pad.chores.drop("walk");
  }

  use() {
    const first = !this.indexes;
    if (first) this.#read();
    this.stations.names(this.indexes.map((_, i) => letter(i)));
    this.#arrange();
    this.player.begin();
  }

  turned() {
    this.#arrange();
  }

  #read() {
    const { pad } = this;
    const count = pad.digits.labels.length;
    const { byLabel } = pad.digits;
    const asked = address.get("walk");
    const named = asked?.split(",").map(Number) ?? [];
    const good = named.length >= 2 && named.length <= STATIONS && /^\d{1,7}(,\d{1,7})+$/.test(asked) &&
      named.every((index) => index < count);
    if (asked !== null && !good) pad.say(format(pad.text.bad_walk, { most: STATIONS, count }));
    this.indexes = good ? named : [byLabel[0]?.[1] ?? 0, byLabel[7]?.[3] ?? count - 1];
    const steps = address.get("steps");
    this.steps = USUAL;
    if (steps !== null) {
      const value = Number(steps);
      if (/^\d{1,3}$/.test(steps) && value >= LEAST && value <= MOST) this.steps = value;
      else pad.say(format(pad.text.bad_steps, { low: LEAST, high: MOST, usual: USUAL }));
    }
    this.number.value = this.steps;
  }

  settle() {
    if (this.indexes) address.set({ walk: this.indexes.join(",") });
  }

  // A press on the map puts the nearest digit there into the slot in hand.
  press(point) {
    const index = nearestPlace(this.pad.run.points, point);
    if (this.indexes[this.stations.selected] === index) return;
    this.indexes[this.stations.selected] = index;
    this.#arrange();
  }

  place() {
    return this.pad.run.toMap(this.codes[this.stations.selected]);
  }

  #restation() {
    this.stations.names(this.indexes.map((_, i) => letter(i)));
    this.#arrange();
    this.settle();
  }

  // Codes of the stations, frames of both ways, their norms; then the first frame.
  #arrange() {
    const { pad } = this;
    const { run, text, digits } = pad;
    this.number.value = this.steps;
    this.codes = this.indexes.map((index) => pad.codeOf(index));
    this.indexes.forEach((index, slot) =>
      this.stations.fill(slot, digits.image(index), format(text.slot, { label: digits.name(index) })));
    this.find('[data-action="add"]').disabled = this.indexes.length >= STATIONS;
    this.find('[data-action="remove"]').disabled = this.indexes.length <= 2;
    this.centre = run.prior?.standard ? null : this.#middle();
    this.frames = (this.indexes.length - 1) * (this.steps - 1) + 1;
    const columns = Math.min(this.frames, 15);
    const rows = Math.ceil(this.frames / columns);
    const todo = [];
    for (const name of Object.keys(WAYS)) {
      const strip = this.strips[name];
      if (strip.columns !== columns || strip.rows !== rows || strip.count !== this.frames) {
        strip.layout(columns, rows, this.frames);
      }
      strip.host.style.maxWidth = `${columns * 4}rem`;
      for (let frame = 0; frame < this.frames; frame++) todo.push([name, frame]);
    }
    // It goes on where it was, so that all frames follow a moving knob.
    let done = 0;
    pad.chores.set("walk", () => {
      const [name, frame] = todo[this.next++ % todo.length];
      this.strips[name].put(frame, run.decode(Float32Array.from(this.at(name, frame / (this.frames - 1)))));
      return ++done < todo.length;
    });
    this.paths = {};
    for (const name of Object.keys(WAYS)) {
      const count = 24 * (this.indexes.length - 1);
      this.paths[name] = Array.from({ length: count + 1 }, (_, i) => this.at(name, i / count));
    }
    this.#norms();
    this.to(this.t);
  }

  #middle() {
    const { codes, latent, count } = this.pad.run;
    const sum = new Float64Array(latent);
    for (let i = 0; i < codes.length; i++) sum[i % latent] += codes[i] / count;
    return sum;
  }

  // The code at share t of the whole walk.
  at(name, t) {
    const legs = this.codes.length - 1;
    const leg = Math.min(legs - 1, Math.floor(t * legs));
    return WAYS[name](this.codes[leg], this.codes[leg + 1], t * legs - leg, this.centre);
  }

  distance(z) {
    return Math.hypot(...Array.from(z, (value, k) => value - (this.centre?.[k] ?? 0)));
  }

  // Distance from the centre along both ways, and where the line is nearest to it.
  #norms() {
    const { pad } = this;
    const { text, run } = pad;
    const points = (name) => this.paths[name].map((z, i) =>
      ({ x: i / (this.paths[name].length - 1), y: this.distance(z) }));
    const series = [
      { points: points("line"), line: true, name: text.way_line, hue: 0 },
      { points: points("circle"), line: true, dash: true, name: text.way_circle, hue: 1 },
    ];
    const typical = Math.sqrt(run.latent);
    const spec = {
      label: text.norm_title,
      x: { title: text.norm_x, low: 0, high: 1 },
      y: { title: run.prior?.standard ? text.norm_origin : text.norm_middle, low: 0 },
      height: 206,
      series,
    };
    this.chart?.destroy();
    this.chart = new Chart(this.find(".norms > div"), spec);
    const least = (name) => Math.min(...points(name).map(({ y }) => y));
    const note = format(run.prior?.standard ? text.norm_note_prior : text.norm_note_middle, {
      line: decimals(least("line"), 2), circle: decimals(least("circle"), 2),
      typical: decimals(typical, 2), latent: run.latent,
    });
    this.find('[data-walk="note"]').textContent = note;
  }

  // Show both ways at share t of the walk.
  to(t) {
    const { pad } = this;
    const { run, text } = pad;
    this.t = t;
    if (Number(this.scrub.value) !== t) this.scrub.value = t;
    this.now = {};
    for (const name of Object.keys(WAYS)) {
      const z = Float32Array.from(this.at(name, t));
      this.now[name] = z;
      this.views[name].draw(run.decode(z));
      const figure = this.outputs[name];
      const far = decimals(this.distance(z), 2);
      figure.querySelector("canvas").setAttribute("aria-label", format(text.way_told, {
        way: text[`way_${name}`], t: decimals(t, 2), z: Array.from(z, (v) => decimals(v, 2)).join(", "),
      }));
      figure.querySelector("figcaption span").textContent = format(text.way_norm, { norm: far });
      this.strips[name].select(Math.round(t * (this.frames - 1)));
    }
    this.scrub.setAttribute("aria-valuetext", decimals(t, 2));
    if (this.chart) {
      const far = this.distance(this.now.line);
      this.chart.mark(t, far, format(text.norm_point, { t: decimals(t, 2), norm: decimals(far, 2) }));
    }
    pad.redraw();
  }

  shown() {
    return this.now?.line;
  }

  #mark() {
    if (this.codes) this.pad.overlay();
  }

  // On the map: both paths, the stations by their letters, and where each way is now.
  marks() {
    if (!this.paths) return [];
    const { run } = this.pad;
    const path = (name) => ({
      paint: (pen, view) => {
        for (const [colour, wide] of [[view.colours.paper, 6], [this.#hue(name, view.colours), 3]]) {
          pen.save();
          pen.strokeStyle = colour;
          pen.lineWidth = wide * view.letters;
          pen.lineJoin = "round";
          if (name === "circle") pen.setLineDash([7 * view.letters, 5 * view.letters]);
          pen.beginPath();
          this.paths[name].forEach((z, i) =>
            pen[i ? "lineTo" : "moveTo"](...view.toScreen(run.toMap(z))));
          pen.stroke();
          pen.restore();
        }
      },
    });
    const letters = slotMark(
      this.codes.map((z) => run.toMap(z)), this.codes.map((_, i) => letter(i)), this.stations.selected);
    return [
      path("line"), path("circle"), letters,
      { at: run.toMap(this.now?.circle ?? this.codes[0]), kind: "input" },
      { at: run.toMap(this.now?.line ?? this.codes[0]), kind: "point" },
    ];
  }

  #hue(name, colours) {
    return name === "line" ? colours.accent : colours.palette[6];
  }

  // Both ways side by side, each under its name.
  #film() {
    const { text } = this.pad;
    const side = 168;
    return montage([{ cells: Object.entries(this.strips).map(([name, strip]) => ({
      width: side, height: side, above: text[`way_${name}`],
      paint: (pen, colours, frame) => sharp(pen, inked(strip.tileAt(frame), colours), 0, 0, side, side),
    })) }]);
  }

  saves() {
    const { pad } = this;
    const { text, run } = pad;
    const about = (what, key, values = {}) =>
      pad.about(`walk-${what}`, format(text[key], { digits: this.indexes.join(", "), ...values }));
    const names = Object.keys(WAYS);
    const early = () => names.some((name) => !this.strips[name].full) && text.save_computing;
    return [
      {
        label: text.save_film,
        why: early,
        figure: () => ({
          about: about("film", "title_walk"),
          ...this.#film(),
          frames: this.frames, milliseconds: 120, back: this.loop.checked,
        }),
      },
      ...names.map((name) => {
        const way = text[`way_${name}`];
        return {
          label: format(text.save_strip, { way }),
          why: early,
          figure: () => ({ about: about(name, "title_strip", { way }), ...this.strips[name].figure() }),
        };
      }),
      {
        label: text.save_norms,
        figure: () => ({ about: about("distances", "title_norms"), chart: (host) => this.chart.twin(host) }),
      },
      {
        label: text.save_path,
        save: () => saveTable(
          ["way", "t", "distance", ...Array.from({ length: run.latent }, (_, k) => `z${k + 1}`)],
          names.flatMap((name) => Array.from({ length: this.frames }, (_, frame) => {
            const t = frame / (this.frames - 1);
            const z = this.at(name, t);
            return [name, t, this.distance(z), ...z];
          })),
          about("codes", "title_walk")),
      },
    ];
  }
}
