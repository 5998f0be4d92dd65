// Saving what a page shows: pictures, films, tables, drawings and decoders, each naming its run.
// Picture and table files are written by the server's libraries; downloads need no secure context.

import { inLanguage } from "../engine/fetching.js";

/**
 * Grey where there are as many pixels as places, else red, green, blue (and alpha).
 * @typedef {{ width: number, height: number, pixels: Uint8Array | Uint8ClampedArray }} Picture
 *
 * What a file says of itself.
 * @typedef {{ name: string, run?: string | string[], title?: string }} About
 */

// Beside the modules' own route, however deep in its folders the linked module's address lies.
const ROUTE = new URL(import.meta.url.replace(/\/pad\/[0-9a-f]{16}\/.*$/, "/save/"));
const HEADERS = { "X-Latent-Visitor": "save" }; // which no form of another site can send
const AGAIN = 500; // milliseconds between questions whether a decoder is made
const PATIENCE = 200000; // milliseconds until nobody waits for it any longer

// Most that the server takes of a picture or a film; `explorer/downloads.py` has the same.
export const LARGEST_SIDE = 4096; // pixels
export const MOST_FRAMES = 600;
export const MOST_PIXELS = 32 * 2 ** 20; // bytes of a picture or of all frames
export const LARGEST_FRAME = 2 ** 19; // pixels of a film's picture

/**
 * A picture {width, height, pixels}: grey bytes (0 is black) or RGBA, as a PNG; gives its name.
 * @param {Picture} picture
 * @param {About} about
 */
export async function savePicture(picture, about) {
  const channels = channelsOf(picture);
  const query = { width: picture.width, height: picture.height, channels };
  return download(await post("png", query, about, picture.pixels), about, "png");
}

/**
 * A moving picture that repeats: frames of one size, each a byte for each pixel, which is one of the
 * colours that `palette` lists; each is shown for so many milliseconds, the first and the last for
 * `hold`; with `back` it goes back to its beginning the way it came.
 * @param {{ width: number, height: number, palette: string, milliseconds: number, hold: number,
 *   back: boolean }} film
 * @param {Uint8Array[]} frames
 * @param {About} about
 */
export async function saveSequence({ back, ...film }, frames, about) {
  const query = { ...film, channels: 1, frames: frames.length, back: Number(back) };
  const pixels = new Blob(/** @type {BlobPart[]} */ (frames));
  return download(await post("gif", query, about, pixels), about, "gif");
}

/**
 * Rows of numbers and texts under their columns' names as a CSV; a column `run` comes first.
 * @param {string[]} columns
 * @param {any[][]} rows
 * @param {About} about
 */
export async function saveTable(columns, rows, about) {
  const content = { columns, rows: rows.map((row) => Array.from(row)), ...told(about) };
  const answer = await fetch(new URL("csv", ROUTE), {
    method: "POST",
    headers: inLanguage({ ...HEADERS, "Content-Type": "application/json" }),
    body: JSON.stringify(content),
  });
  return download(await blobOf(answer), about, "csv");
}

/**
 * "decoder" or "encoder" of a run as ONNX; the server makes it the first time, within seconds.
 * @param {string} runId
 * @param {"encoder" | "decoder"} part
 * @param {object} about
 */
export async function saveDecoder(runId, part, about = {}) {
  const url = new URL(`onnx/${encodeURIComponent(runId)}/${part}`, ROUTE);
  for (const began = performance.now(); ; await new Promise((go) => setTimeout(go, AGAIN))) {
    const answer = await fetch(url, { headers: inLanguage(HEADERS) });
    if (answer.status === 202 && performance.now() - began < PATIENCE) continue;
    return download(await blobOf(answer), { name: `${runId}-${part}`, ...about }, "onnx");
  }
}

/**
 * A drawing as a file of its own.
 * @param {SVGElement} svg
 * @param {About} about
 */
export async function saveDrawing(svg, about) {
  const text = new XMLSerializer().serializeToString(svg);
  return download(new Blob([text], { type: "image/svg+xml" }), about, "svg");
}

/**
 * What a canvas shows, as `savePicture` takes it.
 * @param {HTMLCanvasElement} canvas
 */
export function canvasPicture(canvas) {
  const { width, height } = canvas;
  return { width, height, pixels: canvas.getContext("2d").getImageData(0, 0, width, height).data };
}

function channelsOf({ width, height, pixels }) {
  return pixels.length / (width * height);
}

/**
 * What a file tells of itself.
 * @param {Partial<About>} about
 */
export function told({ run = [], title = "" }) {
  const page = window.location.pathname + window.location.search;
  return { run: [run].flat(), title, page };
}

async function post(kind, query, about, body) {
  const url = new URL(kind, ROUTE);
  const { run, ...rest } = told(about);
  for (const [name, value] of Object.entries({ ...query, ...rest })) url.searchParams.set(name, value);
  for (const id of run) url.searchParams.append("run", id);
  return blobOf(await fetch(url, { method: "POST", headers: inLanguage(HEADERS), body }));
}

async function blobOf(answer) {
  if (answer.status !== 200) throw new Error(await answer.text());
  return answer.blob();
}

function download(blob, { name }, ending) {
  const link = document.createElement("a");
  link.download = `${String(name).replace(/[^\p{L}\p{N}._=-]+/gu, "-").slice(0, 100)}.${ending}`;
  link.href = URL.createObjectURL(blob);
  document.body.appendChild(link).click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return link.download;
}
