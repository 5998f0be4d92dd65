// The latent map.

import { isStill, rgb, SHADES, shadesOf } from "./theme.js";

const DIGITS = Array.from("0123456789");

// The latent map: the digits' codes drawn once, and above them whatever moves.
export class MapView {
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
    const at = (event) => {
      const box = this.top.getBoundingClientRect();
      return this.toMap(event.clientX - box.left, event.clientY - box.top);
    };
    this.top.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      this.top.focus({ preventScroll: true });
      this.top.setPointerCapture(event.pointerId);
      this.pressed = true;
      onPress(at(event), event);
    });
    this.top.addEventListener("pointermove", (event) => {
      if (this.pressed) onPress(at(event), event);
      else if (event.pointerType === "mouse") onHover(at(event), event);
    });
    const release = (event) => {
      if (!this.pressed) return;
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

  // Draw points (x, y, x, y, …); the view holds all of `frame`, by default the points themselves.
  // `names` are those of the classes; of a label beyond them the point is grey and without a figure.
  show(points, labels, frame = points, names = DIGITS) {
    this.#rest();
    this.points = points;
    this.labels = labels;
    this.names = names;
    this.#frame(frame);
    this.resize(true);
  }

  recolour(colours) {
    this.colours = colours;
    this.#paint();
    this.overlay();
  }

  // The points moved (the same array, or another of the same length); the view stays.
  move(points) {
    this.#rest();
    this.points = points;
    this.#paint();
  }

  // Other points, small and grey below the map's own; null for none.
  below(points) {
    this.others = points;
    this.#paint();
  }

  // Bring out some of the points, by a mask (count,) of ones and zeros; null for all alike.
  select(mask) {
    this.mask = mask;
    this.#paint();
  }

  // A closed path [[x, y], …] around some points, drawn below the marks; null for none.
  outline(path) {
    this.path = path;
    this.overlay();
  }

  // Colour the points by a number each, from `low` to `high`, and make them larger with it; null
  // goes back to their classes.
  shadeBy(values, low, high) {
    this.shade = null;
    if (values) {
      const scale = (SHADES - 1) / (high - low || 1);
      const levels = Uint8Array.from(values, (value) =>
        Math.min(SHADES - 1, Math.max(0, Math.round((value - low) * scale))));
      const order = Uint32Array.from(levels.keys()).sort((a, b) => levels[a] - levels[b]);
      this.shade = { levels, order };
    }
    this.#paint();
  }

  // What lies under the points: {paint(context, view)} in screen pixels, or null.
  back(backing) {
    this.backing = backing;
    this.#paint();
  }

  // The same digits on another map: each point goes from its old place to its new one.
  glide(points, frame, duration = 400) {
    this.#rest();
    const from = this.points?.slice();
    const start = { centre: this.centre, spans: this.spans };
    this.#frame(frame);
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
      this.#scale();
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
        this.#scale();
        this.gliding.frame = requestAnimationFrame(step);
      }
      this.#paint();
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
  #frame(points) {
    const bounds = [0, 1].map((axis) => {
      const values = [];
      for (let i = axis; i < points.length; i += 2) values.push(points[i]);
      values.sort((a, b) => a - b);
      const cut = Math.floor(values.length * 0.001);
      return [values[cut], values[values.length - 1 - cut]];
    });
    const spans = bounds.map(([low, high]) => high - low);
    this.centre = bounds.map(([low, high]) => (low + high) / 2);
    this.spans = spans.map((span) => span * 1.12 || 1);
  }

  resize(force = false) {
    const width = this.root.clientWidth;
    const height = this.root.clientHeight;
    if (!width || !height || (!force && width === this.width && height === this.height)) return;
    this.width = width;
    this.height = height;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    this.ratio = ratio;
    for (const canvas of [this.base, this.top]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    if (!this.points) return;
    this.#scale();
    this.#paint();
    this.overlay();
  }

  #scale() {
    const { width, height, spans } = this;
    this.unit = Math.min(width / spans[0], height / spans[1]); // screen px per map unit
    this.span = Math.min(width, height) / this.unit;
  }

  toScreen([x, y]) {
    return [
      this.width / 2 + (x - this.centre[0]) * this.unit,
      this.height / 2 - (y - this.centre[1]) * this.unit,
    ];
  }

  toMap(left, top) {
    return [
      this.centre[0] + (left - this.width / 2) / this.unit,
      this.centre[1] - (top - this.height / 2) / this.unit,
    ];
  }

  // All pixels of the base are written here, at once: paper, hatching, dots; then the glyphs, which
  // are drawn beforehand. That keeps 5,000 points within a frame while they all move.
  #paint() {
    if (!this.points || !this.colours || !this.width) return;
    this.#prepare();
    const { width, height } = this.base;
    this.screen = this.#onScreen(this.points, this.screen);
    this.lower = this.others && this.#onScreen(this.others, this.lower);
    const context = this.base.getContext("2d");
    this.#hatch();
    if (this.backing) {
      context.putImageData(this.image, 0, 0);
      context.save();
      this.backing.paint(context, this);
      context.restore();
      this.#holdPixels(context.getImageData(0, 0, width, height));
    }
    this.#dots();
    context.putImageData(this.image, 0, 0);
    if (this.shade) return;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.#glyphs(context);
    context.restore();
  }

  // Places of points in the base's own pixels, in an array that serves again if it fits.
  #onScreen(points, screen) {
    const found = screen?.length === points.length ? screen : new Float32Array(points.length);
    const unit = this.unit * this.ratio;
    const left = this.base.width / 2 - this.centre[0] * unit;
    const top = this.base.height / 2 + this.centre[1] * unit;
    for (let i = 0; i < found.length; i += 2) {
      found[i] = left + points[i] * unit;
      found[i + 1] = top - points[i + 1] * unit;
    }
    return found;
  }

  #holdPixels(image) {
    this.image = image;
    this.words = new Uint32Array(image.data.buffer);
  }

  // What depends on size and colours alone: the pixel buffer, the hatched paper, the glyphs.
  #prepare() {
    const { ratio, colours } = this;
    const { width, height } = this.base;
    const key = [width, height, ratio, colours.key, ...this.names].join(" ");
    if (this.prepared === key) return;
    this.prepared = key;
    this.#holdPixels(new ImageData(width, height));
    const side = Math.max(4, Math.round(8 * ratio));
    const tile = document.createElement("canvas");
    tile.width = tile.height = side;
    const pen = tile.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = colours.paper;
    pen.fillRect(0, 0, side, side);
    const plain = new Uint32Array(pen.getImageData(0, 0, 1, 1).data.buffer)[0];
    pen.scale(side / 8, side / 8);
    pen.strokeStyle = colours.ink;
    pen.globalAlpha = 0.16;
    pen.beginPath();
    for (const [x0, y0, x1, y1] of [[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]]) {
      pen.moveTo(x0, y0);
      pen.lineTo(x1, y1);
    }
    pen.stroke();
    const pattern = new Uint32Array(pen.getImageData(0, 0, side, side).data.buffer);
    this.plain = plain;
    this.hatched = new Uint32Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      const row = (y % side) * side;
      for (let x = 0; x < width; x++, i++) this.hatched[i] = pattern[row + (x % side)];
    }
    const hues = this.names.map((_, label) => colours.palette[label % colours.palette.length]);
    this.inks = hues.map((colour) => rgb(colour));
    this.plainInk = rgb(colours.ink);
    this.shades = shadesOf(colours);
    this.sprites = hues.map((colour, label) => {
      const figure = Array.from(this.names[label]).slice(0, 2).join("");
      const sprite = document.createElement("canvas");
      sprite.width = sprite.height = Math.ceil(20 * ratio);
      const brush = sprite.getContext("2d");
      brush.scale(ratio, ratio);
      brush.font = `700 12px ${colours.font}`;
      brush.textAlign = "center";
      brush.textBaseline = "middle";
      brush.lineWidth = 3;
      brush.lineJoin = "round";
      brush.strokeStyle = colours.paper;
      brush.strokeText(figure, 10, 10);
      brush.fillStyle = colour;
      brush.fillText(figure, 10, 10);
      return sprite;
    });
  }

  // Diagonal lines where no digit's code is near: what is decoded there is made up.
  #hatch() {
    const { words, plain } = this;
    const { width, height } = this.base;
    const cell = Math.max(1, Math.round(6 * this.ratio));
    const reach = 3;
    const columns = Math.ceil(width / cell);
    const rows = Math.ceil(height / cell);
    const wide = columns + 2 * reach; // room for a circle that hangs over the edge
    const held = new Uint8Array(wide * (rows + 2 * reach));
    const near = new Uint8Array(held.length);
    for (const screen of [this.screen, this.lower ?? []]) {
      for (let i = 0; i < screen.length; i += 2) {
        const c = Math.floor(screen[i] / cell) + reach;
        const r = Math.floor(screen[i + 1] / cell) + reach;
        if (c < reach || r < reach || c >= columns + reach || r >= rows + reach) continue;
        held[r * wide + c] = 1;
      }
    }
    for (let r = reach; r < rows + reach; r++) {
      for (let c = reach; c < columns + reach; c++) {
        if (!held[r * wide + c]) continue;
        for (let dr = -reach; dr <= reach; dr++) {
          const half = Math.floor(Math.sqrt(reach * reach - dr * dr));
          const from = (r + dr) * wide + c;
          near.fill(1, from - half, from + half + 1);
        }
      }
    }
    words.set(this.hatched);
    for (let r = 0; r < rows; r++) {
      const base = (r + reach) * wide + reach;
      const bottom = Math.min(height, (r + 1) * cell);
      for (let c = 0; c < columns; ) {
        if (!near[base + c]) {
          c++;
          continue;
        }
        let end = c;
        while (end < columns && near[base + end]) end++;
        const right = Math.min(width, end * cell);
        for (let y = r * cell; y < bottom; y++) words.fill(plain, y * width + c * cell, y * width + right);
        c = end;
      }
    }
  }

  // Each point as a square of 2.5 px, half transparent, blended into the pixels below it; of a
  // selection the others first, faint, and what is selected over them, larger and opaque.
  #dots() {
    if (this.lower) this.#specks();
    const opacity = this.lower || this.shade ? 0.85 : this.colours.dark ? 0.6 : 0.5;
    if (this.mask?.length !== this.labels.length) return this.#squares(2.5, opacity);
    this.#squares(2.5, 0.2 * opacity, 0);
    this.#squares(4, 0.95, 1);
  }

  #specks() {
    const { words, lower, plainInk } = this;
    const { width, height } = this.base;
    const side = Math.max(1, Math.round(this.ratio));
    for (let i = 0; i < lower.length; i += 2) {
      const left = Math.round(lower[i]), top = Math.round(lower[i + 1]);
      if (!(left >= 0 && top >= 0 && left + side < width && top + side < height)) continue;
      for (let y = top; y < top + side; y++) {
        for (let at = y * width + left; at < y * width + left + side; at++) {
          words[at] = [0, 8, 16].reduce((word, shift, c) => {
            const under = (words[at] >>> shift) & 255;
            return word | (Math.round(under + 0.3 * (plainInk[c] - under)) << shift);
          }, 0xff000000);
        }
      }
    }
  }

  #squares(side, opacity, chosen = null) {
    const { words, screen, labels, inks, plainInk, mask, shade, shades } = this;
    const { width, height } = this.base;
    const count = shade ? shade.order.length : labels.length;
    for (let n = 0; n < count; n++) {
      const i = shade ? shade.order[n] : n;
      if (chosen !== null && mask[i] !== chosen) continue;
      const half = (shade ? side * (0.7 + 1.1 * shade.levels[i] / SHADES) : side) / 2 * this.ratio;
      const left = screen[2 * i] - half, right = left + 2 * half;
      const top = screen[2 * i + 1] - half, bottom = top + 2 * half;
      if (!(left >= 0 && top >= 0 && right < width - 1 && bottom < height - 1)) continue;
      const ink = shade ? shades[shade.levels[i]] : inks[labels[i]] ?? plainInk;
      const red = ink[0], green = ink[1], blue = ink[2];
      for (let y = Math.floor(top); y < bottom; y++) {
        const tall = Math.min(y + 1, bottom) - Math.max(y, top);
        for (let x = Math.floor(left), at = y * width + x; x < right; x++, at++) {
          const share = opacity * tall * (Math.min(x + 1, right) - Math.max(x, left));
          const under = words[at];
          const r = under & 255, g = (under >> 8) & 255, b = (under >> 16) & 255;
          words[at] = 0xff000000 | ((b + share * (blue - b)) << 16) |
            ((g + share * (green - g)) << 8) | (r + share * (red - r));
        }
      }
    }
  }

  // Some points as figures, none so near another that they overlap; of a selection only its own.
  #glyphs(context) {
    const { screen, labels, sprites } = this;
    const mask = this.mask?.length === labels.length ? this.mask : null;
    const apart = 24 * this.ratio;
    const wide = Math.ceil(this.base.width / apart) + 4;
    const tall = Math.ceil(this.base.height / apart) + 4;
    const taken = new Uint8Array(wide * tall);
    const shift = Math.ceil(20 * this.ratio) / 2;
    for (let i = 0; i < labels.length; i++) {
      if ((mask && !mask[i]) || !sprites[labels[i]]) continue;
      const column = Math.round(screen[2 * i] / apart) + 1;
      const row = Math.round(screen[2 * i + 1] / apart) + 1;
      if (!(column >= 1 && row >= 1 && column < wide - 1 && row < tall - 1)) continue;
      const cell = row * wide + column;
      if (taken[cell] || taken[cell - 1] || taken[cell + 1] || taken[cell - wide] ||
        taken[cell + wide]) continue;
      taken[cell] = 1;
      context.drawImage(sprites[labels[i]],
        Math.round(screen[2 * i] - shift), Math.round(screen[2 * i + 1] - shift));
    }
  }

  // Marks: {at, kind: "point" | "ghost" | "near" | "input", rings: [[x, y] path, …]}, or
  // {paint(context, view)} which draws itself.
  overlay(marks = this.marks) {
    this.marks = marks;
    if (!this.width || !this.colours || !this.points) return;
    const context = this.top.getContext("2d");
    const { accent, ink, paper } = this.colours;
    context.clearRect(0, 0, this.width, this.height);
    if (this.path?.length > 1) {
      context.beginPath();
      this.path.forEach((p, i) => context[i ? "lineTo" : "moveTo"](...this.toScreen(p)));
      context.closePath();
      context.lineJoin = "round";
      for (const [colour, wide] of [[paper, 4], [ink, 1.5]]) {
        context.strokeStyle = colour;
        context.lineWidth = wide;
        context.stroke();
      }
    }
    for (const mark of marks) {
      if (mark.paint) {
        mark.paint(context, this);
        continue;
      }
      const [left, top] = this.toScreen(mark.at);
      for (const ring of mark.rings ?? []) {
        context.beginPath();
        ring.forEach((p, i) => context[i ? "lineTo" : "moveTo"](...this.toScreen(p)));
        context.closePath();
        context.strokeStyle = accent;
        context.lineWidth = 1.5;
        context.stroke();
        context.globalAlpha = 0.1;
        context.fillStyle = accent;
        context.fill();
        context.globalAlpha = 1;
      }
      if (mark.to) {
        context.beginPath();
        context.moveTo(left, top);
        context.lineTo(...this.toScreen(mark.to));
        context.strokeStyle = ink;
        context.globalAlpha = 0.5;
        context.lineWidth = 1;
        context.stroke();
        context.globalAlpha = 1;
      }
      context.beginPath();
      if (mark.kind === "point" || mark.kind === "ghost") {
        context.arc(left, top, 9, 0, 2 * Math.PI);
        context.fillStyle = mark.kind === "point" ? accent : "transparent";
        context.lineWidth = 5;
        context.strokeStyle = paper;
        context.stroke();
        context.fill();
        context.lineWidth = 2.5;
        context.strokeStyle = mark.kind === "point" ? paper : accent;
        context.stroke();
      } else {
        context.rect(left - 6, top - 6, 12, 12);
        context.lineWidth = 4;
        context.strokeStyle = paper;
        context.stroke();
        context.lineWidth = 2;
        context.strokeStyle = ink;
        context.stroke();
      }
    }
  }
}
