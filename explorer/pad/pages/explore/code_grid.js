// A code that is a grid of entries of a codebook: press a place, choose another entry, and see what
// part of the digit changes; the codebook as pictures, how often each entry is used, and how
// probable each is at that place after those before it.

import { lookUp, nearestEntries, usage } from "../../engine/codebook.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format, grouped } from "../../parts/page.js";
import { roving } from "../../parts/roving.js";
import { Seen } from "../../parts/seen.js";

const AROUND = 0.5; // of a place's own size is seen of its surroundings, on each side
const TURN = 200; // images that are looked at in one turn

export class CodeGrid {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    const t = (this.text = pad.text);
    this.place = -1;
    this.cells = [];
    this.entries = [];
    /** @type {Uint16Array} */
    this.index = new Uint16Array(0); // what the shown point is made of
    pad.root.querySelector(".controls").insertAdjacentHTML("afterend", `
      <section class="code-grid" data-part="code-grid" hidden>
        <h2 data-part="code-title"></h2>
        <p class="hint">${t.code_note}</p>
        <div class="buttons">
          <button type="button" data-code="back">${t.code_back}</button>
          <button type="button" data-code="rest">${t.code_rest}</button>
        </div>
        <div class="code-halves">
          <div>
            <h3>${t.code_places}</h3>
            <div class="code-cells" role="group" aria-label="${t.code_places}"></div>
          </div>
          <div>
            <h3>${t.output} <i>x̂</i></h3>
            <canvas class="digit" data-part="code-output" role="img" aria-label="${t.output}"></canvas>
          </div>
          <div>
            <h3 data-part="code-entries"></h3>
            <div class="code-entries" role="group"></div>
            <p class="hint" data-part="code-said" role="status" aria-live="polite"></p>
          </div>
        </div>
        <p class="bounds" data-part="code-numbers"></p>
      </section>`);
    this.root = pad.part("code-grid");
    this.output = new DigitView(pad.part("code-output"));
    const back = this.root.querySelector('[data-code="back"]');
    back.addEventListener("click", () => this.#go(pad.own));
    this.root.querySelector('[data-code="rest"]').addEventListener("click", () => this.#redraw());
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    for (const name of ["entries", "likely"]) this.pad.chores.drop(name);
  }

  recolour() {
    const tiles = [...this.cells, ...this.entries].map(({ view }) => view);
    for (const view of [this.output, ...tiles]) view.recolour(this.pad.colours);
  }

  // Another run, or another image.
  changed() {
    const { run, digits } = this.pad;
    this.root.hidden = !run.book;
    if (this.root.hidden || !this.seen.now) return;
    if (this.run !== run || this.digits !== digits) {
      this.run = run;
      this.digits = digits;
      this.#build();
      this.#picture();
    }
    this.drawn();
  }

  // Wherever the hand is: the entries nearest to that point.
  drawn() {
    const { run, shown } = this.pad;
    if (this.run !== run || !this.seen.now || this.root.hidden) return;
    const index = nearestEntries(run.book.data, run.book.length, shown);
    const own = this.pad.own && nearestEntries(run.book.data, run.book.length, this.pad.own);
    index.forEach((entry, place) => {
      const { button } = this.cells[place];
      button.classList.toggle("changed", Boolean(own) && own[place] !== entry);
      if (this.index[place] !== entry) this.#fill(place, entry);
    });
    this.index = index;
    this.output.draw(run.decode(shown));
    this.#choose(this.place);
    this.pad.chores.set("likely", () => this.#weigh());
  }

  #build() {
    const { book, prior } = this.run;
    const { text } = this;
    const side = Math.round((28 / book.width) * (1 + 2 * AROUND)); // pixels of a picture
    this.side = side;
    if (this.place < 0 || this.place >= book.places) this.place = Math.floor(book.places / 2);
    this.index = new Uint16Array(book.places).fill(65535);
    this.pad.part("code-title").textContent = format(text.code_title, book);
    this.pad.part("code-entries").textContent = format(text.code_entries, { count: book.entries });
    this.root.querySelector('[data-code="rest"]').toggleAttribute("hidden", !prior);
    const cells = this.root.querySelector(".code-cells");
    const entries = this.root.querySelector(".code-entries");
    entries.setAttribute("aria-label", this.pad.part("code-entries").textContent);
    this.cells = this.#tiles(cells, book.places, book.width, (place) => this.#choose(place));
    this.entries = this.#tiles(entries, book.entries, book.entries > 64 ? 16 : 8, (entry) =>
      this.#go(this.#with(entry)));
    this.entries.forEach(({ button }, entry) => {
      button.insertAdjacentHTML("beforeend", "<i></i>");
      button.setAttribute("aria-label", format(text.code_entry, { entry: entry + 1 }));
      button.addEventListener("pointerenter", () => this.#preview(this.#with(entry)));
      button.addEventListener("pointerleave", () => this.pad.draw());
      button.addEventListener("focus", () => this.#preview(this.#with(entry)));
      button.addEventListener("blur", () => this.pad.draw());
    });
    this.recolour();
  }

  // Buttons with a picture each, of which one is in the order of tabs and arrows lead to the others.
  #tiles(box, count, columns, press) {
    box.innerHTML = "";
    box.style.setProperty("--columns", String(columns));
    const tiles = Array.from({ length: count }, (_, i) => {
      const button = box.appendChild(document.createElement("button"));
      button.type = "button";
      button.innerHTML = "<canvas></canvas>";
      button.addEventListener("click", () => press(i));
      return { button, view: new DigitView(button.querySelector("canvas"), this.side) };
    });
    roving(box, tiles.map(({ button }) => button), columns);
    return tiles;
  }

  // What the mean of all held-out images looks like where they chose an entry, for each of them, a
  // few hundred images a turn.
  #picture() {
    const { run, digits, side } = this;
    const { book } = run;
    const [, height, width] = run.program.shape;
    const sums = new Float32Array(book.entries * side * side);
    this.counts = new Uint32Array(book.entries);
    this.pictures = null;
    let next = 0;
    this.pad.chores.set("entries", () => {
      if (this.run !== run || this.digits !== digits) return false;
      if (!digits.images || !run.codes) return !digits.images; // wait for the images
      const until = Math.min(run.count, next + TURN);
      for (; next < until; next++) {
        const index = run.indices(next);
        for (let place = 0; place < book.places; place++) {
          this.counts[index[place]]++;
          const top = Math.round(((Math.floor(place / book.width) + 0.5) * height) / book.height - side / 2);
          const left = Math.round((((place % book.width) + 0.5) * width) / book.width - side / 2);
          for (let r = 0, at = index[place] * side * side; r < side; r++) {
            for (let c = 0; c < side; c++, at++) {
              const y = top + r, x = left + c;
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              sums[at] += digits.images[next * digits.pixels + y * width + x];
            }
          }
        }
      }
      if (next < run.count) return true;
      this.pictures = Array.from({ length: book.entries }, (_, entry) =>
        sums.slice(entry * side * side, (entry + 1) * side * side)
          .map((sum) => sum / (255 * Math.max(1, this.counts[entry]))));
      this.entries.forEach(({ view, button }, entry) => {
        view.draw(this.pictures[entry]);
        button.classList.toggle("unused", !this.counts[entry]);
      });
      this.index.forEach((entry, place) => this.#fill(place, entry));
      this.#tell();
      return false;
    });
  }

  #fill(place, entry) {
    const { view, button } = this.cells[place];
    const { width } = this.run.book;
    button.setAttribute("aria-label", format(this.text.code_place, {
      row: Math.floor(place / width) + 1, column: (place % width) + 1, entry: entry + 1,
    }));
    if (this.pictures?.[entry]) view.draw(this.pictures[entry]);
  }

  #choose(place) {
    if (this.place !== place) {
      this.place = place;
      this.pad.chores.set("likely", () => this.#weigh());
    }
    this.cells.forEach(({ button }, i) => button.setAttribute("aria-pressed", String(i === place)));
    this.entries.forEach(({ button }, entry) =>
      button.setAttribute("aria-pressed", String(entry === this.index[place])));
  }

  // How probable each entry is at the chosen place, and what the whole code costs.
  #weigh() {
    const { run, index, place } = this;
    if (!run?.prior || this.pad.run !== run) return false;
    const shares = run.prior.likely(index, place);
    const most = Math.max(...shares);
    this.entries.forEach(({ button }, entry) =>
      button.style.setProperty("--likely", decimals(shares[entry] / most, 3)));
    this.likely = shares[index[place]];
    this.bits = -run.prior.logEach(index).reduce((sum, nats) => sum + nats, 0) / Math.LN2;
    this.#tell();
    return false;
  }

  #tell() {
    const { text, run, index, place, counts } = this;
    const entry = index[place];
    const all = counts?.reduce((sum, count) => sum + count, 0);
    if (!this.pictures || !all || entry === 65535) return;
    this.pad.part("code-said").textContent = format(
      run.prior ? text.code_said_prior : text.code_said,
      {
        entry: entry + 1, share: decimals((100 * counts[entry]) / all, 1),
        likely: decimals(100 * (this.likely ?? 0), 1),
      },
    );
    const { used, perplexity } = usage(counts);
    const even = run.book.places * Math.log2(run.book.entries);
    this.pad.part("code-numbers").innerHTML = [
      format(text.code_use, {
        count: grouped(run.count), used: `<b>${used}</b>`, entries: run.book.entries,
        perplexity: `<b>${decimals(perplexity, 1)}</b>`,
      }),
      format(run.prior ? text.code_bits_prior : text.code_bits, {
        even: `<b>${decimals(even, 0)}</b>`, own: `<b>${decimals(this.bits ?? 0, 0)}</b>`,
      }),
    ].join(" ");
  }

  // The shown code with another entry at the chosen place.
  #with(entry) {
    const { book } = this.run;
    const index = this.index.slice();
    index[this.place] = entry;
    return lookUp(book.data, book.length, index);
  }

  #preview(z) {
    const output = this.run.decode(z);
    this.output.draw(output);
    this.pad.views.output.draw(output);
  }

  #go(z) {
    const { pad } = this;
    if (!z) return;
    pad.ghost = null;
    pad.z = Float32Array.from(z);
    pad.draw();
    pad.settle();
  }

  // Keep the places up to the chosen one, and draw those after it from the prior.
  #redraw() {
    const { book, prior } = this.run;
    this.#go(lookUp(book.data, book.length, prior.goOn(this.index, this.place + 1)));
  }
}
