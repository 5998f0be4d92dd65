// Small things that every pad needs: text, numbers, the address bar, the theme.

export function build(host, html) {
  const old = host.querySelector(".pad");
  const holder = document.createElement("div");
  holder.innerHTML = html.trim();
  const root = holder.firstElementChild;
  if (old) old.replaceWith(root);
  else host.appendChild(root);
  return root;
}

export function format(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function decimals(value, digits) {
  return (Object.is(Number(value.toFixed(digits)), -0) ? 0 : value).toFixed(digits);
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

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

  get(name) {
    this.turnPage();
    if (name in this.held) return this.held[name];
    return new URLSearchParams(window.location.search).get(name);
  },

  // A whole number from 0 to below `count`, else null.
  index(name, count) {
    const text = this.get(name);
    const value = Number(text);
    return text !== null && /^\d{1,9}$/.test(text) && value < count ? value : null;
  },

  // `count` finite numbers joined by commas; {value: null} where there are none.
  vector(name, count) {
    const text = this.get(name);
    if (text === null) return { value: null };
    const value = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
    const good = value.length === count && value.every((v) => Number.isFinite(v) && Math.abs(v) <= 1e4);
    return good ? { value: Float32Array.from(value) } : { value: null, problem: true };
  },

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

// Headers of a request, with the page's language, in which the server then says what it refuses.
export function inLanguage(headers = {}) {
  const language = new URLSearchParams(window.location.search).get("lang");
  return language ? { ...headers, "Accept-Language": language } : headers;
}

// Resolves when the browser has shown what was drawn; in a tab that nobody sees, soon.
export function painted() {
  return new Promise((done) => {
    setTimeout(done, 100);
    requestAnimationFrame(() => setTimeout(done));
  });
}

// Call `changed` when the page's colours become others; returns the way to stop.
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
