// The address bar.

// What of the pad's state is in the address bar. It is changed in place, so the server hears
// nothing of it until the page is loaded again.
export const address = {
  // Streamlit writes the server's parameters over the whole link, from a copy that knows nothing of
  // the pad's. So the pad's are held here, and written again with `set({})` after the server spoke.
  held: {},
  path: null,

  // On another page only the digit is carried along; points and knobs are each page's own.
  turnPage() {
    if (this.path === window.location.pathname) return;
    this.path = window.location.pathname;
    this.held = "digit" in this.held ? { digit: this.held.digit } : {};
  },

  /**
   * @param {string} name
   * @returns {string | null}
   */
  get(name) {
    this.turnPage();
    if (name in this.held) return this.held[name];
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

  /** @param {Record<string, any>} values */
  set(values) {
    this.turnPage();
    const url = new URL(window.location.href);
    for (const [name, value] of Object.entries(values)) {
      this.held[name] = value === null ? null : String(value);
    }
    for (const [name, value] of Object.entries(this.held)) {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    const search = url.searchParams.toString().replaceAll("%2C", ",");
    const next = url.pathname + (search ? `?${search}` : "") + url.hash;
    window.history.replaceState(window.history.state, "", next);
  },
};
