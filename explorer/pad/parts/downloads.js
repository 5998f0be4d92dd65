// Saving what a page shows: pictures, films, tables, drawings and decoders, each naming its run.
// Picture and table files are written by the server's libraries; downloads need no secure context.

import { inLanguage } from "../engine/fetching.js";
import { format } from "./page.js";
import { rgb, theme } from "./theme.js";

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
const SAVED = 6000; // milliseconds for which a sentence stays
const FAILED = 30000;
const PATIENCE = 200000; // milliseconds until nobody waits for it any longer

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
 * Pictures of one size, each shown for so many milliseconds, as a GIF that repeats.
 * @param {Picture[]} pictures
 * @param {number} milliseconds
 * @param {About} about
 */
export async function saveSequence(pictures, milliseconds, about) {
  const [{ width, height }] = pictures;
  const channels = channelsOf(pictures[0]);
  const query = { width, height, channels, frames: pictures.length, milliseconds };
  const pixels = new Blob(/** @type {BlobPart[]} */ (pictures.map((picture) => picture.pixels)));
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
 * An <svg> of the page as a file of its own: colours and fonts as they are computed here, on the
 * page's paper, with what is hidden left out and what it shows told in <title> and <metadata>.
 * @param {SVGElement} svg
 * @param {About} about
 */
export async function saveDrawing(svg, about) {
  const text = new XMLSerializer().serializeToString(drawing(svg, about));
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

/** @param {Partial<About>} about */
function told({ run = [], title = "" }) {
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

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["fill", "stroke", "stop-color", "flood-color"];

const STYLES = [
  "fill-opacity", "fill-rule", "stroke-opacity", "stroke-width", "stroke-dasharray",
  "stroke-dashoffset", "stroke-linecap", "stroke-linejoin", "opacity", "paint-order", "text-anchor",
  "dominant-baseline", "font-family", "font-size", "font-weight", "font-style",
  "font-variant-numeric", "letter-spacing", "image-rendering", "mix-blend-mode", "stop-opacity",
];

const KEPT = new Set([
  "d", "x", "y", "x1", "x2", "y1", "y2", "dx", "dy", "cx", "cy", "r", "rx", "ry", "width", "height",
  "points", "transform", "viewBox", "preserveAspectRatio", "id", "href", "offset", "gradientUnits",
  "gradientTransform", "patternUnits", "patternTransform", "markerWidth", "markerHeight", "refX",
  "refY", "orient", "clip-path", "mask", "textLength", "rotate", "pathLength",
]);

function drawing(svg, about) {
  const colours = theme(svg);
  const plain = new Map(); // a colour as CSS computes it → what any reader of SVG knows
  const style = getComputedStyle(svg);
  const box = svg.getBBox();
  const own = svg.viewBox.baseVal?.width ? svg.viewBox.baseVal : null;
  const width = svg.clientWidth || own?.width || box.width;
  const height = svg.clientHeight || own?.height || box.height;
  const inside = own ?? { x: 0, y: 0, width, height };
  const out = copy(svg, plain);
  // What stands over the edge is seen on the page, so it is in the file as well.
  const over = style.overflow === "visible";
  const left = over ? Math.min(inside.x, Math.floor(box.x)) : inside.x;
  const top = over ? Math.min(inside.y, Math.floor(box.y)) : inside.y;
  const right = Math.max(inside.x + inside.width, over ? Math.ceil(box.x + box.width) : 0);
  const foot = Math.max(inside.y + inside.height, over ? Math.ceil(box.y + box.height) : 0);
  out.setAttribute("viewBox", `${left} ${top} ${right - left} ${foot - top}`);
  out.setAttribute("width", ((right - left) * width) / inside.width);
  out.setAttribute("height", ((foot - top) * height) / inside.height);
  const [x, y, wide, tall] = out.getAttribute("viewBox").trim().split(/[\s,]+/);
  const paper = make("rect", { x, y, width: wide, height: tall, fill: hex(colours.paper, plain).colour });
  out.prepend(...notes(about), paper);
  return out;
}

function make(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

// A computed colour as #rrggbb and the alpha beside it.
function hex(colour, plain) {
  if (!plain.has(colour)) {
    const [r, g, b, alpha] = rgb(colour);
    const code = [r, g, b].map((part) => part.toString(16).padStart(2, "0")).join("");
    plain.set(colour, { colour: `#${code}`, alpha: alpha / 255 });
  }
  return plain.get(colour);
}

function copy(element, plain) {
  const style = getComputedStyle(element);
  const out = document.createElementNS(SVG, element.localName);
  for (const { name, value } of element.attributes) {
    if (KEPT.has(name) || name === "xlink:href") out.setAttribute(name.replace("xlink:", ""), value);
  }
  for (const name of STYLES) {
    const value = style.getPropertyValue(name);
    if (value) out.style.setProperty(name, value);
  }
  for (const name of COLOURS) {
    const value = style.getPropertyValue(name);
    if (!value || value === "none" || value.startsWith("url(")) {
      if (value) out.style.setProperty(name, value);
      continue;
    }
    const { colour, alpha } = hex(value, plain);
    out.style.setProperty(name, colour);
    const opacity = { "stop-color": "stop-opacity", "flood-color": "flood-opacity" }[name] ?? `${name}-opacity`;
    const own = Number(style.getPropertyValue(opacity) || 1);
    if (alpha < 1) out.style.setProperty(opacity, String(Number((own * alpha).toFixed(4))));
  }
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) out.appendChild(child.cloneNode());
    if (child.nodeType !== Node.ELEMENT_NODE || child.namespaceURI !== SVG) continue;
    const seen = getComputedStyle(child);
    const drawn = seen.display !== "none" && seen.visibility !== "hidden";
    if (drawn || ["title", "desc", "defs"].includes(child.localName)) {
      out.appendChild(copy(child, plain));
    }
  }
  return out;
}

// Title, description and Dublin Core metadata, which drawing programs show and keep.
function notes(about) {
  const { run, title, page } = told(about);
  const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
  const DC = "http://purl.org/dc/elements/1.1/";
  const metadata = make("metadata");
  const rdf = metadata.appendChild(document.createElementNS(RDF, "rdf:RDF"));
  const described = rdf.appendChild(document.createElementNS(RDF, "rdf:Description"));
  described.setAttributeNS(RDF, "rdf:about", "");
  const entries = [["title", title], ...run.map((id) => ["identifier", id]), ["source", page],
    ["creator", "Latent Explorer"]];
  for (const [name, value] of entries) {
    described.appendChild(document.createElementNS(DC, `dc:${name}`)).textContent = value;
  }
  return [make("title", {}, title), make("desc", {}, run.length ? `Run: ${run.join(" ")}` : title), metadata];
}

/**
 * A small button with a menu of what can be saved, appended to `root`.
 * items: [{label, save: async () => file name}]; text: the texts of [savespad].
 * @param {Element} root
 * @param {{ label: string, save: () => any }[]} items
 * @param {import("./page.js").Texts} text
 */
export function saveMenu(root, items, text) {
  const host = root.appendChild(document.createElement("div"));
  host.className = "saves";
  host.innerHTML = `<button type="button" class="opens" aria-haspopup="menu" aria-expanded="false">
    <span></span><svg viewBox="0 0 10 6" aria-hidden="true"><path d="M1 1l4 4 4-4"/></svg></button>
    <div class="menu" role="menu" hidden></div><p role="status"></p>`;
  const [opens, menu, status] = /** @type {any} */ (host.children);
  const caption = opens.firstElementChild;
  caption.textContent = text.save;
  menu.setAttribute("aria-label", text.save);
  let busy = false;
  let clearing = 0;

  const say = (sentence, failed = false) => {
    clearTimeout(clearing);
    status.textContent = sentence;
    status.classList.toggle("failed", failed);
    if (sentence) place(status, opens);
    if (sentence && !busy) clearing = setTimeout(() => say(""), failed ? FAILED : SAVED);
  };
  const outside = (event) => event.composedPath().includes(host) || close();
  const close = (back = false) => {
    menu.hidden = true;
    opens.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (back) opens.focus();
  };
  const open = (at) => {
    if (busy) return;
    say("");
    menu.hidden = false;
    opens.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside, true);
    place(menu, opens);
    entries.at(at).focus({ preventScroll: true });
  };
  const run = async (save) => {
    close(true);
    busy = true;
    opens.setAttribute("aria-busy", "true");
    opens.setAttribute("aria-disabled", "true");
    say(text.saving);
    let told, failed = false;
    try {
      told = format(text.saved, { file: await save() });
    } catch (error) {
      failed = true;
      told = error instanceof TypeError && /fetch|network/i.test(error.message)
        ? text.save_unreached
        : format(text.save_failed, { error: error.message });
    }
    busy = false;
    opens.removeAttribute("aria-busy");
    opens.removeAttribute("aria-disabled");
    say(told, failed);
  };
  const entries = items.map(({ label, save }) => {
    const entry = menu.appendChild(document.createElement("button"));
    entry.type = "button";
    entry.setAttribute("role", "menuitem");
    entry.tabIndex = -1;
    entry.textContent = label;
    entry.addEventListener("click", () => run(save));
    return entry;
  });

  status.addEventListener("click", () => busy || say(""));
  opens.addEventListener("click", () => (menu.hidden ? open(0) : close(true)));
  opens.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const at = { ArrowDown: 0, ArrowUp: -1 }[event.key];
    if (at === undefined) return;
    event.preventDefault();
    open(at);
  });
  menu.addEventListener("keydown", (/** @type {any} */ event) => {
    const now = entries.indexOf(event.target);
    const to = {
      ArrowDown: (now + 1) % entries.length, ArrowUp: (now - 1 + entries.length) % entries.length,
      Home: 0, End: entries.length - 1,
    }[event.key];
    if (event.key === "Escape") close(true);
    else if (event.key === "Tab") return close();
    else if (to === undefined) return;
    else entries[to].focus();
    event.preventDefault();
    event.stopPropagation(); // arrow keys here move nothing else
  });
  return { element: host, destroy: () => (close(), clearTimeout(clearing), host.remove()) };
}

// Below the button and within the window, above it where there is no room below.
function place(floating, opens) {
  floating.style.left = floating.style.top = "";
  const box = floating.getBoundingClientRect();
  const button = opens.getBoundingClientRect();
  const over = Math.max(0, box.right + 8 - document.documentElement.clientWidth);
  floating.style.left = `${-over}px`;
  const low = box.bottom + 8 > window.innerHeight && button.top > box.height;
  floating.style.top = low ? `${-box.height - 4}px` : `${button.height + 4}px`;
}
