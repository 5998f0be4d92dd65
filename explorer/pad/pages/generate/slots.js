// Real digits to choose from: slots of which one is in hand, and ten buttons that put a digit of
// their class into it.

import { DigitView } from "../../parts/digit_view.js";
import { format } from "../../parts/page.js";

/**
 * Ten buttons, one for each class; `pick(label)`.
 * @param {import("../../parts/page.js").Box} box
 * @param {import("../../parts/page.js").Texts} text
 * @param {(label: number) => void} pick
 */
export function pickButtons(box, text, pick) {
  return Array.from({ length: 10 }, (_, label) => {
    const button = box.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = String(label);
    button.setAttribute("aria-label", format(text.pick_one, { label }));
    button.addEventListener("click", () => pick(label));
    return button;
  });
}

export class Slots {
  /**
   * `between` stands between the slots, such as minus and plus; `onSelect(slot)`.
   * @param {import("../../parts/page.js").Box} host
   * @param {{ label: string, between?: string | string[], onSelect: (slot: number) => void }} how
   */
  constructor(host, { label, between = "", onSelect }) {
    this.host = host;
    this.between = between;
    this.onSelect = onSelect;
    host.classList.add("slots");
    host.setAttribute("role", "radiogroup");
    host.setAttribute("aria-label", label);
    host.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      this.select((this.selected + way + this.slots.length) % this.slots.length, true);
    });
    this.slots = [];
    this.selected = 0;
  }

  // Slots of these names; what stood in them is forgotten.
  names(names) {
    this.host.innerHTML = "";
    this.slots = names.map((name, slot) => {
      if (slot) {
        const sign = this.host.appendChild(document.createElement("span"));
        sign.className = "sign";
        sign.setAttribute("aria-hidden", "true");
        sign.textContent = Array.isArray(this.between) ? this.between[slot - 1] : this.between;
      }
      const button = this.host.appendChild(document.createElement("button"));
      button.type = "button";
      button.setAttribute("role", "radio");
      button.dataset.slot = name;
      button.innerHTML = `<canvas class="digit small" aria-hidden="true"></canvas>
        <span><b>${name}</b> <small></small></span>`;
      button.addEventListener("click", () => this.select(slot));
      const view = new DigitView(button.querySelector("canvas"));
      if (this.colours) view.recolour(this.colours);
      return { name, button, view, says: button.querySelector("small") };
    });
    this.select(Math.min(this.selected, names.length - 1), false, true);
  }

  select(slot, focus = false, quiet = false) {
    this.selected = slot;
    this.slots.forEach(({ button }, i) => {
      button.setAttribute("aria-checked", String(i === slot));
      button.tabIndex = i === slot ? 0 : -1;
    });
    if (focus) this.slots[slot].button.focus();
    if (!quiet) this.onSelect(slot);
  }

  // Fill a slot with pixels and a few words.
  fill(slot, pixels, says) {
    const { view, button, name, says: line } = this.slots[slot];
    if (pixels) view.draw(pixels);
    line.textContent = says;
    button.setAttribute("aria-label", `${name}: ${says}`);
  }

  recolour(colours) {
    this.colours = colours;
    for (const { view } of this.slots) view.recolour(colours);
  }
}

/**
 * The slots' codes on the map, each by its name in a circle; the one in hand has a thick rim.
 * @param {number[][]} places
 * @param {string[]} names
 * @param {number} selected
 */
export function slotMark(places, names, selected) {
  return {
    paint(pen, view) {
      pen.save();
      pen.font = `700 ${15 * view.letters}px ${view.colours.font}`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      places.forEach((place, slot) => {
        const [left, top] = view.toScreen(place);
        pen.beginPath();
        pen.arc(left, top, 11 * view.letters, 0, 2 * Math.PI);
        pen.fillStyle = view.colours.paper;
        pen.fill();
        pen.lineWidth = slot === selected ? 3.5 : 1.5;
        pen.strokeStyle = view.colours.ink;
        pen.stroke();
        pen.fillStyle = view.colours.ink;
        pen.fillText(names[slot], left, top + 1);
      });
      pen.restore();
    },
  };
}
