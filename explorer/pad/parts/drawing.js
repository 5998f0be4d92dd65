// Charts as drawings of their own: what an <svg> of the page shows, without the page.

import { told } from "./downloads.js";
import { rgb } from "./theme.js";

export const SVG = "http://www.w3.org/2000/svg";
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

/**
 * What an <svg> of the page shows, as a group that needs nothing of the page: colours and fonts as
 * they are computed here, what is hidden left out; and the size of it.
 * @param {SVGSVGElement} svg
 */
export function copyOf(svg) {
  const style = getComputedStyle(svg);
  const box = svg.getBBox();
  const own = svg.viewBox.baseVal?.width ? svg.viewBox.baseVal : null;
  const inside = own ?? { x: 0, y: 0, width: svg.clientWidth || box.width, height: svg.clientHeight || box.height };
  // What stands over the edge is seen on the page, so it is in the file as well.
  const over = style.overflow === "visible";
  const left = over ? Math.min(inside.x, Math.floor(box.x)) : inside.x;
  const top = over ? Math.min(inside.y, Math.floor(box.y)) : inside.y;
  const right = Math.max(inside.x + inside.width, over ? Math.ceil(box.x + box.width) : 0);
  const foot = Math.max(inside.y + inside.height, over ? Math.ceil(box.y + box.height) : 0);
  const copied = copy(svg, new Map());
  const group = make("g", { transform: `translate(${-left} ${-top})` });
  group.style.cssText = copied.style.cssText;
  group.append(...copied.childNodes);
  return { group, width: right - left, height: foot - top };
}

/**
 * @param {string} name
 * @param {Record<string, any>} attributes
 */
export function make(name, attributes = {}, text = "") {
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

/**
 * Title, description and Dublin Core metadata, which drawing programs show and keep.
 * @param {import("./downloads.js").About} about
 */
export function notes(about) {
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
