// A code in words and in a link. Of a wide one neither says all numbers: in words the largest stand,
// in a link those in which it differs from the picked digit's own code, or where on the map it lies.
// Of one that is made of entries of a codebook a link says these.

import { lookUp, nearestEntries } from "../engine/codebook.js";
import { WIDE } from "../engine/run.js";
import { decimals } from "./page.js";

const NAMED = 8; // numbers of a wide code in words
const CHANGED = 40; // of it in a link
const SAME = 1e-4;

/**
 * A code's numbers in words.
 * @param {ArrayLike<number>} z
 * @param {number} [places] Of each number.
 */
export function spelledCode(z, places = 2) {
  const all = Array.from(z);
  if (all.length <= WIDE) return all.map((v) => decimals(v, places)).join(", ");
  return all.map((_, k) => k).sort((a, b) => Math.abs(all[b]) - Math.abs(all[a])).slice(0, NAMED)
    .filter((k) => all[k] !== 0).map((k) => `z${k + 1} = ${decimals(all[k], places)}`).join(", ");
}

/**
 * A code as a link says it: its numbers; of a wide one `unit:number` where it differs from the
 * picked digit's `own`, or `@x,y`, its place on the map; null where neither says it. Of entries of a
 * codebook `e` and their numbers, from 0 on, joined by dots.
 * @param {import("../engine/run.js").Run} run
 * @param {Float32Array} z
 * @param {Float32Array} own
 * @returns {string | null}
 */
export function writtenCode(run, z, own) {
  const { book } = run;
  if (book) return `e${nearestEntries(book.data, book.length, z).join(".")}`;
  if (!run.wide) return Array.from(z, (v) => decimals(v, 3)).join(",");
  const changed = Array.from(z.keys()).filter((k) => Math.abs(z[k] - own[k]) > SAME);
  if (!changed.length) return null;
  if (changed.length <= CHANGED) return changed.map((k) => `${k + 1}:${decimals(z[k], 3)}`).join(",");
  const place = run.toMap(z);
  const lies = run.toLatent(place).every((v, k) => Math.abs(v - z[k]) < 10 * SAME);
  return lies ? `@${place.map((v) => decimals(v, 4)).join(",")}` : null;
}

/**
 * The code in a link, as `writtenCode` says it.
 * @param {typeof import("./address.js").address} address
 * @param {import("../engine/run.js").Run} run
 * @param {Float32Array} own
 * @returns {{ value: Float32Array | null, problem?: boolean }}
 */
export function readCode(address, run, own) {
  const text = run.wide || run.book ? address.get("z") : null;
  if (text === null) return address.vector("z", run.latent);
  const wrong = { value: null, problem: true };
  if (run.book) {
    const { data, length, places, entries } = run.book;
    const index = text.slice(1).split(".", places + 1).map((part) => /^\d{1,5}$/.test(part) ? Number(part) : NaN);
    const fits = text.startsWith("e") && index.length === places && index.every((e) => e < entries);
    return fits ? { value: lookUp(data, length, index) } : wrong;
  }
  const number = (/** @type {string} */ part) => (part.trim() ? Number(part) : NaN);
  const good = (/** @type {number} */ v) => Number.isFinite(v) && Math.abs(v) <= 1e4;
  if (text.startsWith("@")) {
    const place = text.slice(1).split(",").map(number);
    return place.length === 2 && place.every(good) ? { value: run.toLatent(place) } : wrong;
  }
  const value = Float32Array.from(own);
  const parts = text.split(",", CHANGED + 1);
  for (const part of parts) {
    const [, unit, put] = /^(\d{1,5}):([^:]+)$/.exec(part) ?? [];
    const k = Number(unit) - 1, v = number(put ?? "");
    if (!(k >= 0 && k < value.length) || !good(v)) return wrong;
    value[k] = v;
  }
  return parts.length <= CHANGED ? { value } : wrong;
}
