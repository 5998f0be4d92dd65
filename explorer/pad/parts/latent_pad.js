// The latent pad: input digit → encoder → map → decoder → output digit, all in the browser.

import { Digits } from "../engine/digits.js";
import { recode } from "../engine/encoding.js";
import { planeLayout, posteriorRings, waysOf } from "../engine/layouts.js";
import { withNumber } from "../engine/levels.js";
import { squaredError } from "../engine/numbers.js";
import { Run } from "../engine/run.js";
import { introduce } from "../engine/told.js";
import { buildActions } from "./actions.js";
import { address } from "./address.js";
import { Dial } from "./dial.js";
import { DigitView } from "./digit_view.js";
import { MapView } from "./map_view.js";
import { showNetworks } from "./network_picture.js";
import { Nearest } from "./nearest.js";
import { Pad } from "./pad.js";
import { decimals, format, painted, worded } from "./page.js";
import { Sliders } from "./sliders.js";
import { readCode, spelledCode, writtenCode } from "./written_code.js";

/**
 * What stands around the latent pad and hears of it.
 * @typedef {{ changed?(): void, drawn?(): void, recolour?(): void, destroy?(): void }} Part
 */

export class LatentPad extends Pad {
  #parts = [];

  /** @param {import("./pad.js").Component} component */
  constructor(component) {
    super(component);
    this.rings = true; // whether the posterior is drawn
    this.z = null;
    this.nearest = new Nearest(this);
    this.#buildPage();
  }

  /**
   * Add a part that is told `changed()` whenever the run, its knob's value or the digit is another
   * one, `drawn()` after every drawing, `recolour()` and `destroy()`; it has those that it needs.
   * @template {Part} T
   * @param {T} part
   */
  attach(part) {
    this.#parts.push(part);
    if (this.colours) part.recolour?.();
    return part;
  }

  #tell(what) {
    for (const part of this.#parts) part[what]?.();
  }

  destroy() {
    this.recoding?.abort();
    this.#tell("destroy");
    this.nearest.destroy();
    this.map.destroy();
    super.destroy();
  }

  #buildPage() {
    const t = this.text;
    this.build(`
      <div class="pad explore" aria-busy="true">
        <section class="input">
          <h2>${t.input} <i>x</i></h2>
          <canvas class="digit" data-part="input" role="img"></canvas>
          <div class="picks" role="group" aria-label="${t.pick}"></div>
          <p class="hint">${t.pick}</p>
        </section>
        <div class="network encoder"><h3>${t.encoder}</h3><div></div></div>
        <section class="plane">
          <h2 data-part="map-title"></h2>
          <div data-part="map"></div>
          <p class="hint" data-part="map-note"></p>
        </section>
        <div class="network decoder"><h3>${t.decoder}</h3><div></div></div>
        <section class="output">
          <h2>${t.output} <i>x̂</i></h2>
          <canvas class="digit big" data-part="output" role="img"></canvas>
          <p class="score" data-part="score"></p>
        </section>
        <section class="nearest">
          <figure><canvas class="digit small" data-part="near" role="img"></canvas>
            <figcaption data-part="near-label"></figcaption></figure>
          <figure><canvas class="digit small" data-part="near-output" role="img"></canvas>
            <figcaption data-part="near-score"></figcaption></figure>
        </section>
        <section class="controls">
          <div class="dial" data-part="dial" hidden></div>
          <div class="sliders" data-part="sliders"></div>
          <div class="buttons" data-part="buttons"></div>
          <p class="message" data-part="message" role="status" aria-live="polite"></p>
        </section>
      </div>`);
    this.views = {
      input: new DigitView(this.part("input")),
      output: new DigitView(this.part("output")),
      near: new DigitView(this.part("near")),
      nearOutput: new DigitView(this.part("near-output")),
    };
    this.part("input").setAttribute("aria-label", t.input);
    this.part("output").setAttribute("aria-label", t.loading);
    this.#buildPicks(Array.from("0123456789"));
    this.map = new MapView(this.part("map"), {
      label: t.map,
      onHover: (point) => this.timed(() => this.preview(point)),
      onLeave: () => this.preview(null),
      onPress: (point, { type }) => this.timed(() => {
        if (type === "pointerdown") this.before = this.z.slice();
        this.moveOnMap(point);
      }),
      onRelease: ({ type }) => {
        if (type === "pointercancel") this.takeBack(); // the browser took the hand, to move the page
        this.settle();
      },
      onKey: ([dx, dy]) =>
        this.timed(() => {
          const [x, y] = this.cursor ?? this.layout.toMap(this.z);
          this.shift([x + dx, y + dy]);
          this.settleSoon();
        }),
    });
    this.recolour();
  }

  // A button for each of the first ten classes.
  #buildPicks(names, members = null) {
    const box = this.root.querySelector(".picks");
    box.innerHTML = "";
    box.classList.toggle("words", names.some((name) => name.length > 1));
    box.nextElementSibling.hidden = !names.length;
    this.picks = names.slice(0, 10).map((name, label) => {
      const button = box.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = name;
      button.disabled = members !== null && !members[label].length;
      button.setAttribute("aria-label", format(this.text.pick_one, { label: name }));
      button.addEventListener("click", () => this.pick(this.digits.random(label)));
      if (this.colours) button.style.setProperty("--hue", this.colours.palette[label]);
      return button;
    });
  }

  recolour() {
    super.recolour();
    for (const view of Object.values(this.views)) view.recolour(this.colours);
    this.picks.forEach((button, label) =>
      button.style.setProperty("--hue", this.colours.palette[label]));
    this.map.recolour(this.colours);
    this.sliders?.recolour(this.colours);
    this.#tell("recolour");
  }

  // New data from the page: another run, or the same one again.
  async update(data) {
    this.text = worded(data.text);
    const same = data.digits.labels === this.data?.digits.labels;
    if (data.run.id !== this.run?.id || !same) await this.load(data);
  }

  async load(data) {
    this.loading = data;
    this.recoding?.abort();
    const same = data.digits.labels === this.data?.digits.labels;
    const [plain, digits] = await Promise.all([
      Run.load(data.run),
      same ? this.digits : Digits.load(data.digits),
    ]);
    const run = await (data.digits.own ? this.#recode(plain, digits) : plain.ready(digits));
    if (this.loading !== data || !run) return; // another one was asked for meanwhile
    this.digits = digits;
    this.data = data;
    this.spec = data.run;
    this.set = data.digits.own?.id ?? null;
    this.plain = plain; // with the held-out digits' codes
    this.use(run);
    this.root.setAttribute("aria-busy", "false");
    await Promise.all([digits.arrived, painted()]); // the first digit is seen before all else
    this.images = true;
    if (!this.input) this.pick(this.digit, true, this.z);
  }

  // The run with the codes of own images; null where another one was asked for meanwhile.
  async #recode(run, digits) {
    this.recoding = new AbortController();
    const { signal } = this.recoding;
    const count = digits.labels.length;
    const progress = (done) =>
      this.say(done < count ? format(this.text.encoding, { done, count }) : "");
    try {
      return await recode(run, digits, { progress, signal });
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  /**
   * Show a run whose files are here; where one was shown before, its points glide to their places.
   * @param {import("../engine/run.js").Run} run
   */
  use(run) {
    const first = !this.run, { digits } = this;
    const value = this.run?.dial && this.run.dial.knob === run.dial?.knob ? this.run.value : null;
    this.loading = run.id;
    this.run = run;
    this.layout = planeLayout(run);
    this.ghost = null;
    this.dial = new Dial(this.part("dial"), run, this.text, {
      held: value,
      say: (sentence) => this.say(sentence),
      timed: (work) => this.timed(work),
      onTurn: () => this.#followDial(),
      onSettle: () => this.settle(),
    });
    this.sliders = new Sliders(this.part("sliders"), run, {
      onMove: (k, change) => this.timed(() => {
        this.ghost = null;
        this.z = withNumber(run, this.z, k, change(this.z[k]));
        this.draw();
      }),
      onSettle: () => this.settle(),
      onKey: () => this.settleSoon(),
    }, this.text);
    this.sliders.recolour(this.colours);
    buildActions(this);
    showNetworks(this.root, run, this.text);
    this.part("map-title").textContent = run.latent > 2 ? this.text.map_pca : this.text.map_native;
    this.part("map-note").textContent = this.text.map_note;
    this.map.name(this.layout.axes, this.text);
    this.sliders.point(waysOf(this.layout, run));
    if (digits !== this.mapped) {
      this.map.show(run.points, digits.labels, run.extent(), digits.names);
      this.#buildPicks(digits.names, digits.byLabel);
      this.mapped = digits;
      if (this.digit >= digits.labels.length) this.digit = 0;
    } else this.map.glide(run.points, run.extent());
    if (first) {
      const asked = address.index("digit", digits.labels.length);
      if (asked === null && address.get("digit") !== null) {
        this.say(format(this.text.bad_digit, { count: digits.labels.length }));
      }
      this.digit = asked ?? this.digits.byLabel[7]?.[3] ?? 0;
      this.start();
    } else if (this.taken) this.take(this.taken.pixels, this.taken.name);
    else this.pick(this.digit, true);
  }

  // The first point: the one in the link, else the picked digit's own code.
  start() {
    introduce(this.run, null, this.digits.labels[this.digit]);
    this.run.tell(address.index("told", this.run.classes) ?? this.run.label);
    this.z = this.run.code(this.digit);
    const asked = readCode(address, this.run, this.z);
    if (asked.problem) this.say(format(this.text.bad_point, { count: this.run.latent }));
    else if (asked.value) this.z = asked.value;
    this.linked = Boolean(asked.value);
    this.draw();
  }

  /**
   * Choose a real digit: it is encoded here and its code becomes the point, unless one is kept.
   * @param {number} index
   * @param {boolean} quiet
   * @param {Float32Array | null} keep
   */
  pick(index, quiet = false, keep = null) {
    this.digit = index;
    this.taken = null;
    const image = this.digits.image(index);
    const { label } = this.run;
    introduce(this.run, image, this.digits.labels[index]);
    if (image) {
      this.#encode(image, format(this.text.input_digit, { label: this.digits.name(index) }));
    } else {
      this.input = this.posterior = null;
      this.own = this.run.code(index);
    }
    if (keep === null || !this.linked) this.z = this.own.slice();
    if (keep !== null) this.run.tell(label); // as the link says
    this.picks.forEach((button, label) =>
      button.setAttribute("aria-pressed", String(label === this.digits.labels[index])));
    this.draw();
    this.#tell("changed");
    if (!quiet) this.settle();
    else if (keep === null) address.set({ z: null });
  }

  /**
   * Take an image (pixels,) that is none of the digits: it is encoded and its code becomes the
   * point.
   * @param {Float32Array} pixels
   * @param {string} name
   */
  take(pixels, name) {
    this.taken = { pixels, name };
    this.ghost = null;
    introduce(this.run, pixels);
    this.#encode(pixels, name);
    this.z = this.own.slice();
    for (const button of this.picks) button.setAttribute("aria-pressed", "false");
    this.draw();
    this.#tell("changed");
  }

  #encode(image, name) {
    this.input = image;
    this.views.input.draw(image);
    this.posterior = this.run.encode(image);
    this.own = this.posterior.mean;
    this.part("input").setAttribute("aria-label", name);
  }

  /**
   * Lay the same codes out in another way.
   * @param {import("../engine/layouts.js").Layout} layout
   */
  lay(layout) {
    this.layout = layout;
    this.ghost = null;
    this.map.name(layout.axes, this.text);
    this.sliders.point(waysOf(layout, this.run));
    this.map.glide(layout.points, layout.extent());
    this.draw();
  }

  moveOnMap(point) {
    this.ghost = null;
    this.z = this.layout.toLatent(point, this.z);
    this.draw(point);
  }

  takeBack() {
    this.z = this.before;
    this.draw();
  }

  // Move along the map's plane and keep what z has beside it; where places stand for the nearest
  // digit, to that digit's code.
  shift(point) {
    const { layout } = this;
    const to = layout.toLatent(point, this.z);
    if (layout.linear) {
      const on = layout.toLatent(layout.toMap(this.z), this.z);
      this.z = this.z.map((value, k) => value + to[k] - on[k]);
    } else this.z = to;
    this.draw(point);
  }

  // Tell the networks another label than the image's own, at this code.
  tellLabel(label, z) {
    this.ghost = null;
    this.z = Float32Array.from(z);
    this.run.tell(label);
    this.draw();
    this.#tell("changed");
    this.settle();
  }

  preview(point) {
    if (!this.run) return;
    this.ghost = point;
    this.draw();
  }

  // A hand let go: the address bar says where it is.
  settle() {
    this.linked = true;
    const own = this.own && this.z.every((v, k) => Math.abs(v - this.own[k]) < 1e-4);
    address.set({
      digit: this.digit,
      told: this.run.label === this.run.introduced ? null : this.run.label,
      z: own && !this.taken ? null : writtenCode(this.run, this.z, this.run.code(this.digit)),
    });
  }

  get ready() {
    return Boolean(this.run);
  }

  // `cursor` is where on the map the hand is, if that is not just where z lies.
  draw(cursor = null) {
    const { run, text, layout } = this;
    this.cursor = layout.linear ? null : cursor;
    const shown = this.ghost ? layout.toLatent(this.ghost, this.z) : this.z;
    this.shown = shown;
    const output = run.decode(shown);
    this.views.output.draw(output);
    this.part("output").setAttribute("aria-label", format(text.decoded, { z: spelledCode(shown) }));
    const isOwn = this.input && !this.ghost && run.label === run.introduced &&
      shown.every((v, k) => v === this.own[k]);
    const score = this.part("score");
    if (isOwn) {
      score.innerHTML = format(text.score, {
        error: decimals(squaredError(output, this.input), 1),
        trivial: decimals(squaredError(this.digits.mean, this.input), 1),
      });
    } else {
      score.innerHTML = this.ghost ? text.previewing : text.moved;
    }
    const nearest = run.nearest(shown);
    const { points } = layout;
    const nearAt = [points[2 * nearest.index], points[2 * nearest.index + 1]];
    const at = this.ghost ?? this.cursor ?? layout.toMap(shown);
    /** @type {import("./map_view.js").Mark[]} */
    const marks = [{ at, to: nearAt, kind: this.ghost ? "ghost" : "point" }];
    if (this.own) {
      const sigma = layout.linear && this.rings && this.posterior?.sigma;
      marks.unshift({
        at: layout.toMap(this.own),
        kind: "input",
        rings: sigma ? posteriorRings(layout.toMap, this.own, sigma) : [],
      });
    }
    if (this.ghost) marks.push({ at: layout.toMap(this.z), kind: "point" });
    this.map.overlay(marks);
    this.nearest.show(nearest);
    this.sliders.show(shown, this.host.activeElement, this.own);
    this.#tell("drawn");
  }

  // Turn the knob from elsewhere than its slider.
  turn(value) {
    this.dial.turn(value);
    this.#followDial();
    this.dial.settle();
  }

  // After the knob moved: the map flows, and a point that stood at the input's code stays there.
  #followDial() {
    const { run } = this;
    const follows = this.own && this.z.every((v, k) => Math.abs(v - this.own[k]) < 1e-6);
    if (this.input) this.posterior = run.encode(this.input);
    this.own = this.posterior ? this.posterior.mean : run.code(this.digit);
    if (follows) this.z = this.own.slice();
    this.nearest.forget();
    this.replace();
    this.draw();
    this.#tell("changed");
  }

  // The codes changed: all points go where they now lie.
  replace() {
    this.layout.follow();
    this.map.move(this.layout.points);
  }
}
