// Two models under one pointer: the same digits on two maps, decoded side by side.

import { Digits, Run, squaredError } from "./engine.js";
import { DigitView, MapView, theme } from "./draw.js";
import { address, build, decimals, format, watchTheme } from "./page.js";

const SIDES = ["left", "right"];

export async function mount({ parentElement, data }) {
  const pad = new ComparePad(parentElement, data);
  await pad.load(data);
  return pad;
}

class ComparePad {
  constructor(host, data) {
    this.host = host;
    this.text = data.text;
    this.timings = []; // milliseconds from a hand's event to both drawn digits, the last 2,000
    this.mode = address.get("mode") === "place" ? "place" : "digit";
    this.#buildPage();
    this.stopWatching = watchTheme(this.root, () => this.recolour());
    host.latentPad = this;
  }

  destroy() {
    this.stopWatching();
    for (const side of SIDES) this.maps[side].destroy();
  }

  #buildPage() {
    const t = this.text;
    const output = (side) => `
      <figure class="answer ${side}"><canvas class="digit" data-part="output-${side}" role="img"
        aria-label="${t.loading}"></canvas>
        <figcaption><b data-part="name-${side}"></b><span data-part="score-${side}"></span>
        <span class="bar" aria-hidden="true"><i data-part="bar-${side}"></i></span></figcaption></figure>`;
    this.root = build(this.host, `
      <div class="pad compare" aria-busy="true">
        <div class="strip">
          ${output("left")}
          <figure class="truth"><canvas class="digit" data-part="real" role="img"
            aria-label="${t.real}"></canvas>
            <figcaption><b data-part="real-label">${t.real}</b><span data-part="trivial"></span>
            </figcaption></figure>
          ${output("right")}
        </div>
        <div class="bench">
          <div class="modes" role="group" aria-label="${t.mode}">
            ${["digit", "place"].map((mode) => `<button type="button" data-mode="${mode}"
              title="${t[`same_${mode}_help`]}">${t[`same_${mode}`]}</button>`).join("")}
          </div>
          <div class="picks" role="group" aria-label="${t.pick}"></div>
        </div>
        <div class="maps">
          ${SIDES.map((side) => `<section><h3 data-part="title-${side}"></h3>
            <div data-part="map-${side}"></div></section>`).join("")}
        </div>
        <p class="hint">${t.aligned}</p>
        <p class="message" data-part="message" role="status" aria-live="polite"></p>
      </div>`);
    this.part = (name) => this.root.querySelector(`[data-part="${name}"]`);
    this.views = { real: new DigitView(this.part("real")) };
    this.maps = {};
    for (const side of SIDES) {
      this.views[side] = new DigitView(this.part(`output-${side}`));
      this.maps[side] = new MapView(this.part(`map-${side}`), {
        label: t[`map_${side}`],
        onHover: (point) => this.#timed(() => this.#show(this.#target(side, point))),
        onLeave: () => this.runs && this.#show(this.pinned),
        onPress: (point) => this.#timed(() => this.pin(this.#target(side, point))),
        onRelease: () => this.settle(),
        onKey: ([dx, dy]) =>
          this.#timed(() => {
            const [x, y] = this.pinned.at[side];
            this.pin(this.#target(side, [x + dx, y + dy]));
            this.settleSoon();
          }),
      });
    }
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      button.addEventListener("click", () => {
        this.mode = button.dataset.mode;
        this.#showMode();
        this.pin(this.#digitTarget(this.digit));
        this.settle();
      });
    }
    const picks = this.root.querySelector(".picks");
    this.picks = Array.from({ length: 10 }, (_, label) => {
      const button = picks.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = label;
      button.setAttribute("aria-label", format(t.pick_one, { label }));
      button.addEventListener("click", () => {
        this.pin(this.#digitTarget(this.digits.random(label)));
        this.settle();
      });
      return button;
    });
    this.#showMode();
    this.recolour();
  }

  #showMode() {
    for (const button of this.root.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    }
  }

  recolour() {
    this.colours = theme(this.root);
    for (const view of Object.values(this.views)) view.recolour(this.colours);
    this.picks.forEach((button, label) =>
      button.style.setProperty("--hue", this.colours.palette[label]));
    for (const side of SIDES) this.maps[side].recolour(this.colours);
  }

  async update(data) {
    if (JSON.stringify(data) !== JSON.stringify(this.data)) await this.load(data);
    address.set({});
  }

  async load(data) {
    const first = !this.runs;
    this.wanted = data;
    const [left, right, digits] = await Promise.all([
      Run.load(data.left),
      Run.load(data.right),
      this.digits ?? Digits.load(data.digits),
    ]);
    if (this.wanted !== data) return; // others were asked for meanwhile
    if (data.text.real !== this.text.real) {
      this.text = data.text;
    }
    this.data = data;
    this.runs = { left, right };
    this.names = data.names;
    this.digits = digits;
    const frame = new Float32Array([...left.points, ...right.points]);
    for (const side of SIDES) {
      this.part(`name-${side}`).textContent = data.names[side];
      this.part(`title-${side}`).textContent = data.names[side];
      this.maps[side].show(this.runs[side].points, digits.labels, frame);
    }
    if (first) {
      this.digit = address.index("digit", digits.labels.length) ?? digits.byLabel[4][7];
      const at = address.vector("at", 2);
      if (at.problem) this.part("message").textContent = this.text.bad_place;
      this.pinned = this.mode === "place" && at.value
        ? this.#placeTarget(Array.from(at.value))
        : this.#digitTarget(this.digit);
    } else {
      this.pinned = this.#digitTarget(this.digit);
      address.set({ at: null });
    }
    this.#show(this.pinned);
    this.root.setAttribute("aria-busy", "false");
    await digits.arrived;
    if (this.wanted === data) this.#show(this.pinned);
  }

  #target(side, point) {
    if (this.mode === "place") return this.#placeTarget(point);
    const index = nearestPoint(this.runs[side].points, point);
    const target = this.#digitTarget(index);
    target.at = { ...target.at, [side]: point };
    return target;
  }

  // One real digit: each model decodes its own code of it.
  #digitTarget(index) {
    const at = {}, z = {};
    for (const side of SIDES) {
      const { points } = this.runs[side];
      at[side] = [points[2 * index], points[2 * index + 1]];
      z[side] = this.runs[side].code(index);
    }
    return { index, at, z, spot: { ...at } };
  }

  // One place of the aligned maps: each model decodes what lies exactly there.
  #placeTarget(point) {
    const at = { left: point, right: point };
    const z = { left: this.runs.left.toLatent(point), right: this.runs.right.toLatent(point) };
    return { index: null, at, z, spot: at };
  }

  pin(target) {
    this.pinned = target;
    if (target.index !== null) this.digit = target.index;
    this.#show(target);
  }

  settle() {
    const place = this.mode === "place" && this.pinned.index === null;
    address.set({
      digit: this.digit,
      mode: this.mode === "place" ? "place" : null,
      at: place ? this.pinned.at.left.map((v) => decimals(v, 3)).join(",") : null,
    });
  }

  settleSoon() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), 250);
  }

  #timed(work) {
    if (!this.runs) return;
    const started = performance.now();
    work();
    this.timings.push(performance.now() - started);
    if (this.timings.length > 2000) this.timings.shift();
  }

  #show(target) {
    const { text } = this;
    const real = target.index === null ? null : this.digits.image(target.index);
    const label = target.index === null ? null : this.digits.labels[target.index];
    const trivial = real && squaredError(this.digits.mean, real);
    for (const side of SIDES) {
      const output = this.runs[side].decode(target.z[side]);
      this.views[side].draw(output);
      const z = Array.from(target.z[side], (v) => decimals(v, 2)).join(", ");
      this.part(`output-${side}`).setAttribute(
        "aria-label", format(text.decoded_by, { model: this.names[side], z }));
      const error = real && squaredError(output, real);
      this.part(`score-${side}`).innerHTML = real
        ? format(text.error_of, { error: decimals(error, 1) })
        : `<small>${text.place_note}</small>`;
      this.part(`bar-${side}`).style.width = real ? `${Math.min(100, (100 * error) / trivial)}%` : "0";
      const spot = target.spot[side];
      const kind = target.index === null ? "point" : "input";
      const marks = [{ at: spot, kind }];
      const hand = target.at[side];
      if (hand !== spot) marks.unshift({ at: hand, to: spot, kind: "ghost" });
      this.maps[side].overlay(marks);
    }
    const canvas = this.part("real");
    canvas.style.opacity = target.index === null ? 0.15 : 1;
    if (real) this.views.real.draw(real);
    const name = label === null ? text.real : format(text.real_digit, { label });
    this.part("real-label").textContent = name;
    canvas.setAttribute("aria-label", name);
    this.part("trivial").textContent = real
      ? format(text.mean_digit, { trivial: decimals(trivial, 1) })
      : "";
    this.picks.forEach((button, i) => button.setAttribute("aria-pressed", String(i === label)));
  }
}

function nearestPoint(points, [x, y]) {
  let best = 0, least = Infinity;
  for (let i = 0; i < points.length; i += 2) {
    const d = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2;
    if (d < least) {
      least = d;
      best = i / 2;
    }
  }
  return best;
}
