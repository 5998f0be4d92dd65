// Choosing points of a map by drawing around them: a closed path by hand, a box by the keyboard.

import { clamp } from "../engine/numbers.js";
import { box, fromText, FURTHEST, MOST, simplified, toText } from "../engine/polygon.js";

const LEAST = 5; // screen pixels below which a drag was a press
const STRAIGHT = 0.12; // share of its length by which a straight stroke may bend
const FACTOR = 1.15; // by which a key makes the path larger

// The tool on a MapView. While it is active a drag draws a path instead of moving the point (straight
// across for a box, around for any shape); with a path, arrows move it and shift with arrows makes it larger (right, up) or smaller (left, down)
// in that direction; without one, shift with an arrow makes a box. Escape, or a press without a
// drag, clears it. `onChange(path or null)` at every move; `onEnd(path or null)` once it rests: that
// path is exactly the one that its text gives back. `from()` is where the keyboard's box begins.
export class Lasso {
  #active = false;
  #polygon = null;

  /**
   * @param {import("./map_view.js").MapView} mapView
   * @param {{ onChange: (path: number[][] | null) => void, onEnd: (path: number[][] | null) => void,
   *   label: string, from?: () => number[] }} acts
   */
  constructor(mapView, { onChange, onEnd, label, from = () => mapView.centre }) {
    this.map = mapView;
    this.onChange = onChange;
    this.onEnd = onEnd;
    this.label = label;
    this.from = from;
    const { root, top } = mapView;
    const take = (event) => {
      event.preventDefault();
      event.stopPropagation();
    };
    const at = (event) => {
      const bounds = top.getBoundingClientRect();
      return [event.clientX - bounds.left, event.clientY - bounds.top];
    };
    const listen = (kind, work) => root.addEventListener(kind, work, true);
    listen("pointerdown", (event) => {
      if (!this.#active || event.button !== 0) return;
      take(event);
      top.focus({ preventScroll: true });
      top.setPointerCapture(event.pointerId);
      this.path = [at(event)];
    });
    listen("pointermove", (event) => {
      if (!this.path) return;
      take(event);
      const place = at(event);
      const last = this.path[this.path.length - 1];
      if (Math.hypot(place[0] - last[0], place[1] - last[1]) < 2) return;
      this.path.push(place);
      this.#draw(this.#shape(this.path));
    });
    const end = (event) => {
      if (!this.path) return;
      take(event);
      const { path } = this;
      this.path = null;
      const spread = Math.max(...[0, 1].map((axis) => {
        const values = path.map((place) => place[axis]);
        return Math.max(...values) - Math.min(...values);
      }));
      this.#finish(spread < LEAST ? null : this.#shape(path, true));
    };
    listen("pointerup", end);
    listen("pointercancel", end);
    listen("keydown", (event) => {
      if (event.key === "Escape" && this.#polygon) {
        take(event);
        clearTimeout(this.resting);
        this.#finish(null);
        return;
      }
      const sign = {
        ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
      }[event.key];
      if (!this.#active || !sign || !(event.shiftKey || this.#polygon)) return;
      take(event);
      this.#draw(this.#keyed(sign, event.shiftKey));
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.#finish(this.#polygon), 250);
    });
  }

  set active(active) {
    this.#active = active;
    if (active) {
      this.map.root.dataset.tool = "select";
      this.map.top.setAttribute("aria-description", this.label);
    } else {
      delete this.map.root.dataset.tool;
      this.map.top.removeAttribute("aria-description");
    }
  }

  get active() {
    return this.#active;
  }

  // The closed path in map coordinates [[x, y], …], or null. Setting it draws it and tells nobody.
  set polygon(polygon) {
    this.#polygon = polygon;
    this.map.outline(polygon);
  }

  get polygon() {
    return this.#polygon;
  }

  clear() {
    clearTimeout(this.resting);
    this.path = null;
    this.polygon = null;
  }

  #draw(polygon) {
    this.polygon = polygon;
    this.onChange(polygon);
  }

  #finish(polygon) {
    this.#draw(polygon && fromText(toText(polygon)));
    this.onEnd(this.#polygon);
  }

  // What was drawn, in map coordinates: a stroke straight across is a box; any other is the path
  // itself, at the end with few enough corners for a link.
  #shape(path, done = false) {
    const toMap = ([x, y]) => this.map.toMap(x, y);
    const first = path[0], last = path[path.length - 1];
    const wide = Math.hypot(last[0] - first[0], last[1] - first[1]);
    const ends = simplified(path, STRAIGHT * wide);
    if (ends.length === 2) {
      const [[x0, y0], [x1, y1]] = [toMap(first), toMap(last)];
      return box(x0, y0, x1, y1);
    }
    if (!done) return path.map(toMap);
    let found = path;
    for (let tolerance = 1; found === path || found.length > MOST; tolerance *= 1.5) {
      found = simplified([...path, first], tolerance).slice(0, -1);
    }
    return found.map(toMap);
  }

  #keyed(sign, grow) {
    const { span } = this.map;
    if (!this.#polygon) {
      const [x, y] = this.from();
      return box(x - 0.06 * span, y - 0.06 * span, x + 0.06 * span, y + 0.06 * span);
    }
    const centre = [0, 1].map((axis) => {
      const values = this.#polygon.map((place) => place[axis]);
      return (Math.min(...values) + Math.max(...values)) / 2;
    });
    return this.#polygon.map((place) => place.map((value, axis) => {
      const next = grow
        ? centre[axis] + (value - centre[axis]) * FACTOR ** sign[axis]
        : value + 0.02 * span * sign[axis];
      return clamp(next, -FURTHEST, FURTHEST);
    }));
  }
}
