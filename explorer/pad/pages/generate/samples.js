// Samples of the prior, of a Gaussian mixture fitted to the codes, and of a box around them; a
// classifier says which of them it would call a digit.

import { seeded, standardError } from "../../engine/numbers.js";
import { boxOf, drawBox, drawMixture, drawOwn } from "../../engine/sampling.js";
import { address } from "../../parts/address.js";
import { saveTable } from "../../parts/downloads.js";
import { decimals, format, grouped } from "../../parts/page.js";
import { Sheet } from "../../parts/sheet.js";

export const COUNT = 1000; // samples that a share is told of
const COLUMNS = 8;
const SHOWN = COLUMNS * COLUMNS;
const ON_MAP = 300; // more would hide the digits' own codes
const MOST_SEED = 1e6;
const SAMPLERS = ["prior", "mixture", "box", "own"]; // `own`: real digits' own codes
const TRIVIAL = { noise: 5000, crumbled: 5000, mean: 1 }; // pictures that are no digits, and how many
const UNSEEN = 255;
const UNSURE = 10; // verdict of an image that the classifier calls no digit with confidence

// A small error has a digit more, so that none is told as nothing.
const percent = (/** @type {number} */ error) => decimals(100 * error, error < 0.0005 ? 2 : 1);

export class Samples {
  /**
   * @param {import("../generate.js").GeneratePad} pad
   * @param {import("../../parts/page.js").Box} root
   */
  constructor(pad, root) {
    this.pad = pad;
    this.root = root;
    const { text } = pad;
    root.innerHTML = `
      <p class="lead">${text.try_samples}</p>
      <div class="sheets"></div>
      <div class="row"><div class="buttons">
        <button type="button" data-action="again" title="${text.again_help}">${text.again}</button></div>
        <p class="hint" data-samples="progress"></p></div>
      <table class="shares"><caption>${text.shares}</caption><tbody></tbody></table>
      <p class="hint" data-samples="note"></p>`;
    this.find = (query) => root.querySelector(query);
    this.find('[data-action="again"]').addEventListener("click", () => {
      this.seed = (this.seed + 1) % MOST_SEED;
      address.set({ seed: this.seed });
      this.#redraw();
    });
    this.sheets = {};
    this.sets = {};
    /** @type {import("../../engine/classifier.js").Classifier | null} */
    this.classifier = null;
  }

  destroy() {
    this.given?.abort();
    for (const sheet of Object.values(this.sheets)) sheet.destroy();
  }

  recolour(colours) {
    for (const sheet of Object.values(this.sheets)) sheet.recolour(colours);
  }

  leave() {
    this.pad.chores.drop("samples");
  }

  use() {
    const { pad } = this;
    if (this.seed === undefined) this.#read();
    if (this.run !== pad.run) {
      this.run = pad.run;
      this.#build();
      this.#redraw();
      this.#fit();
      this.#judge();
    } else this.#work();
  }

  turned() {
    this.#redraw();
  }

  #read() {
    const { pad } = this;
    const asked = address.get("seed");
    this.seed = 0;
    if (asked !== null) {
      if (/^\d{1,6}$/.test(asked)) this.seed = Number(asked);
      else pad.say(format(pad.text.bad_seed, { most: MOST_SEED - 1 }));
    }
    this.wanted = address.get("on");
  }

  // Samplers that make sense for this run: without a prior there is none to draw from, and real
  // digits' own codes stand in its place.
  #build() {
    const { pad, run } = this;
    const { text } = pad;
    for (const sheet of Object.values(this.sheets)) sheet.destroy();
    this.mixture = null;
    this.sets = {};
    this.drawn = {};
    const fitted = "mixture" in pad.data.run.derived ? ["mixture"] : []; // not of a wide code
    this.names = [run.prior ? "prior" : "own", ...fitted, "box"];
    if (this.wanted !== null && !this.names.includes(this.wanted)) {
      pad.say(format(text.bad_on, { allowed: this.names.join(", ") }));
      this.wanted = null;
    }
    this.onMap = this.wanted ?? this.onMap;
    if (!this.names.includes(this.onMap)) this.onMap = run.prior ? "prior" : "box";
    this.find(".lead").textContent = [
      text.try_samples, run.classes && text.samples_labels, run.completes && text.samples_seen,
    ].filter(Boolean).join(" ");
    const box = this.find(".sheets");
    box.innerHTML = this.names.map((name) => `
      <figure data-sampler="${name}"><figcaption><b>${text[`sampler_${name}`]}</b>
        <span class="formula">${text[`formula_${name}`]}</span>
        <span class="share"></span></figcaption>
        <div></div><p class="hint" role="status"></p>
        <button type="button" class="on-map" data-on="${name}">${text.on_map}</button></figure>`).join("");
    this.sheets = {};
    for (const name of this.names) {
      const sheet = new Sheet(box.querySelector(`[data-sampler="${name}"] > div`), {
        label: format(text.sheet_label, { sampler: text[`sampler_${name}`] }),
        gap: 3,
        onPick: (index) => {
          pad.take(this.#code(this.sets[name], index), null, index % run.classes);
          pad.settleSoon();
        },
      });
      sheet.layout(COLUMNS, COLUMNS);
      sheet.recolour(pad.colours);
      this.sheets[name] = sheet;
    }
    for (const button of box.querySelectorAll("[data-on]")) {
      button.addEventListener("click", () => {
        this.onMap = button.dataset.on;
        address.set({ on: this.onMap });
        this.#showOnMap();
      });
    }
    this.#showOnMap();
  }

  #showOnMap() {
    for (const button of this.root.querySelectorAll("[data-on]")) {
      button.setAttribute("aria-pressed", String(button.dataset.on === this.onMap));
    }
    this.pad.overlay();
  }

  async #fit() {
    const { pad, run } = this;
    if (!this.names.includes("mixture")) return;
    this.given?.abort();
    this.given = new AbortController();
    const place = this.find('[data-sampler="mixture"] p');
    const found = await pad.derived("mixture", place, this.given.signal);
    if (!found || this.run !== run) return;
    this.mixture = found.arrays;
    this.#add("mixture");
    this.#work();
  }

  async #judge() {
    this.classifier ??= await this.pad.classifier();
    if (this.classifier) this.#redraw();
  }

  // All sets anew: another run, seed or knob's value.
  #redraw() {
    for (const name of SAMPLERS) if (name !== "prior" || this.run.prior) this.#add(name);
    this.#work();
  }

  // A sampler's draws, which the knob may move but does not draw anew; null where it can't draw.
  #draws(name) {
    const { run, seed } = this;
    const { latent } = run;
    const known = name === "prior" || (name === "mixture"
      ? this.mixture && (!run.dial || run.value === run.dial.usual)
      : run.codesKnown);
    if (!known) return null;
    const moves = name === "box" || name === "own"; // with the codes
    const key = `${seed} ${moves && run.dial ? run.value : ""}`;
    if (this.drawn[name]?.key === key) return this.drawn[name];
    const choose = seeded(10 * seed + SAMPLERS.indexOf(name));
    // A network that writes a code entry by entry is asked for one when that is wanted.
    const slow = name === "prior" && !run.prior.heaps.length;
    const draw = {
      prior: () => slow ? new Float32Array(COUNT * latent) : run.prior.draw(COUNT, choose),
      mixture: () => drawMixture(COUNT, latent, this.mixture, choose),
      box: () => drawBox(COUNT, latent, boxOf(run.codes, latent), choose),
      own: () => drawOwn(COUNT, latent, run.codes, choose),
    }[name];
    const codes = draw();
    const more = () => run.prior.draw(1, choose);
    this.drawn[name] = { key, codes, until: slow ? 0 : COUNT, more };
    return this.drawn[name];
  }

  #add(name) {
    const { pad } = this;
    const drawn = this.#draws(name), codes = drawn?.codes;
    const sheet = this.sheets[name];
    if (sheet) {
      const figure = this.root.querySelector(`[data-sampler="${name}"]`);
      figure.classList.toggle("resting", !codes);
      if (codes) sheet.unmark();
      else sheet.layout(COLUMNS, COLUMNS);
      // While the mixture is being fitted, the line below the sheet says how far that is.
      const fitting = name === "mixture" && !this.mixture;
      if (!fitting) {
        figure.querySelector("p").textContent =
          codes ? "" : format(pad.text[`resting_${name}`], { usual: pad.usual });
      }
    }
    const start = (this.sets[name]?.done ?? 0) % SHOWN;
    if (codes) this.sets[name] = { drawn, codes, start, done: 0, called: 0, verdicts: new Uint8Array(COUNT).fill(UNSEEN) };
    else delete this.sets[name];
  }

  #code({ codes, drawn }, index) {
    const { latent } = this.run;
    for (; drawn.until <= index; drawn.until++) codes.set(drawn.more(), drawn.until * latent);
    return codes.slice(index * latent, (index + 1) * latent);
  }

  // One image after the other, the sets in turns; the first ones are shown as they come. Without a
  // classifier only those that are shown are decoded.
  #work() {
    const { pad } = this;
    if (pad.doing !== "samples") return;
    const most = this.classifier ? COUNT : SHOWN;
    let turn = 0;
    pad.chores.set("samples", () => {
      const left = Object.entries(this.sets).filter(([name, { done }]) =>
        done < (this.sheets[name] ? most : this.classifier ? COUNT : 0));
      if (left.length) {
        const [name, set] = left[turn++ % left.length];
        this.#next(name, set);
      }
      if (turn % 25 === 1 || left.length <= 1) this.#tell();
      return left.length > 0;
    });
    this.#tell();
  }

  #next(name, set) {
    // The shown ones first, and those that were not reached when the knob moved on before them.
    const i = set.done < SHOWN ? (set.start + set.done) % SHOWN : set.done;
    set.done++;
    const { run } = this; // one that is told labels, in turn
    const image = run.as(i % run.classes, () => run.decode(this.#code(set, i)));
    const sheet = this.sheets[name];
    if (sheet && i < SHOWN) sheet.put(i, image);
    if (!this.classifier) return;
    const { label, sure } = this.classifier.judge(image);
    set.verdicts[i] = sure ? label : UNSURE;
    set.called += sure;
    if (sheet && i < SHOWN) sheet.mark(i, { glyph: label, sure });
  }

  // Shares so far.
  #tell() {
    const { pad, classifier } = this;
    const { text } = pad;
    if (classifier) {
      const rows = [];
      const add = (name, share, count, row) => rows.push({ name, share, count, row });
      for (const name of SAMPLERS) {
        const set = this.sets[name];
        if (set?.done) add(text[`sampler_${name}`], set.called / set.done, set.done, name);
      }
      const { share_real: real, shares } = classifier.spec;
      add(text.sampler_real, real, 10000, "real");
      for (const [name, count] of Object.entries(TRIVIAL)) {
        add(text[`trivial_${name}`], shares[name], count, name);
      }
      this.rows = rows;
      this.find(".shares tbody").innerHTML = rows.map(({ name, share, count, row }) => `
        <tr data-row="${row}"><th scope="row">${name}</th>
          <td class="bar"><span><i style="width:${100 * share}%"></i></span></td>
          ${count > 1 ? `<td><b>${decimals(100 * share, 1)} %</b></td>
          <td>± ${percent(standardError(share, count))}</td>
          <td>${format(text.of, { count: grouped(count) })}</td>` : `<td colspan="3">${
            share ? text.one_called : text.one_not}</td>`}</tr>`).join("");
      for (const name of this.names) {
        const set = this.sets[name];
        const box = this.root.querySelector(`[data-sampler="${name}"] .share`);
        box.innerHTML = set?.done ? format(text.share, {
          share: decimals((100 * set.called) / set.done, 1),
          error: percent(standardError(set.called / set.done, set.done)),
        }) : "";
      }
      this.find('[data-samples="note"]').textContent = format(text.classifier_note, {
        accuracy: decimals(100 * classifier.spec.accuracy, 2),
        threshold: decimals(100 * classifier.spec.threshold, 0),
      });
    }
    const done = Object.values(this.sets).reduce((sum, set) => sum + set.done, 0);
    const all = Object.keys(this.sets).length * COUNT;
    this.find('[data-samples="progress"]').textContent = classifier && done < all
      ? format(text.counting, { done: grouped(done), all: grouped(all) }) : "";
    this.find(".shares").hidden = !classifier;
    pad.overlay();
  }

  // On the map: samples of one sampler; a dot where a digit was called, a cross where none was.
  marks() {
    const set = this.sets[this.onMap];
    if (!set?.codes) return [];
    const { run } = this;
    return [{
      paint: (pen, view) => {
        const { letters: size, colours: { ink, paper } } = view;
        const dot = 2.6 * size, arm = 3 * size;
        pen.save();
        const judged = Boolean(this.classifier);
        const dots = new Path2D(), crosses = new Path2D();
        for (let i = 0; i < ON_MAP; i++) {
          if (judged ? set.verdicts[i] === UNSEEN : i >= SHOWN) continue;
          const [x, y] = view.toScreen(run.toMap(this.#code(set, i)));
          if (!judged || set.verdicts[i] !== UNSURE) {
            dots.moveTo(x + dot, y);
            dots.arc(x, y, dot, 0, 2 * Math.PI);
          } else {
            crosses.moveTo(x - arm, y - arm);
            crosses.lineTo(x + arm, y + arm);
            crosses.moveTo(x - arm, y + arm);
            crosses.lineTo(x + arm, y - arm);
          }
        }
        pen.strokeStyle = paper;
        pen.lineWidth = 2 * size;
        pen.stroke(dots);
        pen.fillStyle = ink;
        pen.fill(dots);
        pen.lineWidth = 4 * size;
        pen.stroke(crosses);
        pen.lineWidth = 1.6 * size;
        pen.strokeStyle = ink;
        pen.stroke(crosses);
        pen.restore();
      },
    }];
  }

  // Why a sampler's sheet can't be saved yet, if it can't.
  #lacks(name) {
    const { text } = this.pad;
    if (this.sheets[name].full) return "";
    const rests = !this.sets[name] && !(name === "mixture" && !this.mixture);
    return rests ? format(text[`resting_${name}`], { usual: this.pad.usual }) : text.save_computing;
  }

  saves() {
    const { pad, seed } = this;
    const { text } = pad;
    const title = (key, values = {}) => format(text[key], { seed, ...values });
    const sheets = this.names.map((name) => {
      const sampler = text[`sampler_${name}`];
      return {
        label: format(text.save_sheet, { sampler }),
        why: () => this.#lacks(name),
        figure: () => ({
          about: pad.about(`samples-${name}-${seed}`, title("title_sheet", { sampler })),
          ...this.sheets[name].figure(),
        }),
      };
    });
    const shares = {
      label: text.save_shares,
      why: () => !this.rows && text.save_computing,
      save: () => saveTable(
        ["samples", "called a digit with confidence", "standard error", "count"],
        (this.rows ?? []).map(({ row, share, count }) =>
          [row, share, standardError(share, count), count]),
        pad.about(`shares-${seed}`, title("title_shares"))),
    };
    const codes = {
      label: text.save_codes,
      why: () => !Object.keys(this.sets).length && text.save_computing,
      save: () => saveTable(
        ["samples", ...Array.from({ length: this.run.latent }, (_, k) => `z${k + 1}`)],
        this.names.filter((name) => this.sets[name]).flatMap((name) =>
          Array.from({ length: COUNT }, (_, i) => [name, ...this.#code(this.sets[name], i)])),
        pad.about(`codes-${seed}`, title("title_shares"))),
    };
    return [...sheets, ...(pad.data.classifier ? [shares] : []), codes];
  }
}
