// The latent map.

import { axisNames, Edges, roomFor } from "./map_axes.js";
import { drawMarks } from "./map_marks.js";
import { MapPaper } from "./map_paper.js";
import { letters } from "./page.js";
import { isStill, SHADES } from "./theme.js";

/**
 * @typedef {(place: [number, number], event: PointerEvent) => void} Hand
 *
 * @typedef {object} Mark
 * @property {number[]} [at]
 * @property {number[]} [to] The end of a thread from it.
 * @property {string} [kind]
 * @property {number[][][]} [rings]
 * @property {(context: CanvasRenderingContext2D, view: MapView) => void} [paint]
 */

const DIGITS = Array.from("0123456789");

// The latent map: the digits' codes drawn once, and above them whatever moves.
export class MapView {
  /**
   * @param {import("./page.js").Box} root
   * @param {{ label: string, onHover: Hand, onLeave: (event: PointerEvent) => void, onPress: Hand,
   *   onRelease: (event: PointerEvent) => void,
   *   onKey: (move: number[], event: KeyboardEvent) => void }} acts
   */
  constructor(root, { label, onHover, onLeave, onPress, onRelease, onKey }) {
    this.root = root;
    root.classList.add("map-view");
    this.base = root.appendChild(document.createElement("canvas"));
    this.base.getContext("2d", { willReadFrequently: true });
    this.top = root.appendChild(document.createElement("canvas"));
    this.base.setAttribute("aria-hidden", "true");
    this.top.tabIndex = 0;
    this.top.setAttribute("role", "application");
    this.top.setAttribute("aria-label", label);
    this.marks = [];
    this.paper = new MapPaper(this);
    this.edges = new Edges(this);
    /** @type {import("../engine/layouts.js").Axes | null} */
    this.axes = null;
    this.room = roomFor(null, 1);
    const at = (event) => {
      const box = this.top.getBoundingClientRect();
      return this.toMap(event.clientX - box.left, event.clientY - box.top);
    };
    this.top.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      event.preventDefault();
      this.top.focus({ preventScroll: true });
      this.top.setPointerCapture(event.pointerId);
      this.pressed = true;
      onPress(at(event), event);
    });
    this.top.addEventListener("pointermove", (event) => {
      if (!event.isPrimary) return;
      if (this.pressed) onPress(at(event), event);
      else if (event.pointerType === "mouse") onHover(at(event), event);
    });
    const release = (event) => {
      if (!this.pressed || !event.isPrimary) return;
      this.pressed = false;
      onRelease(event);
    };
    this.top.addEventListener("pointerup", release);
    this.top.addEventListener("pointercancel", release);
    this.top.addEventListener("pointerleave", (event) => this.pressed || onLeave(event));
    this.top.addEventListener("keydown", (event) => {
      const step = (event.shiftKey ? 0.1 : 0.02) * this.span;
      const move = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
      }[event.key];
      if (!move) return;
      event.preventDefault();
      onKey(move, event);
    });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(root);
  }

  destroy() {
    this.#rest();
    this.observer.disconnect();
  }

  /**
   * Draw points (x, y, x, y, …); the view holds all of `frame`, by default the points themselves.
   * `names` are those of the classes; of a label beyond them the point is grey and without a figure.
   * @param {Float32Array} points
   * @param {ArrayLike<number>} labels
   * @param {ArrayLike<number>} frame
   * @param {string[]} names
   */
  show(points, labels, frame = points, names = DIGITS) {
    this.#rest();
    this.points = points;
    this.labels = labels;
    this.names = names;
    this.frame(frame);
    this.resize(true);
  }

  /**
   * What the axes are, said before the points are shown; null for a map without any.
   * @param {import("../engine/layouts.js").Axes | null} axes
   * @param {import("./page.js").Texts} text
   */
  name(axes, text) {
    this.axes = axes;
    this.named = axes && axisNames(axes, text);
  }

  /** @param {import("./theme.js").Colours} colours */
  recolour(colours) {
    this.colours = colours;
    this.paper.paint();
    this.overlay();
  }

  /**
   * The points moved (the same array, or another of the same length); the view stays.
   * @param {Float32Array} points
   */
  move(points) {
    this.#rest();
    this.points = points;
    this.paper.paint();
  }

  /**
   * Other points, small and grey below the map's own; null for none.
   * @param {Float32Array | null} points
   */
  below(points) {
    this.others = points;
    this.paper.paint();
  }

  /**
   * Bring out some of the points, by a mask (count,) of ones and zeros; null for all alike.
   * @param {Uint8Array | null} mask
   */
  select(mask) {
    this.mask = mask;
    this.paper.paint();
  }

  /**
   * A closed path [[x, y], …] around some points, drawn below the marks; null for none.
   * @param {number[][] | null} path
   */
  outline(path) {
    this.path = path;
    this.overlay();
  }

  /**
   * Colour the points by a number each, from `low` to `high`, and make them larger with it; null
   * goes back to their classes.
   * @param {Float32Array | null} values
   * @param {number} [low]
   * @param {number} [high]
   */
  shadeBy(values, low, high) {
    this.shade = null;
    if (values) {
      const scale = (SHADES - 1) / (high - low || 1);
      const levels = Uint8Array.from(values, (value) =>
        Math.min(SHADES - 1, Math.max(0, Math.round((value - low) * scale))));
      const order = Uint32Array.from(levels.keys()).sort((a, b) => levels[a] - levels[b]);
      this.shade = { levels, order };
    }
    this.paper.paint();
  }

  /**
   * What lies under the points: {paint(context, view)} in screen pixels, or null.
   * @param {{ paint(context: CanvasRenderingContext2D, view: MapView): void } | null} backing
   */
  back(backing) {
    this.backing = backing;
    this.paper.paint();
  }

  /**
   * The same digits on another map: each point goes from its old place to its new one.
   * @param {Float32Array} points
   * @param {ArrayLike<number>} frame
   * @param {number} duration Milliseconds.
   */
  glide(points, frame, duration = 400) {
    this.#rest();
    const from = this.points?.slice();
    const start = { centre: this.centre, spans: this.spans };
    this.frame(frame);
    const end = { centre: this.centre, spans: this.spans };
    if (!this.width || from?.length !== points.length || isStill()) {
      this.points = points;
      this.resize(true);
      return;
    }
    const began = performance.now();
    const between = new Float32Array(points.length);
    const settle = () => {
      cancelAnimationFrame(this.gliding.frame);
      this.gliding = null;
      this.points = points;
      Object.assign(this, end);
      this.scale();
    };
    const step = (now) => {
      const time = Math.min(1, Math.max(0, now - began) / duration);
      const share = time * time * (3 - 2 * time);
      if (time === 1) settle();
      else {
        for (let i = 0; i < between.length; i++) between[i] = from[i] + share * (points[i] - from[i]);
        this.points = between;
        for (const name of ["centre", "spans"]) {
          this[name] = [0, 1].map((a) => start[name][a] + share * (end[name][a] - start[name][a]));
        }
        this.scale();
        this.gliding.frame = requestAnimationFrame(step);
      }
      this.paper.paint();
      this.overlay();
    };
    this.gliding = { settle };
    step(began);
  }

  // Whatever moves by itself is at its end.
  #rest() {
    this.gliding?.settle();
  }

  // View bounds: all but the outermost thousandth on each side, and a margin.
  frame(points) {
    const bounds = [0, 1].map((axis) => {
      const values = [];
      for (let i = axis; i < points.length; i += 2) values.push(points[i]);
      values.sort((a, b) => a - b);
      const cut = Math.floor(values.length * 0.001);
      return [values[cut], values[values.length - 1 - cut]];
    });
    const spans = bounds.map(([low, high]) => high - low);
    this.centre = bounds.map(([low, high]) => (low + high) / 2);
    this.spans = spans.map((span) => span * 1.08 || 1);
  }

  resize(force = false) {
    const width = this.root.clientWidth;
    const height = this.root.clientHeight;
    if (!width || !height) {
      if (force) this.width = this.height = 0; // not laid out: drawn when it is, whatever its size
      return;
    }
    if (!force && width === this.width && height === this.height) return;
    this.width = width;
    this.height = height;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.ratio = ratio; // canvas pixels for each pixel of the page
    this.letters = letters();
    this.grain = ratio * this.letters; // and for what is one pixel wide beside letters of the usual size
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    if (!this.points) return;
    this.scale();
    this.paper.paint();
    this.overlay();
  }

  // Where on the screen the map's places are.
  scale() {
    const { width, height, spans } = this;
    this.room = roomFor(this.axes, this.letters);
    const wide = width - this.room.left, tall = height - this.room.foot;
    this.middle = [this.room.left + wide / 2, tall / 2]; // where the centre is on the screen
    this.unit = Math.min(wide / spans[0], tall / spans[1]); // screen px per map unit
    this.span = Math.min(wide, tall) / this.unit;
  }

  /**
   * The map drawn anew on a canvas of its own, `ratio` pixels for each of its own, in any colours;
   * letters and points are `letters` times their usual size. It shows what the map shows, or `points`
   * of these labels within `frame`.
   * @param {{ colours: import("./theme.js").Colours, ratio: number, letters?: number, width?: number,
   *   height?: number, points?: Float32Array, frame?: ArrayLike<number> }} how
   * @returns {HTMLCanvasElement}
   */
  portrait({ colours, ratio, letters: size = 1, width = this.width, height = this.height, points, frame }) {
    const twin = Object.create(this);
    const canvas = () => Object.assign(document.createElement("canvas"), {
      width: Math.round(width * ratio), height: Math.round(height * ratio),
    });
    Object.assign(twin, {
      colours, ratio, width, height, letters: size, grain: ratio * size, base: canvas(), top: canvas(),
    });
    if (points) twin.points = points;
    if (frame) twin.frame(frame);
    for (const one of [twin.base, twin.top]) {
      one.getContext("2d", { willReadFrequently: true }).setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    twin.paper = new MapPaper(twin);
    twin.edges = new Edges(twin);
    twin.scale();
    twin.paper.paint();
    drawMarks(twin);
    const context = twin.base.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(twin.top, 0, 0);
    return twin.base;
  }

  /**
   * @param {number[]} place
   * @returns {[number, number]}
   */
  toScreen([x, y]) {
    return [
      this.middle[0] + (x - this.centre[0]) * this.unit,
      this.middle[1] - (y - this.centre[1]) * this.unit,
    ];
  }

  /**
   * @param {number} left
   * @param {number} top
   * @returns {[number, number]}
   */
  toMap(left, top) {
    return [
      this.centre[0] + (left - this.middle[0]) / this.unit,
      this.centre[1] - (top - this.middle[1]) / this.unit,
    ];
  }

  /**
   * Marks: {at, kind: "point" | "ghost" | "near" | "input", rings: [[x, y] path, …]}, or
   * {paint(context, view)} which draws itself.
   * @param {Mark[]} marks
   */
  overlay(marks = this.marks) {
    this.marks = marks;
    if (this.width && this.colours && this.points) drawMarks(this);
  }
}
