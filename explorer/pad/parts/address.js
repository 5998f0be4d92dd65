// The address bar: one entry of the browser's history a page, changed in place while it is shown.

/**
 * What the server knows of the page's address.
 * @typedef {object} Said
 * @property {Record<string, string>} [said] What it says.
 * @property {string[]} [gone] What it must no longer say.
 * @property {Record<string, string>} [hands] What its pads write by themselves, and of what it is: a
 *   point is of a run, a digit of a set of images.
 * @property {boolean} [moved] Whether somebody came by the menu, so that the pads begin with what
 *   those of earlier pages left of the same thing.
 */

/**
 * What every page's pads share, though each page's are one file of their own: which page this is,
 * what its address says, and what those before it left.
 * @typedef {{ path: string | null, said: Record<string, string>, hands: Record<string, string>,
 *   left: Record<string, { text: string, of: string }> }} Shared
 */

/** @returns {Shared} */
function shared() {
  const holder = /** @type {any} */ (window);
  holder.latentAddress ??= { path: null, said: {}, hands: {}, left: {} };
  return holder.latentAddress;
}

// The server says its part of the address (`pages/keeper.js`), a pad writes its own; the server hears
// of that when somebody comes by the address.
export const address = {
  /** @type {string | null} */
  path: null,

  /**
   * A pad is there: it writes on this page alone.
   * @param {Said} page
   */
  open({ said = {}, gone = [], hands = {}, moved = false } = {}) {
    const all = shared();
    this.path = window.location.pathname;
    if (all.path !== this.path) this.turn(all);
    Object.assign(all.hands, hands);
    const begin = moved ? Object.keys(hands).filter((name) =>
      this.get(name) === null && all.left[name]?.of === hands[name]) : [];
    this.set({
      ...Object.fromEntries(gone.map((name) => [name, null])),
      ...said,
      ...Object.fromEntries(begin.map((name) => [name, all.left[name].text])),
    });
  },

  /**
   * Another page: keep what the pads of the one before wrote.
   * @param {Shared} all
   */
  turn(all) {
    for (const [name, of] of Object.entries(all.hands)) {
      if (name in all.said) all.left[name] = { text: all.said[name], of };
      else if ("lang" in all.said) delete all.left[name];
    }
    Object.assign(all, { path: this.path, said: {}, hands: {} });
  },

  /**
   * What a pad of an earlier page wrote, once.
   * @param {string} name
   * @returns {string | null}
   */
  take(name) {
    const { left } = shared();
    const found = left[name]?.text ?? null;
    delete left[name];
    return found;
  },

  /**
   * @param {string} name
   * @returns {string | null}
   */
  get(name) {
    return new URLSearchParams(window.location.search).get(name);
  },

  /**
   * A whole number from 0 to below `count`, else null.
   * @param {string} name
   * @param {number} count
   */
  index(name, count) {
    const text = this.get(name);
    const value = Number(text);
    return text !== null && /^\d{1,9}$/.test(text) && value < count ? value : null;
  },

  /**
   * `count` finite numbers joined by commas; {value: null} where there are none.
   * @param {string} name
   * @param {number} count
   * @returns {{ value: Float32Array | null, problem?: boolean }}
   */
  vector(name, count) {
    const text = this.get(name);
    if (text === null) return { value: null };
    const value = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
    const good = value.length === count && value.every((v) => Number.isFinite(v) && Math.abs(v) <= 1e4);
    return good ? { value: Float32Array.from(value) } : { value: null, problem: true };
  },

  /**
   * Change parameters of the entry that is there; null takes one out. A pad whose page was left
   * meanwhile writes nothing.
   * @param {Record<string, any>} values
   */
  set(values) {
    const { pathname, search, hash } = window.location;
    if (pathname !== this.path) return;
    const parameters = new URLSearchParams(search);
    for (const [name, value] of Object.entries(values)) {
      if (value === null) parameters.delete(name);
      else parameters.set(name, String(value));
    }
    const text = parameters.toString().replaceAll("%2C", ",");
    const next = text ? `?${text}` : "";
    shared().said = Object.fromEntries(parameters);
    if (next !== search) window.history.replaceState(window.history.state, "", pathname + next + hash);
  },
};
