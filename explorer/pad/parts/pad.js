// What every pad is: elements on the page, texts, colours, how long a hand waits, and an end.

import { address } from "./address.js";
import { Chores } from "./chores.js";
import { build, worded } from "./page.js";
import { theme, watchTheme } from "./theme.js";

const TIMINGS = 2000; // that are kept
const REST = 250; // milliseconds after the last key, when the address bar is told
const SPEAK = 600; // and when what it changed is said aloud
const SILENT = ["Tab", "Shift", "Control", "Alt", "Meta"];

/**
 * What Streamlit gives a component: where it stands, what the page passes, and how to tell the page.
 * @typedef {object} Component
 * @property {any} parentElement
 * @property {any} data
 * @property {import("./address.js").Said} [page] What the page's address says.
 * @property {(name: string, value: any) => void} [setTriggerValue]
 */

export class Pad {
  /**
   * @param {Component} component
   * @param {string} handle By which tests find the pad on its element.
   */
  constructor({ parentElement, data, setTriggerValue, page }, handle = "latentPad") {
    address.open(page);
    this.host = parentElement;
    this.text = worded(data.text);
    this.tell = setTriggerValue;
    /** @type {number[]} */
    this.timings = []; // milliseconds from a hand's event to all that it changes, the last 2,000
    this.chores = new Chores();
    parentElement[handle] = this;
  }

  /**
   * Put the pad's elements on the page, in place of those that it had.
   * @param {string} html
   */
  build(html) {
    this.root = build(this.host, html);
    this.speaker = document.createElement("p");
    this.speaker.className = "spoken";
    this.speaker.setAttribute("role", "status");
    this.root.append(this.speaker);
    this.said = null;
    this.root.addEventListener("keydown", (/** @type {KeyboardEvent} */ { key }) => {
      if (!SILENT.includes(key)) this.#speakSoon();
    }, true); // before whoever acts on it
    this.stopWatching?.();
    this.stopWatching = watchTheme(this.root, () => this.recolour());
  }

  /**
   * The element that is named so by `data-part`.
   * @param {string} name
   * @returns {any}
   */
  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  // The page's colours are others.
  recolour() {
    this.colours = theme(this.root);
  }

  /**
   * Show what the page passed.
   * @param {any} data
   * @returns {any}
   */
  load(data) {
    this.data = data;
  }

  /**
   * The page passed other data, or the same again.
   * @param {any} data
   * @returns {any}
   */
  update(data) {
    return this.load(data);
  }

  /** @param {string} message */
  say(message) {
    this.part("message").textContent = message;
  }

  // Whether there is something that a hand may move.
  get ready() {
    return true;
  }

  /**
   * Do what a hand asks for, and keep how long it took.
   * @param {() => void} work
   * @param {number[]} timings
   */
  timed(work, timings = this.timings) {
    if (!this.ready) return;
    const started = performance.now();
    work();
    timings.push(performance.now() - started);
    if (timings.length > TIMINGS) timings.shift();
  }

  // A hand let go: the address bar says where it is.
  settle() {}

  settleSoon() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), REST);
  }

  /**
   * What is told of what a key changed, for those who do not see it.
   * @returns {string}
   */
  spoken() {
    return this.labels("[data-part=output], [data-part=near]");
  }

  /**
   * What pictures that are seen are called, long vectors in short.
   * @param {string} pictures A selector.
   */
  labels(pictures) {
    const seen = [...this.root.querySelectorAll(pictures)].filter((picture) => picture.offsetParent);
    return seen.map((picture) => picture.getAttribute("aria-label")).join(". ")
      .replace(/(\((?:[^,()]+,){3}[^,()]+),[^()]*\)/g, "$1, …)");
  }

  // A pointer's moves are not said, nor every key of many.
  #speakSoon() {
    this.said ??= this.spoken();
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => {
      const told = this.spoken();
      if (told !== this.said) this.speaker.textContent = told;
      this.said = null;
    }, SPEAK);
  }

  destroy() {
    clearTimeout(this.settling);
    this.chores.destroy();
    clearTimeout(this.speaking);
    this.stopWatching?.();
  }
}

/**
 * The way a page's module mounts its pad: `export const mount = mounting(SomePad);`
 * @template {{ load(data: any): any }} P
 * @param {new (component: Component) => P} kind
 */
export function mounting(kind) {
  return async (/** @type {Component} */ component) => {
    const pad = new kind(component);
    await pad.load(component.data);
    return pad;
  };
}
