// Small things that every pad needs: its root, text and numbers as they are written.

/**
 * Visible texts by key.
 * @typedef {Record<string, any>} Texts
 *
 * An element whose content this code wrote itself, and so knows.
 * @typedef {any} Box
 */

/**
 * Texts for whoever reads them: where a finger points, what is said for one (`…_touch`) is said.
 * @param {Texts} text
 * @returns {Texts}
 */
export function worded(text, coarse = window.matchMedia("(pointer: coarse)").matches) {
  if (!coarse) return text;
  const said = Object.entries(text).filter(([name]) => name.endsWith("_touch"));
  return { ...text, ...Object.fromEntries(said.map(([name, one]) => [name.slice(0, -6), one])) };
}

/**
 * @param {any} host
 * @param {string} html
 * @returns {any}
 */
export function build(host, html) {
  const old = host.querySelector(".pad");
  const holder = document.createElement("div");
  holder.innerHTML = html.trim();
  const root = holder.firstElementChild;
  if (old) old.replaceWith(root);
  else host.appendChild(root);
  return root;
}

/**
 * @param {string} text
 * @param {Record<string, any>} values
 */
export function format(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/**
 * @param {number} value
 * @param {number} digits
 */
export function decimals(value, digits) {
  return (Object.is(Number(value.toFixed(digits)), -0) ? 0 : value).toFixed(digits);
}

/**
 * A whole number, its digits grouped as the page's language groups them.
 * @param {number} value
 */
export function grouped(value) {
  return Math.round(value).toLocaleString(document.documentElement.lang || "en");
}

/**
 * Resolves when the browser has shown what was drawn; in a tab that nobody sees, soon.
 * @returns {Promise<void>}
 */
export function painted() {
  return new Promise((done) => {
    setTimeout(done, 100);
    requestAnimationFrame(() => setTimeout(done));
  });
}

/**
 * By how much the page's letters are larger than the usual 16 pixels: what is drawn in pixels, on a
 * canvas or in a chart, is larger by it too.
 */
export function letters() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
}

/** @param {any} text */
export function escaped(text) {
  return String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/**
 * A moment in which the browser has nothing better to do.
 * @returns {Promise<any>}
 */
export function idle() {
  return new Promise((done) =>
    window.requestIdleCallback ? window.requestIdleCallback(done, { timeout: 500 }) : setTimeout(done, 20));
}
