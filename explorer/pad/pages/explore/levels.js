// A code of several levels: draw one of them anew and keep the others, choose whether what lies below
// follows, and see what each level and each of its numbers costs.

import { active } from "../../engine/knots.js";
import { ledger } from "../../engine/ledger.js";
import { moved } from "../../engine/levels.js";
import { seeded } from "../../engine/numbers.js";
import { address } from "../../parts/address.js";
import { DigitView } from "../../parts/digit_view.js";
import { decimals, format } from "../../parts/page.js";
import { Seen } from "../../parts/seen.js";
import { levelName } from "../../parts/sliders.js";

const DRAWS = 8; // of each level
const WEIGHED = 32; // draws of z, for what this image costs

export class CodeLevels {
  /** @param {import("../../parts/latent_pad.js").LatentPad & { tools: import("./map_tools.js").MapTools }} pad */
  constructor(pad) {
    this.pad = pad;
    const t = (this.text = pad.text);
    /** @type {{ box: HTMLElement, said: HTMLElement, bars: HTMLElement, seed: number,
     *   tiles: HTMLElement[], views: DigitView[], codes: Float32Array[] }[]} */
    this.rows = []; // of each level, the lowest first
    pad.root.querySelector(".controls").insertAdjacentHTML("afterend", `
      <section class="code-levels" data-part="code-levels" hidden>
        <h2>${t.levels}</h2>
        <p class="hint">${t.levels_note}</p>
        <div class="follow"><span id="levels-below">${t.levels_below}</span>
          <div class="modes" role="group" aria-labelledby="levels-below">
            <button type="button" data-below="follow" title="${t.below_follow_help}">${t.below_follow}</button>
            <button type="button" data-below="stay" title="${t.below_stay_help}">${t.below_stay}</button>
          </div></div>
        <div class="levels" data-part="levels"></div>
      </section>`);
    this.root = pad.part("code-levels");
    this.buttons = Array.from(this.root.querySelectorAll("[data-below]"));
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.#choose(button.dataset.below === "follow"));
    }
    this.seen = new Seen(this.root, () => this.changed());
  }

  destroy() {
    this.seen.destroy();
    for (const name of ["levels", "level-cost"]) this.pad.chores.drop(name);
  }

  recolour() {
    for (const { views } of this.rows) for (const view of views) view.recolour(this.pad.colours);
  }

  // Another run, or another image.
  changed() {
    const { run, input } = this.pad;
    this.root.hidden = !(run.levels?.widths.length > 1);
    if (this.root.hidden) return;
    if (this.run !== run) {
      this.run = run;
      this.#follow(address.get("below") !== "stay");
      this.#build();
    }
    if (!this.seen.now) return;
    if (this.mean !== run) {
      this.mean = run;
      this.#averages(run);
    }
    if (this.input !== input) {
      this.input = input;
      this.own = null;
      this.pad.chores.set("level-cost", () => this.#price());
    }
    this.drawn();
  }

  // Wherever the hand is: the other levels of its code stay.
  drawn() {
    const { run, shown } = this.pad;
    if (this.run !== run || this.root.hidden || !this.seen.now) return;
    if (this.from?.every((value, k) => value === shown[k])) return;
    this.from = shown.slice();
    let next = 0;
    this.pad.chores.set("levels", () => {
      const level = run.levels.widths.length - 1 - Math.floor(next / DRAWS);
      this.#show(level, next++ % DRAWS);
      return next < DRAWS * run.levels.widths.length;
    });
  }

  #choose(follows) {
    this.#follow(follows);
    this.#command();
    address.set({ below: follows ? null : "stay" });
    this.from = null;
    this.pad.draw();
  }

  #follow(follows) {
    this.run.levels.follows = follows;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String((button.dataset.below === "follow") === follows));
    }
  }

  #build() {
    const { levels } = this.run;
    const box = this.pad.part("levels");
    box.innerHTML = "";
    this.from = null;
    this.rows = levels.widths.map((width, level) => {
      const name = levelName(levels, level, this.text);
      const row = document.createElement("div");
      row.className = "level";
      row.innerHTML = `<header><h3>${name}</h3>
        <small>z${levels.starts[level] + 1}–z${levels.starts[level + 1]}</small></header>
        <div class="costs" role="img">${"<i></i>".repeat(width)}</div>
        <p class="hint" role="status"></p>
        <div class="more"><button type="button"></button></div>
        <div class="tiles"></div>`;
      box.prepend(row); // the top level comes first
      const tiles = Array.from({ length: DRAWS }, (_, i) => {
        const tile = row.querySelector(".tiles").appendChild(document.createElement("button"));
        tile.type = "button";
        tile.innerHTML = '<canvas class="digit"></canvas>';
        tile.setAttribute("aria-label", format(this.text.level_draw, { name, number: i + 1 }));
        tile.addEventListener("click", () => this.#go(this.rows[level].codes[i]));
        return tile;
      });
      const found = {
        box: row, said: row.querySelector("p"), bars: row.querySelector(".costs"), seed: level, tiles,
        views: tiles.map((tile) => new DigitView(tile.querySelector("canvas"))), codes: [],
      };
      row.querySelector(".more button").addEventListener("click", () => {
        found.seed += levels.widths.length;
        for (let i = 0; i < DRAWS; i++) this.#show(level, i);
      });
      return found;
    });
    this.recolour();
    this.#command();
    this.#tell();
  }

  // What each button says that it does.
  #command() {
    const { rows, text } = this;
    const { levels } = this.run;
    const top = levels.follows ? text.redraw_top_follow : text.redraw_top;
    rows.forEach(({ box }, level) => {
      box.querySelector(".more button").textContent = rows.length > 2
        ? format(text.redraw_level, { name: levelName(levels, level, text) })
        : level ? top : text.redraw_low;
    });
  }

  // A draw of one level for the shown point: always the same one, until others are asked for.
  #show(level, i) {
    const { run, shown } = this.pad;
    const row = this.rows[level];
    if (this.run !== run || !row) return;
    const { starts, widths } = run.levels;
    const anew = (/** @type {number} */ k) => k >= starts[level] && k < starts[level + 1];
    const choose = seeded((row.seed * DRAWS + i) * widths.length + level);
    const z = moved(run, shown, run.levels.redraw(shown, anew, choose));
    row.codes[i] = z;
    row.views[i].draw(run.decode(z));
  }

  #go(z) {
    const { pad } = this;
    if (!z) return;
    pad.ghost = null;
    pad.z = z.slice();
    pad.draw();
    pad.settle();
  }

  // What each number costs in the mean over the held-out images.
  async #averages(run) {
    this.kl = null;
    this.#tell();
    try {
      const { arrays } = await this.pad.tools.derived("each");
      if (this.run === run && arrays.kl?.data.length === run.latent) this.kl = arrays.kl.data;
    } catch {
      return; // what this image costs is told all the same
    }
    this.#tell();
  }

  // What this image costs by level.
  #price() {
    const { input, run } = this.pad;
    if (this.run !== run || !input || !run.hasPosterior || !run.prior) return false;
    const { kl } = ledger(run, input, WEIGHED);
    if (kl.length === run.latent) this.own = kl;
    this.#tell();
    return false;
  }

  #tell() {
    const { kl, own, run, text } = this;
    const most = kl && Math.max(...kl);
    this.rows.forEach(({ said, bars }, level) => {
      const [from, to] = run.levels.starts.slice(level, level + 2);
      const sum = (/** @type {Float32Array} */ each) =>
        each.slice(from, to).reduce((all, nats) => all + nats, 0);
      const told = [];
      if (kl) {
        const alive = active(Array.from(kl.slice(from, to))).length;
        told.push(format(text.level_mean, {
          nats: decimals(sum(kl), 1), share: decimals((100 * sum(kl)) / kl.reduce((a, b) => a + b, 0), 0),
          active: alive, count: to - from,
        }));
      }
      if (own) told.push(format(text.level_own, { nats: decimals(sum(own), 1) }));
      said.textContent = told.join(" ");
      bars.hidden = !kl;
      Array.from(bars.children).forEach((bar, i) => {
        const nats = kl?.[from + i] ?? 0;
        /** @type {HTMLElement} */ (bar).style.setProperty("--nats", decimals(nats / most, 3));
        bar.setAttribute("title", format(text.level_bar, { k: from + i + 1, nats: decimals(nats, 2) }));
      });
      if (kl) {
        bars.setAttribute("aria-label", format(text.level_bars, {
          values: Array.from(kl.slice(from, to), (v, i) => `z${from + i + 1} ${decimals(v, 2)}`).join(", "),
        }));
      }
    });
  }
}
