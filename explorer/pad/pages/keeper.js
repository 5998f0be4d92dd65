// Keeps the address bar and the document as the server says; shows nothing itself. The document
// itself asks for it before all else, so that it can say where the server is.

import { address } from "../parts/address.js";

// Streamlit's code would look for its server below the page's address first.
const home = import.meta.url.replace(/latent\/pad\/[0-9a-f]{16}\/.*$/, "");
Object.assign(window, { __streamlit: { BACKEND_BASE_URL: home, MAIN_PAGE_BASE_URL: home } });

const PADS = '[class*="st-key-pad-"]';
const LATEST = 300; // milliseconds from a drawn page until its pads have places, if it has any
const LONGEST = 20000; // milliseconds from a drawn page until a pad counts as one that never comes
document.documentElement.dataset.arriving = ""; // until the page's first pad is there

function arrived() {
  delete document.documentElement.dataset.arriving;
}

/**
 * What a keyboard should come to first, of the page or of a pad in it: its map, else whatever it
 * can be used by.
 * @returns {HTMLElement | null}
 */
function first() {
  /** @type {ParentNode[]} */
  const places = [...document.querySelectorAll(".stMain *")]
    .flatMap((element) => (element.shadowRoot ? [element.shadowRoot] : []));
  for (const wanted of ['.map-view [tabindex="0"]', ".pad :is(input, button):not([disabled])"]) {
    for (const place of places) {
      const found = [...place.querySelectorAll(wanted)].find((one) => one.getClientRects().length);
      if (found instanceof HTMLElement) return found;
    }
  }
  return document.querySelector(".stMain :is(input, button, a)");
}

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element) || !event.target.closest(".past-menu")) return;
  event.preventDefault();
  const found = first();
  found?.focus();
  found?.scrollIntoView({ block: "nearest" });
});

class Keeper {
  /** @param {any} component */
  constructor({ setTriggerValue }) {
    this.tell = setTriggerValue;
  }

  /** @param {import("../parts/address.js").Said & { language: string, past: string }} data */
  update(data) {
    document.documentElement.lang = data.language;
    this.#show(window.location.pathname);
    this.#reach();
    const link = document.querySelector(".past-menu");
    if (link) link.textContent = data.past;
    address.open(data);
    setTimeout(() => document.querySelector(PADS) || arrived(), LATEST);
    setTimeout(arrived, LONGEST);
    if (!data.said?.k) return;
    const k = "k" in (data.hands ?? {}) ? null : address.take("k"); // of a pad that picks K by itself
    if (data.moved && k && k !== data.said.k) this.tell("left", { k });
  }

  // What is wider than a phone can be moved by keys too.
  #reach() {
    for (const box of document.querySelectorAll('.stMain [class*="st-key-wide-"]')) {
      const heads = [...document.querySelectorAll(".stMain h2")].filter((head) =>
        head.compareDocumentPosition(box) & Node.DOCUMENT_POSITION_FOLLOWING);
      if (!(box instanceof HTMLElement)) continue;
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", heads.at(-1)?.textContent ?? "");
    }
  }

  // On a phone the row of pages may be wider than the screen: this one's name is in it.
  #show(path) {
    if (path === this.path) return;
    this.path = path;
    document.querySelector('[data-testid="stSidebarNavLink"][aria-current]')
      ?.scrollIntoView({ inline: "center", block: "nearest" });
  }

  destroy() {}
}

/** @param {{ data: any }} component */
export function mount(component) {
  const keeper = new Keeper(component);
  keeper.update(component.data);
  return keeper;
}
