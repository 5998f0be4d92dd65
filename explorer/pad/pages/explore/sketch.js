// Draw a digit by mouse, pen, finger or keys, and bring it into the frame of MNIST's digits.

import { clamp } from "../../engine/numbers.js";
import { centred, width } from "../../engine/strokes.js";
import { DigitView } from "../../parts/digit_view.js";
import { format } from "../../parts/page.js";
import { theme } from "../../parts/theme.js";

const BRUSH = 0.085; // diameter of the pen on the canvas, as a share of its side
const CLOSEST = 0.004; // points nearer than this share of the side are left out
const STEPS = { plain: 0.03, shifted: 0.1 }; // of the arrow keys, as shares of the side

// A canvas to draw on, with undo and clear, and small beside it what the network sees.
// `onStroke(pixels, {empty})` is told of each change, `onProblem(sentence)`
// of what is wrong with it ("" where nothing is).
export class Sketch {
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {{ text: import("../../parts/page.js").Texts, onStroke: (pixels: Float32Array, state: { empty: boolean }) => void,
   *   onProblem?: (sentence: string) => void }} acts
   */
  constructor(root, { text, onStroke, onProblem = () => {} }) {
    this.text = text;
    this.onStroke = onStroke;
    this.onProblem = onProblem;
    this.strokes = [];
    this.past = [];
    this.future = [];
    this.cursor = { x: 0.5, y: 0.5 };
    this.timings = []; // milliseconds from a pointer's event to the drawn digit, the last 2,000
    this.#build(root);
    this.recolour(theme(root));
  }

  #build(root) {
    const t = this.text;
    this.root = root.appendChild(document.createElement("div"));
    this.root.className = "sketch";
    this.root.innerHTML = `
      <div class="paper">
        <canvas tabindex="0" role="application" aria-label="${t.canvas}"
          aria-describedby="sketch-how"></canvas>
        <span class="pen" aria-hidden="true" hidden></span>
        <p class="start" aria-hidden="true">${t.start}</p>
      </div>
      <div class="beside">
        <figure><canvas class="digit small" role="img" aria-label="${t.seen}"></canvas>
          <figcaption>${t.seen}</figcaption></figure>
        <div class="buttons">
          <button type="button" data-action="undo" title="${t.undo_help}">${t.undo}</button>
          <button type="button" data-action="clear">${t.clear}</button>
        </div>
      </div>
      <p class="hint" id="sketch-how">${t.how}</p>
      <p class="said" role="status" aria-live="polite"></p>`;
    const find = (selector) => this.root.querySelector(selector);
    this.canvas = find(".paper canvas");
    this.pen = find(".pen");
    this.start = find(".start");
    this.said = find(".said");
    this.seen = new DigitView(find("canvas.digit"));
    this.buttons = { undo: find('[data-action="undo"]'), clear: find('[data-action="clear"]') };
    this.buttons.undo.addEventListener("click", () => this.undo());
    this.buttons.clear.addEventListener("click", () => this.clear());
    const listen = (name, act) => this.canvas.addEventListener(name, act);
    listen("pointerdown", (event) => this.#press(event));
    listen("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) listen(name, (event) => this.#lift(event));
    listen("keydown", (event) => this.#key(event));
    listen("blur", () => this.#penUp());
    listen("contextmenu", (event) => event.preventDefault());
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.canvas);
    this.#enable();
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.observer.disconnect();
    this.root.remove();
  }

  get empty() {
    return !this.strokes.length;
  }

  // 28 × 28 pixels in [0, 1] as the network sees the drawing.
  get pixels() {
    return centred(this.strokes);
  }

  clear() {
    if (this.empty) {
      this.onProblem(this.text.blank);
      return;
    }
    this.#remember();
    this.strokes = [];
    this.#changed();
  }

  undo() {
    this.#step(this.past, this.future);
  }

  redo() {
    this.#step(this.future, this.past);
  }

  #step(from, to) {
    this.#penUp();
    this.stroke = null;
    if (!from.length) return;
    to.push(this.strokes);
    this.strokes = from.pop();
    this.#changed();
  }

  // Show these strokes: lists of {x, y, pressure} in shares of the canvas's side.
  set(strokes) {
    this.#remember();
    this.strokes = strokes.map((stroke) =>
      stroke.map(({ x, y, pressure = 0.5 }) => ({ x, y, pressure })));
    this.#changed();
  }

  // The same at once, and as if nothing had been drawn before.
  put(strokes) {
    this.strokes = strokes;
    this.past = [];
    this.future = [];
    this.#paint();
    this.#enable();
    this.seen.draw(this.pixels);
  }

  recolour(colours) {
    this.colours = colours;
    this.seen.recolour(colours);
    this.#paint();
  }

  // The drawing as it was before a stroke can be had back.
  #remember() {
    this.past.push(this.strokes);
    if (this.past.length > 200) this.past.shift();
    this.future = [];
    this.strokes = this.strokes.slice();
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 0.5;
    return {
      x: clamp((event.clientX - box.left) / box.width, 0, 1),
      y: clamp((event.clientY - box.top) / box.height, 0, 1),
      pressure,
    };
  }

  #press(event) {
    if (event.button !== 0 || this.stroke) return;
    event.preventDefault();
    this.#penUp();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.#timed(() => this.#begin(this.#place(event)));
  }

  #move(event) {
    if (!this.stroke || event.pointerId !== this.pointer) return;
    this.#timed(() => {
      const between = event.getCoalescedEvents?.() ?? [];
      for (const one of between.length ? between : [event]) this.#extend(this.#place(one));
    });
  }

  #lift(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.stroke = null;
    this.#paint();
  }

  #begin(point) {
    this.#remember();
    this.stroke = [point];
    this.strokes.push(this.stroke);
    this.#drawn(this.stroke, 0);
    this.#enable();
  }

  #extend(point) {
    const last = this.stroke[this.stroke.length - 1];
    if (Math.hypot(point.x - last.x, point.y - last.y) < CLOSEST) return;
    this.stroke.push(point);
    this.#drawn(this.stroke, this.stroke.length - 1);
  }

  #key(event) {
    const { x, y } = this.cursor;
    const step = event.shiftKey ? STEPS.shifted : STEPS.plain;
    const way = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    }[event.key];
    const controlled = event.ctrlKey || event.metaKey;
    const letter = event.key.toLowerCase();
    if (controlled && letter === "z") (event.shiftKey ? this.redo() : this.undo());
    else if (controlled && letter === "y") this.redo();
    else if (way) {
      this.cursor = { x: clamp(x + way[0] * step, 0, 1), y: clamp(y + way[1] * step, 0, 1) };
      if (this.penIsDown) {
        this.#timed(() => this.#extend({ ...this.cursor, pressure: 0.5 }));
      }
      this.#showPen();
    } else if (event.key === " " || event.key === "Enter") {
      if (event.repeat) return event.preventDefault();
      if (this.penIsDown) this.#penUp();
      else {
        this.penIsDown = true;
        this.#timed(() => this.#begin({ ...this.cursor, pressure: 0.5 }));
        this.said.textContent = this.text.pen_down;
        this.#showPen();
      }
    } else if (event.key === "Escape" && this.penIsDown) this.#penUp();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #penUp() {
    if (this.penIsDown) {
      this.penIsDown = false;
      this.stroke = null;
      this.said.textContent = this.text.pen_up;
    }
    this.pen.hidden = true;
  }

  #showPen() {
    this.pen.hidden = false;
    this.pen.classList.toggle("down", Boolean(this.penIsDown));
    this.pen.style.left = `${100 * this.cursor.x}%`;
    this.pen.style.top = `${100 * this.cursor.y}%`;
    const where = [this.cursor.x, this.cursor.y].map((share) => Math.round(100 * share));
    this.canvas.setAttribute("aria-description",
      format(this.text.pen_at, { across: where[0], down: where[1] }));
  }

  // Draw and tell of it at once: a browser gives a pointer's moves once a frame.
  #timed(work) {
    const began = performance.now();
    work();
    this.#tell();
    this.timings.push(performance.now() - began);
    if (this.timings.length > 2000) this.timings.shift();
  }

  #tell() {
    const { empty } = this;
    const pixels = this.pixels;
    this.seen.draw(pixels);
    this.onProblem(empty ? this.text.blank : "");
    this.onStroke(pixels, { empty });
  }

  #changed() {
    this.#paint();
    this.#enable();
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#tell();
    });
  }

  #enable() {
    this.start.hidden = !this.empty;
    this.buttons.undo.disabled = !this.past.length;
    this.buttons.clear.disabled = this.empty;
  }

  #resize() {
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round(this.canvas.clientWidth * ratio);
    if (!side || this.canvas.width === side) return;
    this.canvas.width = this.canvas.height = side;
    this.#paint();
  }

  #paint() {
    if (!this.colours) return;
    const { width: side } = this.canvas;
    this.canvas.getContext("2d").clearRect(0, 0, side, side);
    for (const stroke of this.strokes) {
      stroke.forEach((_, i) => this.#drawn(stroke, i));
      this.#drawn(stroke, stroke.length);
    }
  }

  // The piece of a stroke that its point `i` adds: a curve between the middles of two segments;
  // i = length draws what is left to its end.
  #drawn(stroke, i) {
    const context = this.canvas.getContext("2d");
    const side = this.canvas.width;
    const point = stroke[Math.min(i, stroke.length - 1)];
    const before = stroke[Math.max(0, i - 1)];
    const first = stroke[Math.max(0, i - 2)];
    const middle = (a, b) => [((a.x + b.x) / 2) * side, ((a.y + b.y) / 2) * side];
    context.strokeStyle = this.colours.dark ? "rgb(244,246,255)" : "rgb(20,24,40)";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = BRUSH * side * ((width(point) + width(before)) / 2);
    context.beginPath();
    context.moveTo(...middle(first, before));
    if (i === stroke.length || !i) context.lineTo(point.x * side, point.y * side);
    else context.quadraticCurveTo(before.x * side, before.y * side, ...middle(before, point));
    context.stroke();
  }
}
