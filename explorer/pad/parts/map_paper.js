// What of a map lies still: hatched paper, the digits' codes as dots, some of them as figures.

import { rgb, SHADES, shadesOf } from "./theme.js";

export class MapPaper {
  /** @param {import("./map_view.js").MapView} view */
  constructor(view) {
    this.view = view;
  }

  // All pixels of the base are written here, at once: paper, hatching, dots; then the glyphs, which
  // are drawn beforehand. That keeps 5,000 points within a frame while they all move.
  paint() {
    const { view } = this;
    if (!view.points || !view.colours || !view.width) return;
    this.#prepare();
    const { width, height } = view.base;
    this.screen = this.#onScreen(view.points, this.screen);
    this.lower = view.others && this.#onScreen(view.others, this.lower);
    const context = view.base.getContext("2d");
    this.#hatch();
    if (view.backing) {
      context.putImageData(this.image, 0, 0);
      context.save();
      view.backing.paint(context, view);
      context.restore();
      this.#holdPixels(context.getImageData(0, 0, width, height));
    }
    this.#dots();
    context.putImageData(this.image, 0, 0);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (!view.shade) this.#glyphs(context);
    view.edges.paint(context);
    context.restore();
  }

  // Places of points in the base's own pixels, in an array that serves again if it fits.
  #onScreen(points, screen) {
    const found = screen?.length === points.length ? screen : new Float32Array(points.length);
    const { middle, centre, ratio } = this.view;
    const unit = this.view.unit * ratio;
    const left = middle[0] * ratio - centre[0] * unit;
    const top = middle[1] * ratio + centre[1] * unit;
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
    const { grain, colours, names } = this.view;
    const { width, height } = this.view.base;
    const key = [width, height, grain, colours.key, ...names].join(" ");
    if (this.prepared === key) return;
    this.prepared = key;
    this.#holdPixels(new ImageData(width, height));
    const side = Math.max(4, Math.round(8 * grain));
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
    const hues = names.map((_, label) => colours.palette[label % colours.palette.length]);
    this.inks = hues.map((colour) => rgb(colour));
    this.plainInk = rgb(colours.ink);
    this.shades = shadesOf(colours);
    this.sprites = hues.map((colour, label) => {
      const figure = Array.from(names[label]).slice(0, 2).join("");
      const sprite = document.createElement("canvas");
      sprite.width = sprite.height = Math.ceil(20 * grain);
      const brush = sprite.getContext("2d");
      brush.scale(grain, grain);
      brush.font = `700 13px ${colours.font}`;
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
    const { width, height } = this.view.base;
    const cell = Math.max(1, Math.round(6 * this.view.grain));
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
    const { colours, labels, mask, shade } = this.view;
    if (this.lower) this.#specks();
    const opacity = this.lower || shade ? 0.85 : colours.dark ? 0.6 : 0.5;
    if (mask?.length !== labels.length) return this.#squares(2.5, opacity);
    this.#squares(2.5, 0.2 * opacity, 0);
    this.#squares(4, 0.95, 1);
  }

  #specks() {
    const { words, lower, plainInk } = this;
    const { width, height } = this.view.base;
    const side = Math.max(1, Math.round(this.view.grain));
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
    const { words, screen, inks, plainInk, shades } = this;
    const { labels, mask, grain, shade } = this.view;
    const { width, height } = this.view.base;
    const count = shade ? shade.order.length : labels.length;
    for (let n = 0; n < count; n++) {
      const i = shade ? shade.order[n] : n;
      if (chosen !== null && mask[i] !== chosen) continue;
      const half = (shade ? side * (0.7 + 1.1 * shade.levels[i] / SHADES) : side) / 2 * grain;
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
    const { screen, sprites } = this;
    const { base, labels, grain } = this.view;
    const mask = this.view.mask?.length === labels.length ? this.view.mask : null;
    const apart = 24 * grain;
    const wide = Math.ceil(base.width / apart) + 4;
    const tall = Math.ceil(base.height / apart) + 4;
    const taken = new Uint8Array(wide * tall);
    const shift = Math.ceil(20 * grain) / 2;
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
}
