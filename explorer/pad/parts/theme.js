// The page's colours, and what is made of them.

// Colours that people with any of the common colour-vision deficiencies can tell apart (after
// Paul Tol's qualitative schemes); the glyphs say the same without colour.
/**
 * @typedef {object} Colours
 * @property {string} paper
 * @property {string} ink
 * @property {string} accent
 * @property {string} panel
 * @property {string} font
 * @property {boolean} dark
 * @property {string[]} palette One for each of ten classes.
 * @property {string} key
 */

const LIGHT = ["#332288", "#0077BB", "#33A0A0", "#117733", "#7A7A00", "#B8860B", "#D55E00", "#CC3366",
  "#882255", "#666666"];

const DARK = ["#A99BFF", "#77CCFF", "#55D6C2", "#7FD67F", "#D6D65C", "#FFC857", "#FF9966", "#FF8FAB",
  "#E29BE2", "#C8C8C8"];

// Whether the system asks that nothing moves by itself.
export function isStill() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * @param {Element} element
 * @returns {Colours}
 */
export function theme(element) {
  const style = getComputedStyle(element);
  const get = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const paper = get("--st-background-color", "#ffffff");
  const dark = luminance(paper) < 0.4;
  return {
    paper,
    ink: get("--st-text-color", "#1a1a2e"),
    accent: get("--st-primary-color", "#2563eb"),
    panel: get("--st-secondary-background-color", "#f2f4f8"),
    font: get("--st-font", "sans-serif"),
    dark,
    palette: dark ? DARK : LIGHT,
    key: paper + dark,
  };
}

// The page's colours on its other side; `.streamlit/config.toml` has the same.
export const SIDES = {
  light: { paper: "#FFFFFF", ink: "#171B2E", accent: "#2F55D4", panel: "#F3F5FA" },
  dark: { paper: "#12151F", ink: "#EEF1FB", accent: "#8FA8FF", panel: "#1B2030" },
};

/**
 * The page's colours, light or dark whatever it shows.
 * @param {Element} element
 * @param {boolean} dark
 * @returns {Colours}
 */
export function side(element, dark) {
  const here = theme(element);
  if (here.dark === dark) return here;
  const there = SIDES[dark ? "dark" : "light"];
  return { ...here, ...there, dark, palette: dark ? DARK : LIGHT, key: there.paper + dark };
}

/**
 * Red, green, blue and alpha, 0 to 255, of any colour that CSS knows.
 * @param {string} colour
 */
export function rgb(colour) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

function luminance(colour) {
  const [r, g, b] = rgb(colour);
  return (0.299 * r + 0.587 * g + 0.114 * b) / 255;
}

/**
 * The 256 shades from paper to ink, each as one little-endian word.
 * @param {{ dark: boolean }} colours
 */
export function ramp({ dark }) {
  const paper = dark ? [22, 27, 38] : [255, 255, 255];
  const ink = dark ? [244, 246, 255] : [20, 24, 40];
  return Uint32Array.from({ length: 256 }, (_, v) => {
    const [r, g, b] = paper.map((p, c) => Math.round(p + ((ink[c] - p) * v) / 255));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

// Colours of small to large numbers, told apart by lightness alone too: [red, green, blue] each.
export const SHADES = 64;

const STOPS = {
  light: [[196, 208, 240], [64, 122, 204], [92, 12, 84]],
  dark: [[58, 70, 112], [84, 164, 240], [255, 236, 160]],
};

/** @param {{ dark: boolean }} colours */
export function shadesOf({ dark }) {
  const stops = dark ? STOPS.dark : STOPS.light;
  return Array.from({ length: SHADES }, (_, level) => {
    const at = (2 * level) / (SHADES - 1);
    const from = Math.min(1, Math.floor(at));
    return stops[from].map((c, i) => Math.round(c + (at - from) * (stops[from + 1][i] - c)));
  });
}

/**
 * Call `changed` when the page's colours become others; returns the way to stop.
 * @param {Element} element
 * @param {() => void} changed
 */
export function watchTheme(element, changed) {
  const key = () => getComputedStyle(element).getPropertyValue("--st-background-color");
  let last = key();
  const timer = setInterval(() => {
    const now = key();
    if (now === last) return;
    last = now;
    changed();
  }, 500);
  return () => clearInterval(timer);
}
