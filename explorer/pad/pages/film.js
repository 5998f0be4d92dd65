// The film of a training: to scrub back and forth and to play; of two runs, two films in step.

import { Digits } from "../engine/digits.js";
import { fetchBytes } from "../engine/fetching.js";
import { rangeOf, termsOf } from "../engine/histories.js";
import { forOthers } from "../engine/links.js";
import { reachOf, wider } from "../engine/layouts.js";
import { clamp } from "../engine/numbers.js";
import { Run } from "../engine/run.js";
import { readTensors } from "../engine/safetensors.js";
import { curveCells } from "../parts/curve_picture.js";
import { saveTable } from "../parts/downloads.js";
import { classLegend, montage } from "../parts/montage.js";
import { mounting, Pad } from "../parts/pad.js";
import { format, grouped, worded } from "../parts/page.js";
import { greyPicture, inked, sharp } from "../parts/picture.js";
import { saveMenu } from "../parts/save_menu.js";
import { greys, remember, Stage } from "../parts/stage.js";
import { isStill } from "../parts/theme.js";

const PLAYED_IN = 7000; // milliseconds
const FRAMES = 48; // of a saved film
const SAVED = { map: 300, tall: 270, grid: 180, letters: 0.65 }; // its sizes, in its own units
const GRID = 6; // digits along each side of a grid that is decoded here

// One run's film, or of a run without one its end.
class Film {
  constructor(side) {
    this.side = side;
    this.history = side.history;
    /** @type {number[][]} */
    this.reaches = []; // what a view of each frame holds
    /** @type {ArrayLike<number> | null} */
    this.index = null; // of the filmed digits among the map's; null where they are its last
    /** @type {Uint8Array | null} */
    this.classes = null;
  }

  static async load(side) {
    const film = new Film(side);
    if (side.run.film) await film.#read(await fetchBytes(side.run.film));
    else await film.#decode(await Run.load(side.run));
    // A view never narrower than at the end, so that growth is seen as growth.
    const end = reachOf(film.points.at(-1));
    film.reaches = film.points.map((points) => wider(end, reachOf(points)));
    return film;
  }

  async #read(bytes) {
    const arrays = readTensors(bytes);
    const [frames, count] = arrays.points.shape;
    const size = 2 * count;
    this.points = Array.from({ length: frames }, (_, i) =>
      this.#aligned(arrays.points.data.slice(i * size, (i + 1) * size)));
    this.samples = arrays.samples.data;
    this.index = arrays.index?.data ?? null;
    const sheet = await createImageBitmap(new Blob([arrays.sheet.data], { type: "image/png" }));
    const tall = Math.round(sheet.height / frames);
    this.grid = (i) => greys(sheet, i * tall, tall);
  }

  // No film was taken: the last map, and a grid that is decoded here.
  async #decode(run) {
    this.points = [this.#aligned(run.points)];
    this.samples = [this.side.samples];
    const [left, bottom, right, top] = reachOf(run.points);
    const rows = Math.round(Math.sqrt(run.pixels));
    const wide = GRID * rows;
    const pixels = new Float32Array(wide * wide);
    for (let r = 0; r < GRID; r++) {
      for (let c = 0; c < GRID; c++) {
        const at = [left + ((right - left) * (c + 0.5)) / GRID, top - ((top - bottom) * (r + 0.5)) / GRID];
        const digit = run.decode(run.toLatent(at));
        for (let y = 0; y < rows; y++) {
          pixels.set(digit.subarray(y * rows, (y + 1) * rows), (r * rows + y) * wide + c * rows);
        }
      }
    }
    this.grid = () => pixels;
  }

  // The similarity that lays this run's map over the other one's.
  #aligned(points) {
    const found = this.side.alignment;
    if (!found) return points;
    const { rotation: r, scale, shift } = found;
    const out = new Float32Array(points.length);
    for (let i = 0; i < points.length; i += 2) {
      out[i] = scale * (points[i] * r[0] + points[i + 1] * r[2]) + shift[0];
      out[i + 1] = scale * (points[i] * r[1] + points[i + 1] * r[3]) + shift[1];
    }
    return out;
  }

  // The classes of the filmed digits.
  labels({ labels }) {
    if (!this.index) return labels;
    this.classes ??= Uint8Array.from(this.index, (i) => labels[i]);
    return this.classes;
  }

  // Samples that the run was trained on; the last frame may be of a little earlier.
  get end() {
    return this.side.samples || this.samples[this.samples.length - 1];
  }

  // Points after so many samples: between two frames each digit is on the straight way.
  at(samples) {
    const last = this.points.length - 1;
    let frame = 0;
    while (frame < last && this.samples[frame + 1] <= samples) frame++;
    if (frame === last) return { frame, points: this.points[last], reach: this.reaches[last] };
    const gap = this.samples[frame + 1] - this.samples[frame];
    const share = clamp((samples - this.samples[frame]) / gap, 0, 1);
    const between = (a, b) => a.map((value, i) => value + share * (b[i] - value));
    return {
      frame,
      points: between(this.points[frame], this.points[frame + 1]),
      reach: between(this.reaches[frame], this.reaches[frame + 1]),
    };
  }
}

class FilmPad extends Pad {
  constructor(component) {
    super(component);
    this.mode = "share";
    this.place = 1;
    /** @type {Digits | null} */
    this.digits = null;
    remember(component.data.visitor);
  }

  destroy() {
    this.gone = true;
    this.pause();
    super.destroy();
    this.menu?.destroy();
    this.stages?.forEach((stage) => stage.destroy());
  }

  async update(data) {
    const told = ({ scroll, ...rest }) => JSON.stringify(rest);
    if (!this.data || told(data) !== told(this.data)) await this.load(data);
    else if (data.scroll) this.root.scrollIntoView({ block: "nearest" });
  }

  async load(data) {
    this.wanted = data;
    if (!this.root) this.#buildPage(data);
    let films;
    try {
      [this.digits, ...films] = await Promise.all([
        this.digits ?? Digits.load(data.digits),
        ...data.sides.map((side) => Film.load(side)),
      ]);
    } catch (error) {
      if (this.gone || this.wanted !== data) return;
      this.say(/^404/.test(error.message)
        ? this.text.run_gone
        : format(this.text.failed, { error: error.message }));
      this.root.setAttribute("aria-busy", "false");
      return;
    }
    if (this.gone || this.wanted !== data) return;
    const again = this.data && this.data.sides.length === data.sides.length;
    this.pause();
    this.stages?.forEach((stage) => stage.destroy());
    this.text = worded(data.text);
    this.data = data;
    this.films = films;
    if (!again) this.place = 1;
    this.#buildPage(data);
    this.#curves();
    this.show();
    this.root.setAttribute("aria-busy", "false");
    if (data.scroll) this.root.scrollIntoView({ block: "nearest" });
  }

  #buildPage(data) {
    const t = this.text;
    const two = data.sides.length > 1;
    this.build(`
      <div class="pad train film${two ? " two" : ""}" aria-busy="true">
        <div class="sides">
          ${data.sides.map((_, i) => `<section><div class="head"><h2 data-part="name-${i}"></h2>
            <span class="numbers" data-part="moment-${i}"></span></div>
            <div data-part="stage-${i}"></div></section>`).join("")}
        </div>
        <div class="scrub">
          <div class="buttons"><button type="button" data-action="play">${t.play}</button></div>
          <input type="range" min="0" max="1" step="0.005" value="${this.place}" aria-label="${t.scrub}">
          ${two ? `<div class="modes" role="group" aria-label="${t.in_step}">
            ${["share", "samples"].map((mode) => `<button type="button" data-mode="${mode}"
              >${t[`same_${mode}`]}</button>`).join("")}</div>` : ""}
        </div>
        <div class="save" data-part="save"></div>
        <p class="message" data-part="message" role="status" aria-live="polite"></p>
        <p class="hint" data-part="note"></p>
        ${data.link ? `<label class="link"><span>${t.link}</span><input type="text" readonly
          data-part="link"></label><p class="hint" data-part="reach"></p>` : ""}
      </div>`);
    data.sides.forEach((side, i) => (this.part(`name-${i}`).textContent = side.name));
    this.stages = data.sides.map((side, i) => new Stage(this.part(`stage-${i}`), t, side.unit));
    this.slider = this.root.querySelector('input[type="range"]');
    this.slider.addEventListener("input", () => {
      this.pause();
      this.place = Number(this.slider.value);
      this.show();
    });
    this.playButton = this.root.querySelector('[data-action="play"]');
    this.playButton.addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      button.addEventListener("click", () => {
        this.mode = button.dataset.mode;
        this.#curves();
        this.show();
      });
    }
    if (data.link) {
      const link = this.part("link");
      const { href, alone } = forOthers(data.link, window.location.href, data.reach);
      link.value = href;
      this.part("reach").textContent = alone ? this.text.link_alone : "";
      link.addEventListener("focus", () => link.select());
    }
    this.menu?.destroy();
    const early = () => !this.films && t.save_early;
    this.menu = saveMenu(this.part("save"), [
      {
        label: t.save_gif,
        why: () => early() || (!this.films.some((film) => film.points.length > 1) && t.film_none),
        figure: () => ({
          ...this.#figure((frame) => frame / (FRAMES - 1)), frames: FRAMES, milliseconds: PLAYED_IN / FRAMES,
        }),
      },
      { label: t.save_moment, why: early, figure: () => this.#figure(() => this.place) },
      { label: t.save_curves, why: early, figure: () => this.#pictured() },
      { label: t.save_terms, why: early, save: () => this.#tabled() },
    ], t);
    this.recolour();
  }

  // What all films show at a place of the slider, by the frame: their maps, and the digits beside or
  // below them.
  #figure(placeOf) {
    const { text: t, data, films } = this;
    const names = data.sides.map((side) => side.name).join(", ");
    const maps = films.map((film, i) => ({
      width: SAVED.map, height: SAVED.tall, above: films.length > 1 ? data.sides[i].name : this.stages[i].title.textContent,
      below: (frame) => this.#moment(film, placeOf(frame)).words,
      paint: (pen, colours, frame) => {
        const { points, reach } = this.#moment(film, placeOf(frame));
        const picture = this.stages[i].map.portrait({
          colours, points, frame: Float32Array.from(reach), ratio: pen.getTransform().a,
          letters: SAVED.letters, width: SAVED.map, height: SAVED.tall,
        });
        pen.drawImage(picture, 0, 0, SAVED.map, SAVED.tall);
      },
    }));
    const side = films.length > 1 ? SAVED.map : SAVED.grid;
    const grids = films.map((film) => ({
      width: side, height: side, above: t.live_grid,
      paint: (pen, colours, frame) => {
        const digits = greyPicture(film.grid(this.#moment(film, placeOf(frame)).frame));
        sharp(pen, inked(digits, colours), 0, 0, side, side);
      },
    }));
    return {
      about: {
        name: `${data.sides[0].run.id}-film`, run: data.sides.map((one) => one.run.id),
        title: format(t.film_title, { names }),
      },
      ...montage(films.length > 1 ? [{ cells: maps }, { cells: grids }] : [{ cells: [...maps, ...grids] }]),
      legend: (colours) => classLegend(t.slide_classes, this.digits.names, colours),
    };
  }

  // Terms of the losses of all films, with the axes that the page draws them on.
  #shared() {
    const histories = this.films.map((film) => film.history);
    const terms = [...new Set(histories.flatMap(termsOf))];
    const alike = new Set(this.data.sides.map((side) => side.unit)).size === 1;
    const ranges = alike
      ? Object.fromEntries(terms.map((term) => [term, rangeOf(histories, term)])) : null;
    return { terms, ranges, longest: Math.max(...this.films.map((film) => film.end)) };
  }

  #aboutCurves() {
    const { data, text: t } = this;
    return {
      name: `${data.sides[0].run.id}-curves`, run: data.sides.map((one) => one.run.id),
      title: format(t.curves_title, { names: data.sides.map((side) => side.name).join(", ") }),
    };
  }

  // The curves of each film in a row.
  #pictured() {
    const { data, films, text: t } = this;
    const { ranges, longest } = this.#shared();
    const rows = films.map((film, i) => ({
      name: films.length > 1 ? data.sides[i].name : undefined,
      cells: curveCells(film.history, {
        terms: termsOf(film.history), ranges, width: SAVED.map, height: SAVED.tall / 2,
        total: this.mode === "samples" ? longest : film.end,
        name: (term) => t[`term_${term}`] ?? term,
      }),
    }));
    return { about: this.#aboutCurves(), ...montage(rows) };
  }

  // All reports of each film as a table.
  #tabled() {
    const { data, films } = this;
    const { terms } = this.#shared();
    const rows = films.flatMap(({ history }, i) => history.map((entry) =>
      [data.sides[i].run.id, entry.samples, ...terms.map((term) => entry[term] ?? "")]));
    return saveTable(["run", "samples", ...terms], rows, this.#aboutCurves());
  }

  recolour() {
    super.recolour();
    this.stages.forEach((stage) => stage.recolour(this.colours));
  }

  // Both films' curves on the same axes, so that they can be compared by eye.
  #curves() {
    const { ranges, longest } = this.#shared();
    this.films.forEach((film, i) => {
      const total = this.mode === "samples" ? longest : film.end;
      this.stages[i].curves.show(film.history, total, ranges);
    });
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    }
    const moving = this.films.some((film) => film.points.length > 1);
    this.root.querySelector(".scrub").hidden = !moving;
    const still = this.films.some((film) => film.points.length === 1);
    this.part("note").textContent = [this.text.live_note, still ? this.text.no_film : "",
      this.films.length > 1 ? this.text.film_aligned : ""].filter(Boolean).join(" ");
  }

  // A film at a place of the slider. Frames are taken at the squares of even steps, so the slider
  // runs by the square root.
  #moment(film, place) {
    const longest = Math.max(...this.films.map(({ end }) => end));
    const samples = Math.min(place ** 2 * (this.mode === "samples" ? longest : film.end), film.end);
    const words = format(this.text.moment, { samples: grouped(samples), total: grouped(film.end) });
    return { ...film.at(samples), samples, words };
  }

  show() {
    const told = this.films.map((film, i) => {
      const stage = this.stages[i];
      const { frame, points, reach, samples, words } = this.#moment(film, this.place);
      stage.points(points, film.labels(this.digits), reach, 0, this.digits.names);
      if (frame !== stage.frame) stage.sheet(film.grid(frame), film.samples[frame]);
      stage.frame = frame;
      stage.curves.mark(samples);
      this.part(`moment-${i}`).textContent = words;
      return words;
    });
    this.slider.setAttribute("aria-valuetext", told.join("; "));
  }

  play() {
    if (this.place >= 1) this.place = 0;
    if (isStill()) { // one frame on for each press
      this.place = Math.min(1, this.place + 0.05);
      this.slider.value = this.place;
      this.show();
      return;
    }
    const from = this.place;
    const began = performance.now();
    this.playButton.textContent = this.text.pause;
    const step = (now) => {
      this.place = clamp(from + (now - began) / PLAYED_IN, 0, 1);
      this.slider.value = this.place;
      this.show();
      if (this.place < 1) this.playing = requestAnimationFrame(step);
      else this.pause();
    };
    this.playing = requestAnimationFrame(step);
  }

  pause() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.playButton.textContent = this.text.play;
  }
}

export const mount = mounting(FilmPad);
