// What a training looks like at one moment: the map, a grid of decoded digits, and the loss terms.

import { Curves } from "./curves.js";
import { DigitView } from "./digit_view.js";
import { MapView } from "./map_view.js";
import { format, grouped } from "./page.js";

/**
 * The browser keeps the visitor's name, so that a reload is the same visitor.
 * @param {string | null} visitor
 */
export function remember(visitor) {
  if (!visitor || /(^|; )latent_visitor=/.test(document.cookie)) return;
  document.cookie = `latent_visitor=${visitor}; path=/; max-age=31536000; SameSite=Lax`;
}

/**
 * A span of time in words: seconds below two minutes, else minutes.
 * @param {number} seconds
 * @param {import("./page.js").Texts} text
 */
export function span(seconds, text) {
  return seconds < 120
    ? format(text.seconds, { count: Math.max(1, Math.round(seconds)) })
    : format(text.minutes, { count: Math.round(seconds / 60) });
}

/**
 * Grey levels in [0, 1] of a picture, or of one part of it.
 * @param {ImageBitmap} bitmap
 * @param {number} top
 * @param {number} height
 */
export function greys(bitmap, top = 0, height = bitmap.height) {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, -top);
  const { data } = context.getImageData(0, 0, canvas.width, height);
  return Float32Array.from({ length: canvas.width * height }, (_, i) => data[4 * i] / 255);
}

export class Stage {
  /**
   * @param {import("./page.js").Box} root
   * @param {import("./page.js").Texts} text
   * @param {string} unit
   */
  constructor(root, text, unit) {
    this.root = root;
    this.text = text;
    root.classList.add("stage");
    root.innerHTML = `
      <div class="where"><h3 data-part="map-title"></h3><div data-part="map"></div></div>
      <div class="what"><h3>${text.live_grid}</h3>
        <canvas class="digit sheet" data-part="grid" role="img" aria-label="${text.loading}"></canvas>
      </div>
      <div class="terms" data-part="curves"></div>`;
    const part = (name) => root.querySelector(`[data-part="${name}"]`);
    const nothing = () => {};
    this.map = new MapView(part("map"), {
      label: text.map, onHover: nothing, onLeave: nothing, onPress: nothing,
      onRelease: nothing, onKey: nothing,
    });
    this.map.top.tabIndex = -1; // there is nothing to steer
    this.map.top.setAttribute("role", "img");
    this.grid = part("grid");
    this.title = part("map-title");
    this.curves = new Curves(part("curves"), { names: text, unit });
  }

  destroy() {
    this.map.destroy();
  }

  /** @param {import("./theme.js").Colours} colours */
  recolour(colours) {
    this.colours = colours;
    this.map.recolour(colours);
    this.view?.recolour(colours);
  }

  /**
   * The digits' codes (x, y, x, y, …) within `reach`; they glide there, or jump. They are the last
   * ones of those with `labels`.
   * @param {Float32Array} points
   * @param {Uint8Array} labels
   * @param {number[]} reach
   * @param {number} glide Milliseconds, or 0.
   * @param {string[]} [names] Of the classes.
   */
  points(points, labels, reach, glide, names) {
    const frame = Float32Array.from(reach);
    if (!this.map.points || this.map.points.length !== points.length) {
      this.map.show(points, labels.subarray(labels.length - points.length / 2), frame, names);
      this.map.recolour(this.colours);
      this.title.textContent = format(this.text.live_map, { count: grouped(points.length / 2) });
    } else if (glide || reach.some((edge, i) => edge !== this.reach[i])) {
      this.map.glide(points, frame, glide || 1);
    } else this.map.move(points);
    this.reach = reach;
  }

  /**
   * The decoded grid, `pixels` in [0, 1] of a square picture, after so many samples.
   * @param {ArrayLike<number>} pixels
   * @param {number} samples
   */
  sheet(pixels, samples) {
    const side = Math.round(Math.sqrt(pixels.length));
    if (this.view?.image.width !== side) {
      this.view = new DigitView(this.grid, side);
      this.view.recolour(this.colours);
    }
    this.view.draw(pixels);
    this.grid.setAttribute(
      "aria-label", format(this.text.grid_after, { samples: grouped(samples) }));
  }
}
