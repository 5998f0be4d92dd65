// Two to six models under one pointer: the same digits on aligned maps, decoded side by side, and
// what one selects on one map shown on all of them.

import { Digits } from "../engine/digits.js";
import { digitErrors } from "../engine/encoding.js";
import { nearestPlace } from "../engine/layouts.js";
import { squaredError } from "../engine/numbers.js";
import { fromText, inside, toText } from "../engine/polygon.js";
import { Run } from "../engine/run.js";
import { inSlices } from "../engine/slices.js";
import { address } from "../parts/address.js";
import { DigitView } from "../parts/digit_view.js";
import { Lasso } from "../parts/lasso.js";
import { MapView } from "../parts/map_view.js";
import { classLegend, mapFigure, montage } from "../parts/montage.js";
import { mounting, Pad } from "../parts/pad.js";
import { decimals, escaped, format } from "../parts/page.js";
import { namePicks } from "../parts/picks.js";
import { greyPicture } from "../parts/picture.js";
import { saveMenu } from "../parts/save_menu.js";
import { spelledCode } from "../parts/written_code.js";
import { Extremes } from "./compare/extremes.js";
import { Angles, Curve } from "./compare/lines.js";
import { Selection } from "./compare/selection.js";
import { Shifted } from "./compare/shifted.js";
import { Filters } from "./compare/weights.js";

class ComparePad extends Pad {
  constructor(component) {
    super(component);
    this.strokes = []; // the same to all maps with the new selection
    this.models = [];
    this.mode = address.get("mode") === "place" ? "place" : "digit";
    this.tool = "move";
    this.selection = null; // {at: index of the map, mask}
    this.#buildPage();
  }

  destroy() {
    this.destroyed = true;
    super.destroy();
    this.menu.destroy();
    for (const model of this.models) model.map.destroy();
    for (const part of Object.values(this.parts)) part.destroy();
  }

  #buildPage() {
    const t = this.text;
    const choice = (kind, names) => `
      <div class="modes" role="group" aria-label="${t[kind]}">${names.map((name) => `
        <button type="button" data-${kind}="${name}" title="${t[`${kind}_${name}_help`]}">${
          t[`${kind}_${name}`]}</button>`).join("")}</div>`;
    this.build(`
      <div class="pad compare" aria-busy="true">
        <div class="under">
          <div class="answers">
            <figure class="truth"><figcaption><b data-part="real-label">${t.real}</b></figcaption>
              <canvas class="digit" data-part="real" role="img" aria-label="${t.real}"></canvas>
              <p class="trivial" data-part="trivial"></p></figure>
          </div>
          <div class="maps"><div class="bench">
            ${choice("mode", ["digit", "place"])}
            ${choice("tool", ["move", "select"])}
            <div class="picks" role="group" aria-label="${t.pick}"></div>
            <p class="hint" data-part="tool-hint"></p>
          </div></div>
          <div class="foot"><p class="hint" data-part="aligned"></p><div data-part="save"></div></div>
          <p class="message" data-part="message" role="status" aria-live="polite"></p>
          <section class="selection" data-part="selection"></section>
          <section class="extremes" data-part="extremes"></section>
          <section class="shifted" data-part="shifted"></section>
        </div>
        <div class="charts">
          <section data-part="curve"></section>
          <section data-part="angles"></section>
        </div>
        <section class="filters" data-part="filters"></section>
      </div>`);
    this.real = new DigitView(this.part("real"));
    for (const kind of ["mode", "tool"]) {
      for (const button of this.root.querySelectorAll(`[data-${kind}]`)) {
        button.addEventListener("click", () => this.#choose(kind, button.dataset[kind]));
      }
    }
    const picks = this.root.querySelector(".picks");
    this.picks = Array.from({ length: 10 }, (_, label) => {
      const button = picks.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", format(t.pick_one, { label }));
      button.addEventListener("click", () => this.#pick(this.digits.random(label)));
      return button;
    });
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.selection) this.#endSelection(0, null);
    });
    this.parts = {
      selection: new Selection(this.part("selection"), t, () => this.#endSelection(0, null)),
      extremes: new Extremes(this.part("extremes"), t, (index) => this.#pick(index)),
      shifted: new Shifted(this.part("shifted"), t, (work) => this.timed(work, this.strokes)),
      curve: new Curve(this.part("curve"), t),
      angles: new Angles(this.part("angles"), t),
      filters: new Filters(this.part("filters"), t),
    };
    this.menu = saveMenu(this.part("save"), [
      { label: t.save_digits, why: () => !this.pinned && t.save_early, figure: () => this.#digits() },
      { label: t.save_maps, why: () => !this.pinned && t.save_early, figure: () => this.#maps() },
    ], t);
    this.#showChoices();
    this.recolour();
  }

  #about(name, title) {
    return { name, run: this.models.map(({ run }) => run.id), title };
  }

  // The row of digits as it stands: the real one, then each model's with its squared error.
  #digits() {
    const side = 112;
    const cell = (view, above, below) => (
      { picture: greyPicture(view.last), width: side, height: side, above, below });
    const label = this.part("real-label").textContent;
    const first = this.pinned.index === null ? []
      : [cell(this.real, label, this.part("trivial").textContent)];
    const cells = this.models.map(({ name, view, score }) => cell(view, name, score.textContent.trim()));
    return { about: this.#about("decoded-digits", label), ...montage([{ cells: [...first, ...cells] }]) };
  }

  // In two rows where there are many.
  #maps() {
    const cells = this.models.map(({ name, map }) => {
      const { width, height, paint } = mapFigure(map);
      return { paint, width, height, above: name };
    });
    const across = cells.length > 3 ? Math.ceil(cells.length / 2) : cells.length;
    const rows = [{ cells: cells.slice(0, across) }, { cells: cells.slice(across) }];
    return {
      about: this.#about("maps", this.text.title),
      ...montage(rows.filter((row) => row.cells.length)),
      legend: (colours) => classLegend(this.text.slide_classes, this.digits.names, colours),
    };
  }

  #choose(kind, value) {
    this[kind] = value;
    this.#showChoices();
    if (kind === "tool") return;
    this.pin(this.#digitTarget(this.digit));
    this.settle();
  }

  #showChoices() {
    for (const kind of ["mode", "tool"]) {
      for (const button of this.root.querySelectorAll(`[data-${kind}]`)) {
        button.setAttribute("aria-pressed", String(button.dataset[kind] === this[kind]));
      }
    }
    for (const { lasso } of this.models) lasso.active = this.tool === "select";
    this.part("tool-hint").textContent = this.text[`tool_${this.tool}_help`];
  }

  #pick(index) {
    this.pin(this.#digitTarget(index));
    this.settle();
  }

  recolour() {
    super.recolour();
    this.real.recolour(this.colours);
    this.picks.forEach((button, label) =>
      button.style.setProperty("--hue", this.colours.palette[label]));
    for (const { view, map } of this.models) {
      view.recolour(this.colours);
      map.recolour(this.colours);
    }
    for (const part of Object.values(this.parts)) part.recolour(this.colours);
  }

  async update(data) {
    if (JSON.stringify(data) !== JSON.stringify(this.data)) await this.load(data);
  }

  async load(data) {
    this.wanted = data;
    const loaded = new Map(this.models.map(({ key, run }) => [key, run]));
    const [digits, ...runs] = await Promise.all([
      this.digits ?? Digits.load(data.digits),
      ...data.models.map(({ run }) => loaded.get(JSON.stringify(run)) ?? Run.load(run)),
    ]);
    await Promise.all(runs.map((run) => run.ready(digits)));
    if (this.destroyed || this.wanted !== data) return; // others were asked for meanwhile
    const first = !this.data;
    this.data = data;
    this.digits = digits;
    namePicks(this.root.querySelector(".picks"), digits, this.text);
    const kept = this.selection && this.#keeps(data);
    this.#buildModels(data.models, runs);
    if (first) {
      this.#fromLink();
    } else {
      this.pinned = this.#digitTarget(this.digit);
      address.set({ at: null });
      if (this.selection && kept >= 0) this.#select(kept, this.selection.polygon);
      else this.#select(0, null);
      address.set({ sel: this.#selectionText() });
    }
    this.#show(this.pinned);
    this.parts.curve.show(data.curve);
    this.parts.angles.show(data.angles);
    this.parts.filters.show(this.models);
    this.root.setAttribute("aria-busy", "false");
    await digits.arrived;
    if (this.destroyed || this.wanted !== data) return;
    this.#show(this.pinned);
    this.parts.shifted.show(this.models, digits);
    this.parts.shifted.mark(this.digit);
    const wanted = () => !this.destroyed && this.wanted === data;
    const trivial = new Float32Array(digits.labels.length);
    await inSlices(trivial.length, (i) => {
      trivial[i] = squaredError(digits.mean, digits.image(i));
    }, { wanted });
    if (!wanted()) return;
    this.trivial = trivial;
    for (const model of this.models) {
      model.errors = await digitErrors(model.run, digits, wanted);
      if (!wanted()) return;
    }
    this.#tellSelection();
    await this.parts.extremes.show(this.models, digits, this.trivial);
  }

  // Where the map that the selection was drawn on is among the new models, if it is there as it was.
  #keeps(data) {
    const { key } = this.models[this.selection.at];
    return data.models.findIndex(({ run }) => JSON.stringify(run) === key);
  }

  #fromLink() {
    const t = this.text;
    const count = this.digits.labels.length;
    const problems = [];
    this.digit = address.index("digit", count) ?? this.digits.byLabel[4]?.[7] ?? 0;
    if (address.get("digit") !== null && address.index("digit", count) === null) {
      problems.push(format(t.bad_digit, { count }));
    }
    const at = address.vector("at", 2);
    if (at.problem) problems.push(t.bad_place);
    this.pinned = this.mode === "place" && at.value
      ? this.#placeTarget(Array.from(at.value))
      : this.#digitTarget(this.digit);
    const text = address.get("sel");
    if (text !== null) {
      const [index, ...rest] = text.split(",");
      const polygon = /^\d$/.test(index) && this.models[index] ? fromText(rest.join(",")) : null;
      if (polygon) this.#select(Number(index), polygon);
      else problems.push(t.bad_selection);
    }
    this.part("message").textContent = problems.join(" ");
  }

  // A column of each model: its decoded digit above its map.
  #buildModels(specs, runs) {
    const t = this.text;
    for (const model of this.models) {
      model.map.destroy();
      model.figure.remove();
      model.section.remove();
    }
    const frame = new Float32Array(runs.reduce((sum, run) => sum + run.points.length, 0));
    runs.reduce((start, run) => (frame.set(run.points, start), start + run.points.length), 0);
    this.root.style.setProperty("--count", specs.length);
    const add = (place, html) => {
      const row = this.root.querySelector(place);
      row.insertAdjacentHTML("beforeend", html);
      return row.lastElementChild;
    };
    this.models = specs.map(({ name, run: spec, closed }, i) => {
      const figure = add(".answers", `
        <figure class="answer"><figcaption><b data-part="name-${i}">${escaped(name)}</b></figcaption>
          <canvas class="digit" data-part="output-${i}" role="img" aria-label="${t.loading}"></canvas>
          <p class="error" data-part="score-${i}"></p>
          <span class="bar" aria-hidden="true"><i data-part="bar-${i}"></i><u></u></span></figure>`);
      const section = add(".maps", `
        <section><h2>${escaped(name)}</h2><div data-part="map-${i}"></div></section>`);
      const run = runs[i];
      const view = new DigitView(this.part(`output-${i}`));
      const map = new MapView(this.part(`map-${i}`), {
        label: format(t.map_of, { model: name }),
        onHover: (point) => this.timed(() => this.#show(this.#target(i, point))),
        onLeave: () => this.#show(this.pinned),
        onPress: (point) => this.timed(() => this.pin(this.#target(i, point))),
        onRelease: () => this.settle(),
        onKey: ([dx, dy]) =>
          this.timed(() => {
            const [x, y] = this.pinned.at[i];
            this.pin(this.#target(i, [x + dx, y + dy]));
            this.settleSoon();
          }),
      });
      const lasso = new Lasso(map, {
        label: t.tool_select_keys,
        from: () => this.pinned.spot[i],
        onChange: (polygon) => this.timed(() => this.#select(i, polygon), this.strokes),
        onEnd: (polygon) => this.#endSelection(i, polygon),
      });
      map.show(run.points, this.digits.labels, frame, this.digits.names);
      view.recolour(this.colours);
      map.recolour(this.colours);
      return {
        name, run, closed, key: JSON.stringify(spec), figure, section, view, map, lasso,
        canvas: this.part(`output-${i}`),
        score: this.part(`score-${i}`),
        bar: this.part(`bar-${i}`),
        mark: this.part(`bar-${i}`).nextElementSibling,
      };
    });
    this.part("aligned").textContent = format(t.aligned, { first: specs[0].name });
    this.#showChoices();
  }

  #target(i, point) {
    if (this.mode === "place") return this.#placeTarget(point);
    const index = nearestPlace(this.models[i].run.points, point);
    const target = this.#digitTarget(index);
    target.at = target.at.slice();
    target.at[i] = point;
    return target;
  }

  // One real digit: each model decodes its own code of it.
  #digitTarget(index) {
    const spot = this.models.map(({ run: { points } }) => [points[2 * index], points[2 * index + 1]]);
    return { index, at: spot, z: this.models.map(({ run }) => run.code(index)), spot };
  }

  // One place of the aligned maps, as exact as a link says it: each model decodes what lies there.
  #placeTarget(place) {
    const point = place.map((value) => Number(decimals(value, 4)));
    const at = this.models.map(() => point);
    return { index: null, at, z: this.models.map(({ run }) => run.toLatent(point)), spot: at };
  }

  pin(target) {
    this.pinned = target;
    if (target.index !== null) this.digit = target.index;
    this.#show(target);
    this.parts.extremes.mark(target.index);
    this.parts.shifted.mark(this.digit);
  }

  settle() {
    const place = this.mode === "place" && this.pinned.index === null;
    address.set({
      digit: this.digit,
      mode: this.mode === "place" ? "place" : null,
      at: place ? this.pinned.at[0].join(",") : null,
    });
  }

  #show(target) {
    const { text } = this;
    const real = target.index === null ? null : this.digits.image(target.index);
    const label = target.index === null ? null : this.digits.labels[target.index];
    const trivial = real && squaredError(this.digits.mean, real);
    const kind = target.index === null ? "point" : "input";
    const errors = this.models.map(({ run, view }, i) => {
      const output = run.as(label ?? undefined, () => run.decode(target.z[i]), real);
      view.draw(output);
      return real && squaredError(output, real);
    });
    this.models.forEach(({ name, map, canvas, score, bar, mark }, i) => {
      const z = spelledCode(target.z[i]);
      canvas.setAttribute("aria-label", format(text.decoded_by, { model: name, z }));
      score.innerHTML = real
        ? format(text.error_of, { error: decimals(errors[i], 1) })
        : target.index === null ? `<small>${text.place_note}</small>` : "";
      const share = (error) => `${Math.min(100, (100 * error) / trivial)}%`;
      bar.style.width = real ? share(errors[i]) : "0";
      mark.style.left = real ? share(errors[0]) : "0";
      mark.hidden = !real;
      const spot = target.spot[i];
      const marks = [{ at: spot, kind }];
      if (target.at[i] !== spot) marks.unshift({ at: target.at[i], to: spot, kind: "ghost" });
      map.overlay(marks);
    });
    const canvas = this.part("real");
    canvas.style.opacity = target.index === null ? 0.15 : 1;
    if (real) this.real.draw(real);
    const name = label === null ? text.real : format(text.real_digit, { label: this.digits.name(target.index) });
    this.part("real-label").textContent = name;
    canvas.setAttribute("aria-label", name);
    this.part("trivial").innerHTML = real
      ? format(text.mean_digit, { trivial: decimals(trivial, 1) })
      : "";
    this.picks.forEach((button, i) => button.setAttribute("aria-pressed", String(i === label)));
  }

  spoken() {
    const models = this.models.map(({ name, score }) => `${name}: ${score.textContent}`);
    return [this.part("real-label").textContent, ...models].join(". ");
  }

  // Bring out on all maps what lies within a path on one of them.
  #select(at, polygon) {
    this.models.forEach(({ lasso }, i) => {
      if (i !== at || !polygon) lasso.clear();
      else if (lasso.polygon !== polygon) lasso.polygon = polygon;
    });
    const mask = polygon && inside(this.models[at].run.points, polygon);
    this.selection = polygon && { at, polygon, mask };
    for (const { map } of this.models) map.select(mask);
    this.#tellSelection();
  }

  #endSelection(at, polygon) {
    this.#select(at, polygon);
    address.set({ sel: this.#selectionText() });
  }

  #selectionText() {
    return this.selection && `${this.selection.at},${toText(this.selection.polygon)}`;
  }

  #tellSelection() {
    const { selection } = this;
    this.parts.selection.show(selection && {
      mask: selection.mask,
      map: this.models[selection.at].name,
      digits: this.digits,
      trivial: this.trivial,
      models: this.models,
    });
  }
}

export const mount = mounting(ComparePad);
