// Traversals: one row for each latent dimension, decoded from low to high with the rest of z held
// where it is; rows sorted by what their dimension carries.

import { variances } from "../../engine/arithmetic.js";
import { active, LEAST_NATS } from "../../engine/knots.js";
import { clamp, squaredError } from "../../engine/numbers.js";
import { saveTable } from "../../parts/downloads.js";
import { montage } from "../../parts/montage.js";
import { decimals, format } from "../../parts/page.js";
import { tiled } from "../../parts/picture.js";
import { Sheet } from "../../parts/sheet.js";
import { pickButtons } from "./slots.js";

export const STEPS = 11;
const ROWS = 24; // of a wide code, those that carry most

export class Traverse {
  /**
   * @param {import("../generate.js").GeneratePad} pad
   * @param {import("../../parts/page.js").Box} root
   */
  constructor(pad, root) {
    this.pad = pad;
    const { text } = pad;
    root.innerHTML = `
      <p class="lead">${text.try_traverse}</p>
      <p class="formula">${text.formula_traverse}</p>
      <div class="row"><div class="picks wide" role="group" aria-label="${text.pick}"></div>
        <div class="buttons"></div></div>
      <p class="hint" data-traverse="note" role="status" aria-live="polite"></p>
      <div class="lanes"></div>`;
    this.root = root;
    this.note = root.querySelector('[data-traverse="note"]');
    this.box = root.querySelector(".lanes");
    const choose = (label) => {
      const index = pad.digits.random(label);
      pad.take(pad.codeOf(index), index);
      pad.settle();
    };
    pickButtons(root.querySelector(".picks"), text, choose);
    this.buttons = root.querySelector(".buttons");
    this.#button("random", () => choose());
    this.#button("reset", () => {
      pad.take(pad.codeOf(pad.digit), pad.digit);
      pad.settle();
    });
    this.lanes = [];
    /** @type {number[]} */
    this.changes = []; // most squared error along each row, from the digit at the point
    /** @type {Set<number>} */
    this.waiting = new Set(); // rows that must be decoded anew
  }

  #button(name, action) {
    const button = this.buttons.appendChild(document.createElement("button"));
    button.type = "button";
    button.dataset.action = `traverse-${name}`;
    button.textContent = this.pad.text[name];
    button.title = this.pad.text[`${name}_help`];
    button.addEventListener("click", action);
  }

  destroy() {
    this.given?.abort();
    this.lanes.forEach(({ sheet }) => sheet.destroy());
  }

  recolour(colours) {
    this.lanes.forEach(({ sheet }) => sheet.recolour(colours));
  }

  leave() {
    this.pad.chores.drop("traverse");
  }

  use() {
    const { pad } = this;
    if (this.run !== pad.run) {
      this.run = pad.run;
      this.#build();
      this.#weigh();
    }
    this.moved();
    this.turned();
  }

  // What each dimension carries: its mean KL in nats, or for codes without a posterior their variance.
  async #weigh() {
    const { run, pad } = this;
    this.kl = null;
    this.given?.abort();
    if (!run.hasPosterior || run.knots?.knot_kl) return;
    this.given = new AbortController();
    const found = await pad.derived("each", this.note, this.given.signal);
    if (!found || this.run !== run) return;
    this.kl = Array.from(found.arrays.kl.data);
    this.turned();
  }

  turned() {
    const { run } = this;
    if (!run || run !== this.pad.run) return;
    const kl = run.scoredKl() ?? this.kl;
    this.byKl = Boolean(kl);
    this.weights = kl ? Array.from(kl) : variances(run.codes, run.latent);
    this.#sort();
    this.#dirty();
  }

  #build() {
    const { run, pad } = this;
    this.lanes.forEach(({ sheet }) => sheet.destroy());
    this.box.innerHTML = "";
    this.dimensions = Array.from({ length: run.latent }, (_, k) => k);
    if (run.wide) {
      const spread = variances(run.codes, run.latent);
      this.dimensions = this.dimensions.sort((a, b) => spread[b] - spread[a]).slice(0, ROWS);
    }
    this.lanes = []; // by their dimension
    for (const k of this.dimensions) {
      const lane = this.box.appendChild(document.createElement("div"));
      lane.className = "lane";
      lane.innerHTML = `<div class="weight"><span class="name"><i>z</i><sub>${k + 1}</sub></span>
          <b></b><span class="bar" aria-hidden="true"><i></i></span></div>
        <div class="strip"><div></div><span class="needle" aria-hidden="true"></span>
          <input type="range" step="any" aria-label="z${k + 1}"></div>`;
      const input = lane.querySelector("input");
      input.min = run.low[k];
      input.max = run.high[k];
      const sheet = new Sheet(lane.querySelector(".strip > div"), { label: `z${k + 1}` });
      sheet.layout(STEPS, 1);
      sheet.top.setAttribute("aria-hidden", "true"); // the slider above it says it all
      if (pad.colours) sheet.recolour(pad.colours);
      const move = (value) =>
        pad.timed(() => {
          const z = pad.z.slice();
          z[k] = clamp(value, run.low[k], run.high[k]);
          this.hand = k;
          pad.take(z);
        });
      input.addEventListener("input", () => move(Number(input.value)));
      input.addEventListener("keydown", (event) => {
        const step = (run.high[k] - run.low[k]) * (event.shiftKey ? 0.1 : 0.02);
        const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
        if (!way) return;
        event.preventDefault();
        move(pad.z[k] + way * step);
        pad.settleSoon();
      });
      input.addEventListener("change", () => pad.settle());
      this.lanes[k] = {
        lane, input, sheet,
        says: lane.querySelector("b"),
        bar: lane.querySelector(".bar i"),
        needle: lane.querySelector(".needle"),
      };
    }
  }

  #sort() {
    const { weights, byKl, pad } = this;
    const { text } = pad;
    this.order = this.dimensions.slice().sort((a, b) => weights[b] - weights[a]);
    const most = Math.max(...weights) || 1;
    const alive = new Set(byKl ? active(weights) : []);
    this.order.forEach((k, place) => {
      const { lane, says, bar } = this.lanes[k];
      const dead = byKl && !alive.has(k);
      lane.style.order = place;
      lane.classList.toggle("dead", dead);
      bar.style.width = `${(100 * weights[k]) / most}%`;
      const number = decimals(weights[k], weights[k] < 10 ? 2 : 1);
      says.innerHTML = format(byKl ? text.weight_kl : text.weight_variance, { number }) +
        (dead ? ` <em>${text.inactive}</em>` : "");
    });
    // Tab goes through the rows as they stand.
    if (!this.box.contains(this.pad.host.activeElement ?? null)) {
      for (const k of this.order) this.box.appendChild(this.lanes[k].lane);
    }
    if (byKl) {
      const total = decimals(weights.reduce((a, b) => a + b, 0), 1);
      this.told =
        format(text.sorted_kl, { active: alive.size, count: weights.length, total, least: LEAST_NATS });
      this.idle = this.order.filter((k) => !alive.has(k));
      this.note.textContent = this.told;
    } else if (!this.run.hasPosterior) {
      this.note.textContent = [text.sorted_variance, this.run.wide &&
        format(text.rows_of, { rows: ROWS, count: weights.length })].filter(Boolean).join(" ");
    }
  }

  // The point moved: needles at once, the rows with the next frames. The row in the hand shows the
  // same digits as before.
  moved() {
    const { pad, run } = this;
    if (run !== pad.run) return;
    this.lanes.forEach(({ input, needle }, k) => {
      const share = (pad.z[k] - run.low[k]) / (run.high[k] - run.low[k]);
      needle.style.left = `${100 * clamp(share, 0, 1)}%`;
      input.value = pad.z[k];
      input.setAttribute("aria-valuetext", decimals(pad.z[k], 2));
    });
    this.#dirty(this.hand);
    this.hand = null;
  }

  // Rows that must be decoded anew wait in a line, so that while a hand moves on, each has its turn.
  #dirty(but = null) {
    for (const k of this.order ?? []) if (k !== but) this.waiting.add(k);
    this.pad.chores.set("traverse", () => {
      const [k] = this.waiting;
      if (k === undefined) return false;
      this.waiting.delete(k);
      this.#decode(k);
      if (!this.waiting.size) this.#tellChanges();
      return this.waiting.size > 0;
    });
  }

  value(k, step) {
    const { low, high } = this.run;
    return low[k] + ((high[k] - low[k]) * step) / (STEPS - 1);
  }

  #decode(k) {
    const { pad, run } = this;
    if (run !== pad.run) return;
    const z = pad.z.slice();
    const here = run.decode(z).slice();
    this.changes[k] = 0;
    for (let step = 0; step < STEPS; step++) {
      z[k] = this.value(k, step);
      const image = run.decode(z);
      this.lanes[k].sheet.put(step, image);
      this.changes[k] = Math.max(this.changes[k], squaredError(image, here));
    }
  }

  // How much of the digit the dimensions change that are called inactive: little, not nothing.
  #tellChanges() {
    if (!this.byKl || !this.idle.length) return;
    const most = Math.max(...this.idle.map((k) => this.changes[k]));
    this.note.textContent = `${this.told} ${format(this.pad.text.changes, {
      first: decimals(this.changes[this.order[0]], 1), most: decimals(most, most < 0.01 ? 4 : 2) })}`;
  }

  // On the map: where the rows lead, the first two by weight.
  marks() {
    const { pad, run } = this;
    if (!this.order || run !== pad.run) return [];
    return this.order.slice(0, 2).map((k, place) => ({
      paint: (pen, view) => {
        const z = pad.z.slice();
        pen.save();
        pen.strokeStyle = view.colours.accent;
        pen.lineWidth = 2 * view.letters;
        pen.setLineDash(place ? [5 * view.letters, 4 * view.letters] : []);
        pen.beginPath();
        z[k] = run.low[k];
        pen.moveTo(...view.toScreen(run.toMap(z)));
        z[k] = run.high[k];
        pen.lineTo(...view.toScreen(run.toMap(z)));
        pen.stroke();
        pen.restore();
      },
    }));
  }

  saves() {
    const { pad } = this;
    const { text } = pad;
    const early = () => (this.waiting.size > 0 || !this.order) && text.save_computing;
    const side = 48;
    return [
      {
        label: text.save_rows,
        why: early,
        figure: () => ({
          about: pad.about("traversals", text.title_rows),
          ...montage(this.order.map((k) => ({
            name: `z${k + 1}: ${format(this.byKl ? text.weight_kl : text.weight_variance, {
              number: decimals(this.weights[k], this.weights[k] < 10 ? 2 : 1) })}`,
            cells: Array.from({ length: STEPS }, (_, step) => (
              { picture: this.lanes[k].sheet.tileAt(step), width: side, height: side })),
          }))),
        }),
      },
      {
        label: text.save_first_row,
        why: early,
        figure: () => {
          const [k] = this.order;
          const frames = Array.from({ length: STEPS }, (_, step) => this.lanes[k].sheet.tileAt(step));
          const { width, height } = frames[0];
          return {
            about: pad.about(`traversal-z${k + 1}`, format(text.title_row, { k: k + 1 })),
            width, height, whole: true, frames: STEPS, milliseconds: 160, back: true,
            paint: (pen, colours, frame) => tiled([frames[frame]], 1).paint(pen, colours),
          };
        },
      },
      {
        label: text.save_weights,
        why: () => !this.order && text.save_computing,
        save: () => saveTable(
          ["dimension", this.byKl ? "mean KL (nats per image)" : "variance of the codes", "z"],
          this.order.map((k) => [k + 1, this.weights[k], pad.z[k]]),
          pad.about("dimensions", text.title_rows)),
      },
    ];
  }
}
