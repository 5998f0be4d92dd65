// A drawing as a short text, for the address bar.

import { clamp } from "./numbers.js";

/** @typedef {import("./strokes.js").Place} Place */

export const LONGEST = 6000; // letters of a text, about 2,200 points
const GRID = 1023; // steps across the canvas
const FINE = 63; // steps of pressure
const KIND = 1; // of what follows, should it ever be another

/**
 * The text of strokes: steps from point to point, of which a hand's are small. A drawing that would
 * be too long keeps every second point, as often as it takes.
 * @param {Place[][]} strokes
 * @returns {string}
 */
export function pack(strokes) {
  let kept = strokes.filter((stroke) => stroke.length);
  for (let tries = 0; tries < 12; tries++) {
    const packed = toText(bytesOf(kept));
    if (packed.length <= LONGEST) return packed;
    kept = kept.map((stroke) =>
      stroke.filter((_, i) => i % 2 === 0 || i === stroke.length - 1));
  }
  return "";
}

/**
 * The strokes of a text; null where it holds none, or is torn or too long.
 * @param {string} packed
 * @returns {Place[][] | null}
 */
export function unpack(packed) {
  if (packed.length > LONGEST || !/^[\w-]+$/.test(packed)) return null;
  const bytes = fromText(packed);
  if (!bytes || bytes[0] !== KIND) return null;
  let at = 1;
  const next = () => {
    let value = 0;
    for (let shift = 0; shift < 21; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return NaN;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    return NaN;
  };
  const step = () => {
    const value = next();
    return value & 1 ? -(value + 1) / 2 : value / 2;
  };
  const strokes = [];
  while (at < bytes.length) {
    const count = next();
    if (!(count >= 1 && count <= bytes.length)) return null;
    const now = { x: 0, y: 0, p: 0 };
    /** @type {Place[]} */
    const stroke = [];
    for (let i = 0; i < count; i++) {
      const moved = [step(), step(), step()];
      now.x += moved[0];
      now.y += moved[1];
      now.p += moved[2];
      const inside = now.x >= 0 && now.x <= GRID && now.y >= 0 && now.y <= GRID;
      if (at > bytes.length || !inside || !(now.p >= 0 && now.p <= FINE)) return null;
      stroke.push({ x: now.x / GRID, y: now.y / GRID, pressure: now.p / FINE });
    }
    strokes.push(stroke);
  }
  return strokes.length ? strokes : null;
}

/**
 * @param {Place[][]} strokes
 * @returns {number[]}
 */
function bytesOf(strokes) {
  const bytes = [KIND];
  const put = (value) => {
    for (; value > 127; value >>= 7) bytes.push((value & 127) | 128);
    bytes.push(value);
  };
  const step = (by) => put(by < 0 ? -2 * by - 1 : 2 * by);
  for (const stroke of strokes) {
    put(stroke.length);
    let before = [0, 0, 0];
    for (const { x, y, pressure } of stroke) {
      const now = [x * GRID, y * GRID, pressure * FINE].map((value, i) =>
        Math.round(clamp(value, 0, i < 2 ? GRID : FINE)));
      now.forEach((value, i) => step(value - before[i]));
      before = now;
    }
  }
  return bytes;
}

/** @param {number[]} bytes */
function toText(bytes) {
  const packed = btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""));
  return packed.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {string} packed
 * @returns {Uint8Array | null}
 */
function fromText(packed) {
  try {
    const bytes = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
  } catch {
    return null; // no such length
  }
}
