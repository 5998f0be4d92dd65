// Latent arithmetic: a − b + c of real digits' codes, decoded. A term is one digit, the mean of its
// class, or for b and c the mean of the digits that have least and most of a trait.

import { analogy, traits } from "../../engine/arithmetic.js";
import { nearestPlace } from "../../engine/layouts.js";
import { clamp } from "../../engine/numbers.js";
import { address } from "../../parts/address.js";
import { DigitView } from "../../parts/digit_view.js";
import { saveTable } from "../../parts/downloads.js";
import { montage } from "../../parts/montage.js";
import { decimals, format } from "../../parts/page.js";
import { greyPicture } from "../../parts/picture.js";
import { pickButtons, slotMark, Slots } from "./slots.js";

const NAMES = ["a", "b", "c"];
const RESULT = "a − b + c";
const TRAITS = ["slant", "weight"];
const KINDS = [...TRAITS, "digits", "means"]; // what b and c are, and a with means
const MOST = 2; // times that the step from b to c may be taken

export class Arithmetic {
  /**
   * @param {import("../generate.js").GeneratePad} pad
   * @param {import("../../parts/page.js").Box} root
   */
  constructor(pad, root) {
    this.pad = pad;
    const { text } = pad;
    root.innerHTML = `
      <p class="lead">${text.try_arithmetic}</p>
      <div class="row"><div class="modes" role="group" aria-label="${text.kinds_of}">
        ${KINDS.map((kind) => `<button type="button" data-of="${kind}" title="${text[`of_${kind}_help`]}">${
          text[`of_${kind}`]}</button>`).join("")}</div></div>
      <div class="row"><div class="terms"></div><span class="sign" aria-hidden="true">=</span>
        <figure class="result"><canvas class="digit big" role="img" aria-label="${text.loading}"></canvas></figure></div>
      <div class="row"><div class="picks wide" role="group" aria-label="${text.pick}"></div>
        <div class="buttons"><button type="button" data-action="random-terms"
          title="${text.random_terms_help}">${text.random_terms}</button></div></div>
      <div class="row"><label class="knob amount"><span class="formula">${text.formula_arithmetic}</span>
        <input type="range" min="${-MOST}" max="${MOST}" step="any" aria-label="${text.amount}"><output></output></label></div>
      <table class="measures"><thead><tr><th scope="col">${text.measured}</th>
        ${[...NAMES, RESULT].map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>
        <tbody>${TRAITS.map((trait) => `<tr data-trait="${trait}"><th scope="row">${
          text[`measure_${trait}`]}</th>${"<td></td>".repeat(4)}</tr>`).join("")}</tbody></table>
      <p class="hint">${text.arithmetic_note}</p>`;
    this.root = root;
    this.ownPoint = true;
    this.found = null;
    this.find = (query) => root.querySelector(query);
    this.terms = new Slots(this.find(".terms"), {
      label: text.terms, between: ["−", "+"], onSelect: () => this.codes && pad.overlay(),
    });
    this.view = new DigitView(this.find(".result canvas"));
    pickButtons(this.find(".picks"), text, (label) => this.#put(pad.digits.random(label)));
    for (const button of root.querySelectorAll("[data-of]")) {
      button.addEventListener("click", () => {
        this.kind = button.dataset.of;
        this.#compute();
        this.settle();
      });
    }
    this.find('[data-action="random-terms"]').addEventListener("click", () => {
      this.indexes = this.indexes.map((index, slot) => (this.fixed(slot) ? index : pad.digits.random()));
      this.#compute();
      this.settle();
    });
    this.input = this.find('input[type="range"]');
    this.input.value = 1;
    this.amount = 1;
    this.input.addEventListener("input", () =>
      pad.timed(() => {
        this.amount = Number(this.input.value);
        this.#compute();
      }));
    this.input.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      this.amount = clamp(this.amount + way * (event.shiftKey ? 0.25 : 0.05), -MOST, MOST);
      this.input.value = this.amount;
      pad.timed(() => this.#compute());
    });
  }

  recolour(colours) {
    this.terms.recolour(colours);
    this.view.recolour(colours);
  }

  use() {
    if (!this.indexes) {
      this.terms.names(NAMES);
      this.#read();
    }
    this.#compute();
  }

  turned() {
    this.#compute();
  }

  #read() {
    const { pad } = this;
    const count = pad.digits.labels.length;
    const { byLabel } = pad.digits;
    this.indexes = [byLabel[4]?.[34], byLabel[1]?.[0], byLabel[1]?.[1]].map((index) => index ?? 0);
    if (NAMES.some((name) => address.get(name) !== null)) {
      const named = NAMES.map((name) => address.index(name, count));
      if (named.includes(null)) pad.say(format(pad.text.bad_terms, { count }));
      else this.indexes = named;
    }
    const kind = address.get("of");
    if (kind !== null && !KINDS.includes(kind)) {
      pad.say(format(pad.text.bad_of, { allowed: KINDS.join(", ") }));
    }
    this.kind = KINDS.includes(kind) ? kind : "slant";
  }

  settle() {
    if (!this.indexes) return;
    address.set({
      ...Object.fromEntries(NAMES.map((name, i) => [name, this.indexes[i]])),
      of: this.kind,
    });
  }

  // Whether a term is given by the kind of terms, so that no digit can be put there.
  fixed(slot) {
    return slot > 0 && TRAITS.includes(this.shownKind);
  }

  #put(index) {
    if (this.fixed(this.terms.selected)) this.terms.select(0);
    if (this.indexes[this.terms.selected] === index) return;
    this.indexes[this.terms.selected] = index;
    this.#compute();
    this.pad.settleSoon();
  }

  // Indexes of the third of each class that has least, and of the third that has most of a trait.
  #extremes(trait) {
    const { digits } = this.pad;
    this.found ??= {};
    return (this.found[trait] ??= digits.byLabel.reduce(([least, most], among) => {
      const sorted = among
        .map((index) => [traits(digits.image(index))[trait], index])
        .sort((one, other) => one[0] - other[0])
        .map(([, index]) => index);
      const third = Math.round(sorted.length / 3);
      return [[...least, ...sorted.slice(0, third)], [...most, ...sorted.slice(-third)]];
    }, [[], []]));
  }

  press(point) {
    this.#put(nearestPlace(this.pad.run.points, point));
  }

  place() {
    return this.pad.run.toMap(this.codes[this.terms.selected]);
  }

  // A term: {index} for one digit, {indexes, says} for the mean of several.
  #term(index, slot) {
    const { text, digits } = this.pad;
    const label = digits.name(index);
    if (this.shownKind === "means") {
      const indexes = digits.byLabel[digits.labels[index]] ?? [index];
      return { indexes, says: format(text.slot_mean, { label, count: indexes.length }) };
    }
    if (!this.fixed(slot)) return { index, says: format(text.slot, { label }) };
    const indexes = this.#extremes(this.shownKind)[slot - 1];
    const end = slot === 1 ? "least" : "most";
    return { indexes, says: format(text[`slot_${this.shownKind}_${end}`], { count: indexes.length }) };
  }

  #mean(indexes) {
    const { run } = this.pad;
    const sum = new Float64Array(run.latent);
    for (const i of indexes) {
      for (let k = 0; k < run.latent; k++) sum[k] += run.codes[i * run.latent + k];
    }
    return Float32Array.from(sum, (value) => value / indexes.length);
  }

  #compute() {
    const { pad } = this;
    const { run, text, digits } = pad;
    const known = run.codesKnown && Boolean(digits.images); // all digits' codes, all digits' traits
    this.shownKind = known ? this.kind : "digits";
    for (const button of this.root.querySelectorAll("[data-of]")) {
      button.setAttribute("aria-pressed", String(button.dataset.of === this.shownKind));
      button.disabled = !known && button.dataset.of !== "digits";
    }
    const terms = this.indexes.map((index, slot) => this.#term(index, slot));
    this.codes = terms.map(({ index, indexes }) =>
      indexes ? this.#mean(indexes) : pad.codeOf(index));
    const [from, less, more] = this.codes;
    this.z = analogy(from, less, more, this.amount);
    const pictures = terms.map(({ index }, slot) =>
      index === undefined ? run.decode(this.codes[slot]).slice() : digits.image(index));
    terms.forEach(({ says }, slot) => this.terms.fill(slot, pictures[slot], says));
    const output = run.decode(this.z);
    this.view.draw(output);
    this.find("output").textContent = decimals(this.amount, 2);
    this.input.setAttribute("aria-valuetext", decimals(this.amount, 2));
    const [a, b, c] = terms.map(({ says }) => says);
    this.find(".result canvas").setAttribute("aria-label", format(text.arithmetic_told, {
      a, b, c, z: Array.from(this.z, (v) => decimals(v, 2)).join(", "),
    }));
    this.pictures = [...pictures, output.slice()];
    this.#measure(this.pictures);
    pad.redraw();
  }

  #measure(pictures) {
    const found = pictures.map((picture) => picture && traits(picture));
    for (const trait of TRAITS) {
      this.root.querySelectorAll(`[data-trait="${trait}"] td`).forEach((cell, i) => {
        cell.textContent = found[i] ? decimals(found[i][trait], trait === "slant" ? 2 : 0) : "";
      });
    }
  }

  shown() {
    return this.z;
  }

  // On the map: the step from b to c, and the same step from a.
  marks() {
    if (!this.codes) return [];
    const { run } = this.pad;
    const arrow = (pen, view, from, to, colour) => {
      const [x0, y0] = view.toScreen(run.toMap(from));
      const [x1, y1] = view.toScreen(run.toMap(to));
      const angle = Math.atan2(y1 - y0, x1 - x0);
      if (Math.hypot(x1 - x0, y1 - y0) < 2) return;
      for (const [ink, wide] of [[view.colours.paper, 7], [colour, 3]]) {
        pen.strokeStyle = ink;
        pen.lineWidth = wide * view.letters;
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.lineTo(x1, y1);
        for (const turn of [2.6, -2.6]) {
          pen.moveTo(x1, y1);
          const long = 11 * view.letters;
          pen.lineTo(x1 + long * Math.cos(angle + turn), y1 + long * Math.sin(angle + turn));
        }
        pen.stroke();
      }
    };
    const steps = {
      paint: (pen, view) => {
        pen.save();
        pen.lineCap = "round";
        const [a, b, c] = this.codes;
        arrow(pen, view, b, c, view.colours.ink);
        arrow(pen, view, a, this.z, view.colours.accent);
        pen.restore();
      },
    };
    const terms = slotMark(this.codes.map((z) => run.toMap(z)), NAMES, this.terms.selected);
    return [steps, terms, { at: run.toMap(this.z), kind: "point" }];
  }

  saves() {
    const { pad } = this;
    const { text, run } = pad;
    const about = (what) => {
      const [a, b, c] = this.indexes.map((index, slot) => this.#term(index, slot).says);
      return pad.about(`arithmetic-${what}`,
        format(text.title_arithmetic, { a, b, c, amount: decimals(this.amount, 2) }));
    };
    const early = () => !this.pictures?.every(Boolean) && text.save_computing;
    return [
      {
        label: text.save_terms,
        why: early,
        figure: () => ({
          about: about("digits"),
          ...montage([{ cells: this.pictures.map((picture, i) => ({
            picture: greyPicture(picture), width: 112, height: 112,
            above: NAMES[i] ?? (this.amount === 1 ? RESULT : `a + ${decimals(this.amount, 2)} (c − b)`),
          })) }]),
        }),
      },
      {
        label: text.save_result,
        why: early,
        save: () => saveTable(
          ["term", "digit", "slant (tangent)", "ink (pixels)",
            ...Array.from({ length: run.latent }, (_, k) => `z${k + 1}`)],
          [...this.codes, this.z].map((z, i) => {
            const { slant, weight } = traits(this.pictures[i]);
            const { index } = i < 3 ? this.#term(this.indexes[i], i) : {};
            return [NAMES[i] ?? "a + t (c - b)", index ?? "", slant, weight, ...z];
          }),
          about("codes")),
      },
    ];
  }
}
