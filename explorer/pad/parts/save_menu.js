// The menu of what a page can save.

import { format } from "./page.js";
import { askHow } from "./save_dialog.js";

const SAVED = 6000; // milliseconds for which a sentence stays
const FAILED = 30000;
const LOOKS = 500; // milliseconds between looks at what can't be saved yet

/**
 * One thing that can be saved: a file that is made at once, whose name `save` gives, or a `figure`
 * that asks how it is to be saved. While there is none, `why` says so in a sentence, else nothing.
 * @typedef {object} Item
 * @property {string} label
 * @property {() => Promise<string>} [save]
 * @property {() => import("./slide.js").Figure} [figure]
 * @property {() => string | null | undefined | false} [why]
 */

/**
 * A small button with a menu of what can be saved, appended to `root`; text: the texts of [savespad].
 * @param {Element} root
 * @param {Item[]} items
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
  let clearing = 0, telling = 0;

  const say = (sentence, failed = false) => {
    clearTimeout(clearing);
    status.textContent = sentence;
    status.classList.toggle("failed", failed);
    if (sentence) place(status, opens);
    if (sentence && !busy) clearing = setTimeout(() => say(""), failed ? FAILED : SAVED);
  };
  const outside = (event) => event.composedPath().includes(host) || close();
  const close = (back = false) => {
    clearInterval(telling);
    menu.hidden = true;
    opens.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (back) opens.focus();
  };
  const open = (at) => {
    if (busy) return;
    say("");
    const tell = () => entries.forEach((entry) => entry.tell());
    tell();
    clearInterval(telling);
    telling = setInterval(tell, LOOKS);
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
  const entries = items.map(({ label, save, figure, why }, n) => {
    const entry = menu.appendChild(document.createElement("button"));
    entry.type = "button";
    entry.setAttribute("role", "menuitem");
    entry.tabIndex = -1;
    entry.textContent = label;
    entry.setAttribute("aria-label", label); // and why not, where it can't be saved, beside it
    entry.setAttribute("aria-describedby", `why-${n}`);
    const reason = document.createElement("small");
    reason.id = `why-${n}`;
    entry.addEventListener("click", async () => {
      tell();
      if (reason.isConnected) return;
      if (save) return run(save);
      close(true);
      const asked = await askHow(host, host.closest(".pad") ?? host, { label, figure: figure() }, text);
      opens.focus();
      if (asked) run(asked);
    });
    const tell = () => {
      reason.remove();
      reason.textContent = why?.() || "";
      if (reason.textContent) entry.append(reason);
      entry.setAttribute("aria-disabled", String(Boolean(reason.textContent)));
    };
    return Object.assign(entry, { tell });
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
