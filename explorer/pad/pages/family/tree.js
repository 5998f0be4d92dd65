// The drawn tree: members in rows, each beside or below the one that it comes from, and the edges
// between them. On a narrow page the same elements are an indented list.

import { escaped, format } from "../../parts/page.js";

/**
 * A member as the page tells it.
 * @typedef {object} Told
 * @property {string} name
 * @property {string} title
 * @property {string} adds What its edge says.
 * @property {string} parent Empty at a root.
 * @property {number} level
 * @property {number} row
 * @property {number} last Row of its last child.
 * @property {boolean} here Whether there is a card of it.
 * @property {string} [differs]
 * @property {string} [missing]
 * @property {boolean} [marked]
 * @property {string} [code]
 * @property {any} [run]
 */

export class Tree {
  /**
   * @param {HTMLElement} root
   * @param {Told[]} members From top to bottom.
   * @param {import("../../parts/page.js").Texts} text
   * @param {(name: string) => void} onOpen
   */
  constructor(root, members, text, onOpen) {
    this.root = root;
    this.members = members;
    const titles = new Map(members.map(({ name, title }) => [name, title]));
    const levels = 1 + Math.max(...members.map(({ level }) => level));
    root.style.gridTemplateColumns = ["auto", ...Array(levels - 1).fill("minmax(7rem, 1fr) auto")].join(" ");
    root.innerHTML = members.map((member, i) => this.#drawn(member, i, titles, text)).join("");
    /** @type {HTMLButtonElement[]} */
    this.items = [...root.querySelectorAll("button")];
    this.items.forEach((item, i) => {
      item.addEventListener("click", () => this.members[i].here && onOpen(this.members[i].name));
      item.addEventListener("focus", () => this.#reach(i));
    });
    root.addEventListener("keydown", (event) => this.#key(event));
    this.#reach(0);
  }

  #drawn(member, i, titles, text) {
    const { name, title, adds, parent, level, row, last, here } = member;
    const siblings = this.members.filter((other) => other.parent === parent);
    const said = format(text[parent ? `item${here ? "" : "_coming"}` : here ? "item_root" : "root_coming"],
      { title, adds, parent: titles.get(parent) });
    const first = siblings[0] === member ? " first" : "";
    const edge = parent
      ? `<span class="edge${first}${here ? "" : " coming"}" aria-hidden="true" style="grid-area: ${row + 1} / ${
        2 * level} / auto / auto"><span>${escaped(adds)}</span></span>`
      : "";
    const spine = last > row
      ? `<span class="spine" aria-hidden="true" style="grid-area: ${row + 1} / ${2 * level + 2} / ${
        last + 2} / auto"></span>`
      : "";
    return `${spine}${edge}<button type="button" role="treeitem" data-member="${escaped(name)}" tabindex="-1"
      aria-level="${level + 1}" aria-posinset="${siblings.indexOf(member) + 1}" aria-setsize="${siblings.length}"
      aria-selected="false" ${here ? "" : 'aria-disabled="true"'} aria-label="${escaped(said)}"
      style="grid-area: ${row + 1} / ${2 * level + 1}; --level: ${level}; --order: ${2 * i}"><small>${
      escaped(adds)}</small><b>${escaped(title)}</b></button>`;
  }

  // The one that the Tab key comes to.
  #reach(index) {
    this.items.forEach((item, i) => { item.tabIndex = i === index ? 0 : -1; });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = this.items.indexOf(/** @type {any} */ (event.target));
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const { name, parent } = this.members[at];
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      ArrowRight: this.members.findIndex((other) => other.parent === name),
      ArrowLeft: this.members.findIndex((other) => other.name === parent),
      Home: 0,
      End: this.items.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.items[to]?.focus();
  }

  /**
   * Mark the member whose card is open.
   * @param {string} name
   */
  choose(name) {
    this.members.forEach((member, i) => {
      this.items[i].setAttribute("aria-selected", String(member.name === name));
      if (member.name === name) this.#reach(i);
    });
  }
}
