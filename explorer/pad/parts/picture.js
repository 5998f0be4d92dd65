// Grey pictures of digits as they are saved: ink on paper in any colours, their pixels kept sharp.

import { clamp } from "../engine/numbers.js";
import { ramp } from "./theme.js";

const SHARP = 3; // times that a pixel is enlarged from where on uneven edges no longer show

/**
 * Grey bytes, 0 for paper and 255 for ink.
 * @typedef {{ width: number, height: number, pixels: Uint8Array }} Grey
 */

/**
 * Pixels in [0, 1] of a picture, by default a square, as a grey one.
 * @param {ArrayLike<number>} image
 * @param {number} width
 * @returns {Grey}
 */
export function greyPicture(image, width = Math.round(Math.sqrt(image.length))) {
  const pixels = Uint8Array.from(image, (v) => Math.round(255 * clamp(v, 0, 1)));
  return { width, height: image.length / width, pixels };
}

/**
 * A grey picture on a canvas, in the colours' ink on their paper.
 * @param {Grey} picture
 * @param {import("./theme.js").Colours} colours
 */
export function inked({ width, height, pixels }, colours) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const shades = ramp(colours);
  for (let i = 0; i < words.length; i++) words[i] = shades[pixels[i]];
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Draw small pixels large: each a square, none blurred. Where they grow by little, each is enlarged
 * by a whole number first, so that all of them look alike.
 * @param {CanvasRenderingContext2D} pen
 * @param {HTMLCanvasElement} source
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
export function sharp(pen, source, left, top, width, height) {
  const scale = (width * pen.getTransform().a) / source.width;
  let from = source;
  const even = Math.abs(scale - Math.round(scale)) < 0.01;
  pen.imageSmoothingEnabled = !even && scale < SHARP;
  pen.imageSmoothingQuality = "high";
  if (pen.imageSmoothingEnabled && scale > 1) {
    from = document.createElement("canvas");
    from.width = Math.ceil(scale) * source.width;
    from.height = Math.ceil(scale) * source.height;
    const large = from.getContext("2d");
    large.imageSmoothingEnabled = false;
    large.drawImage(source, 0, 0, from.width, from.height);
  }
  pen.drawImage(from, left, top, width, height);
}

/**
 * Grey pictures of one size in rows, for a slide: in their own pixels, `gap` of paper between.
 * @param {Grey[]} pictures
 * @param {number} columns
 * @param {number} gap
 */
export function tiled(pictures, columns, gap = 2) {
  const [{ width, height }] = pictures;
  const across = Math.min(columns, pictures.length);
  return {
    width: across * (width + gap) - gap,
    height: Math.ceil(pictures.length / across) * (height + gap) - gap,
    whole: true,
    paint(pen, colours) {
      const sheet = document.createElement("canvas");
      [sheet.width, sheet.height] = [this.width, this.height];
      const context = sheet.getContext("2d");
      context.fillStyle = colours.paper;
      context.fillRect(0, 0, sheet.width, sheet.height);
      pictures.forEach((picture, i) => context.drawImage(inked(picture, colours),
        (i % across) * (width + gap), Math.floor(i / across) * (height + gap)));
      sharp(pen, sheet, 0, 0, sheet.width, sheet.height);
    },
  };
}
