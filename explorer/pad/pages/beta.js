// β and K: the latent pad with a knob for β and stops for K, and beside it, live, what they cost:
// rate and distortion, the KL of each dimension, the ledger of the digit, all K and β at a glance.

import { active, LEAST_NATS } from "../engine/knots.js";
import { DRAWS, surgery } from "../engine/ledger.js";
import { stratified } from "../engine/numbers.js";
import { Run } from "../engine/run.js";
import { inSlices } from "../engine/slices.js";
import { address } from "../parts/address.js";
import { Bars, Chart } from "../parts/chart.js";
import { LatentPad } from "../parts/latent_pad.js";
import { mounting } from "../parts/pad.js";
import { decimals, format, idle, worded } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";
import { Grid } from "./beta/grid.js";
import { LedgerTable } from "./beta/ledger_table.js";
import { Pair } from "./beta/pair.js";
import { offered } from "./beta/saves.js";

const CUT = 400; // digits whose posteriors make up q(z)
const CUT_SEED = 0; // which of them

class BetaBench {
  constructor(component) {
    const { data } = component;
    this.text = worded(data.text);
    this.runs = new Map(); // by K, once their files are here
    this.switches = []; // milliseconds from a click on a stop to the drawn digit and charts
    this.charts = [];
    this.lazy = { grid: {}, pair: {} }; // and the digit that each shows
    this.seen = new Set(); // of the parts that wait until they are scrolled into view
    this.stops = data.stops;
    /** @type {number[] | undefined} */
    this.sample = undefined; // digits of the surgery, once it was asked for
    this.pad = new LatentPad(component);
    Object.assign(this.pad, { bench: this });
    this.#buildPage();
    this.pad.attach({ changed: () => this.follow(), recolour: () => this.recolour() });
  }

  destroy() {
    clearTimeout(this.cutting);
    this.cutOf = null;
    this.watcher.disconnect();
    clearTimeout(this.ledgerTimer);
    cancelAnimationFrame(this.ledgerFrame);
    this.dropCharts();
    this.menu.destroy();
    this.pad.destroy();
  }

  update(data) {
    this.text = worded(data.text);
  }

  async load(data) {
    const { stops, pad, text } = this;
    const ks = stops.map((stop) => stop.k);
    const asked = address.get("k");
    const good = asked === null || ks.some((k) => String(k) === asked.trim());
    const k = good && asked !== null ? Number(asked) : data.opens;
    const stop = stops.find((one) => one.k === k);
    this.k = k;
    this.#showStop();
    await pad.load({ ...data, run: stop.run }); // returns when the pictures too have come
    this.runs.set(k, pad.run);
    if (!good) this.#alsoSay(format(text.bad_k, { all: ks.join(", "), k }));
    this.#watch();
    this.#prefetch();
  }

  // The other stops' files come while nothing else is to do, so that a switch waits for none.
  async #prefetch() {
    for (const { k } of this.stops) {
      await idle();
      await this.fetch(k).catch(() => null); // whoever presses that stop is told
    }
    this.prefetched = true;
  }

  // What the pad itself said of the link stays.
  #alsoSay(sentence) {
    const said = this.pad.part("message").textContent;
    this.pad.say(said ? `${sentence} ${said}` : sentence);
  }

  // The run of a stop, from the network once; asked again where that failed.
  async fetch(k) {
    if (!this.runs.has(k)) {
      const { run } = this.stops.find((stop) => stop.k === k);
      this.runs.set(k, Run.load(run));
    }
    try {
      const found = await this.runs.get(k);
      this.runs.set(k, found);
      return found;
    } catch (error) {
      this.runs.delete(k);
      throw error;
    }
  }

  #buildPage() {
    const t = this.text;
    const { root } = this.pad;
    root.classList.replace("explore", "beta");
    root.insertAdjacentHTML("afterbegin", `
      <div class="knobs">
        <div class="stops" role="group" aria-label="${t.stops}"><span class="name">K</span>
          ${this.stops.map(({ k }) => `<button type="button" data-k="${k}"
            aria-label="${format(t.stop, { k })}">${k}</button>`).join("")}</div>
      </div>`);
    const dial = this.pad.part("dial");
    root.querySelector(".knobs").appendChild(dial);
    root.querySelector(".knobs").after(this.pad.part("message"));
    const actions = root.querySelector(".plane").appendChild(document.createElement("div"));
    actions.className = "actions";
    actions.append(this.pad.part("buttons"));
    this.menu = saveMenu(actions, offered(this), t);
    root.querySelector(".plane").insertAdjacentHTML("afterend", `
      <section class="carried"><h2>${t.dimensions}</h2><div data-part="kl"></div>
        <p data-part="dead"></p><p class="hint">${t.dimensions_note}</p></section>`);
    const fold = document.createElement("details");
    fold.innerHTML = `<summary>${t.sliders}</summary>`;
    const sliders = this.pad.part("sliders");
    sliders.before(fold);
    fold.appendChild(sliders);
    root.insertAdjacentHTML("beforeend", `
      <div class="bench">
        <section><h2>${t.curve}</h2><div data-part="curve"></div>
          <p class="hint">${t.curve_note}</p></section>
        <section><h2>${t.price}</h2><div data-part="gaps"></div>
          <p class="surgery" data-part="surgery"></p></section>
        <section class="ledger" data-lazy="ledger"><h2 data-part="ledger-title">${t.ledger}</h2>
          <div class="bars" data-part="stack"></div>
          <div class="sums"><table><tbody data-part="rows"></tbody></table>
          <div><p class="each" data-part="each"></p><p class="hint">${
            format(t.ledger_note, { draws: DRAWS })}</p>
          <p class="hint" data-part="effective"></p></div></div></section>
        <section data-lazy="grid"><h2>${t.grid}</h2>
          <div class="matrix" data-part="grid"></div><p class="hint">${t.grid_note}</p></section>
        <section data-lazy="pair" hidden><h2>${t.pair}</h2>
          <div class="pair" data-part="pair"></div><p class="hint" data-part="pair-note"></p></section>
      </div>`);
    this.buttons = Array.from(root.querySelectorAll("[data-k]"));
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.switchTo(Number(button.dataset.k)));
    }
    this.ledger = new LedgerTable(this.pad);
    this.grid = new Grid(this.pad, this.stops, {
      fetch: (k) => this.fetch(k),
      onPick: async (k, beta) => {
        if (k !== this.k) await this.switchTo(k);
        this.pad.turn(beta);
      },
    });
    this.pair = new Pair(this.pad);
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const name = /** @type {HTMLElement} */ (entry.target).dataset.lazy;
        if (entry.isIntersecting) this.seen.add(name);
        else this.seen.delete(name);
      }
      this.followLazily();
    }, { rootMargin: "120px" });
  }

  #watch() {
    this.pad.root.querySelector('[data-lazy="pair"]').hidden = !this.pad.data.pair.length;
    for (const part of this.pad.root.querySelectorAll("[data-lazy]")) this.watcher.observe(part);
  }

  recolour() {
    this.grid.recolour(this.pad.colours);
    this.pair.recolour(this.pad.colours);
  }

  #showStop() {
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.k) === this.k));
    }
  }

  async switchTo(k) {
    const started = performance.now();
    this.k = k;
    this.#showStop();
    const here = this.runs.get(k);
    let run = here;
    if (!(here instanceof Run)) {
      try {
        run = await this.fetch(k);
      } catch (error) {
        if (this.k !== k) return;
        this.k = this.pad.run.latent;
        this.#showStop();
        this.pad.say(format(this.text.failed, { error: error.message }));
        return;
      }
    }
    if (this.k !== k) return; // another stop was pressed meanwhile
    this.pad.say("");
    this.pad.use(run);
    address.set({ k });
    this.switches.push(performance.now() - started);
  }

  // The run, β or the digit is another one: everything beside the map follows in the same frame.
  follow() {
    const { run } = this.pad;
    if (this.charted !== run) this.#buildCharts(run);
    const { text } = this;
    const rate = run.scored("rate"), distortion = run.scored("distortion");
    const values = { beta: run.value.toPrecision(2), rate: decimals(rate, 1),
      distortion: decimals(distortion, 1) };
    this.curve.mark(rate, distortion, format(text.point, values));
    const kl = run.scoredKl();
    this.bars.show(kl);
    const alive = new Set(active(kl));
    const dead = Array.from(kl.keys()).filter((k) => !alive.has(k));
    const names = dead.map((k) => `z${k + 1}`).join(", ");
    const told = dead.length === run.latent ? text.dead_all : dead.length ? text.dead : text.dead_none;
    this.pad.part("dead").innerHTML = format(told, { names, least: LEAST_NATS, beta: values.beta });
    this.#ledgerSoon();
    this.#surgerySoon();
    this.grid.showHere();
    this.followLazily();
  }

  #showLedger() {
    this.ledger.show();
  }

  // Eight decodes: in sight they follow with the next frame, out of sight once β rests.
  #ledgerSoon() {
    clearTimeout(this.ledgerTimer);
    if (!this.seen.has("ledger")) {
      this.ledgerTimer = setTimeout(() => this.#showLedger(), 120);
      return;
    }
    this.ledgerFrame ??= requestAnimationFrame(() => {
      this.ledgerFrame = null;
      this.#showLedger();
    });
  }

  // Takes a tenth of a second, so it waits until β rests; what it said before is then of another β.
  #surgerySoon() {
    const { run } = this.pad;
    const told = `${run.id} ${run.value}`;
    if (this.cutOf === told) return;
    this.cutOf = told;
    this.cut = null;
    this.pad.part("surgery").style.opacity = 0.4;
    clearTimeout(this.cutting);
    this.cutting = setTimeout(() => this.#surgery(run, told), 400);
  }

  async #surgery(run, told) {
    const { digits } = this.pad;
    await digits.arrived;
    this.sample ??= stratified(digits.labels, CUT, CUT_SEED);
    const posteriors = [];
    const wanted = () => this.cutOf === told;
    await inSlices(this.sample.length, (i) => {
      posteriors.push(run.encode(digits.image(this.sample[i])));
    }, { wanted });
    if (!wanted()) return;
    this.cut = surgery(posteriors, run.prior);
    const line = this.pad.part("surgery");
    line.style.opacity = 1;
    line.innerHTML = format(this.text.surgery, {
      beta: run.value.toPrecision(2), count: posteriors.length,
      rate: decimals(this.cut.rate, 2), information: decimals(this.cut.information, 2),
      marginal: decimals(this.cut.marginal, 2), most: decimals(Math.log(posteriors.length), 2),
    });
  }

  dropCharts() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  #buildCharts(run) {
    const { text } = this;
    this.dropCharts();
    this.charted = run;
    const stop = this.stops.find((one) => one.k === run.latent);
    const { knots, knot_rate: rate, knot_distortion: distortion, knot_kl: kl } = run.knots;
    const title = (beta, x, y) => format(text.point, {
      beta: Number(beta.toPrecision(2)), rate: decimals(x, 1), distortion: decimals(y, 1) });
    const line = Array.from(knots.data, (s, i) => ({
      x: rate.data[i], y: distortion.data[i],
      title: title(Math.exp(s), rate.data[i], distortion.data[i]),
    }));
    const own = stop.dedicated.map((one) => ({
      x: one.rate, y: one.distortion,
      title: `${text.dedicated}: ${title(one.beta, one.rate, one.distortion)}`,
    }));
    this.curve = new Chart(this.pad.part("curve"), {
      label: text.curve,
      x: { title: text.axis_rate, low: 0 },
      y: { title: text.axis_distortion },
      legend: true,
      series: [
        { name: text.network, points: line, line: true, symbol: "circle", quiet: true, hue: 0 },
        ...(own.length ? [{ name: text.dedicated, points: own, symbol: "diamond", hue: 1 }] : []),
      ],
    });
    this.bars = new Bars(this.pad.part("kl"), {
      label: text.dimensions,
      x: text.axis_dimension,
      y: text.axis_kl,
      top: Math.max(...kl.data),
      count: run.latent,
      least: LEAST_NATS,
      title: (k, value) => format(text.bar, { k: k + 1, kl: decimals(value, 2) }),
    });
    this.charts = [this.curve, this.bars];
    this.pad.part("gaps").innerHTML = own.length ? this.#gapTable(stop) :
      `<p class="hint">${text.no_dedicated}</p>`;
    this.ledger.rescale();
    const fold = this.pad.root.querySelector("details");
    fold.open = run.latent <= 4;
  }

  #gapTable({ dedicated, seen }) {
    const { text } = this;
    const cells = (name, value) => `<tr><th scope="row">${name}</th>${
      dedicated.map((one) => `<td>${value(one)}</td>`).join("")}</tr>`;
    return `<table class="gaps"><thead><tr><th scope="col">β</th>${dedicated.map((one) =>
      `<th scope="col">${one.beta}</th>`).join("")}</tr></thead><tbody>${
      cells(text.gap_here, (one) => decimals(one.here, 1))}${
      cells(text.gap_own, (one) => decimals(one.objective, 1))}${
      cells(text.gap, (one) => `<b>${signed(one.gap, 1)}</b>`)}</tbody></table>
      <p class="hint">${format(text.gap_note, seen)}${
        seen.here === seen.own ? "" : ` ${text.gap_unequal}`}</p>`;
  }

  // What is drawn only while somebody looks, and only when the digit is another one.
  followLazily() {
    if (this.later || !this.pad.input) return;
    const { digit } = this.pad;
    const due = Object.entries(this.lazy).find(
      ([name, part]) => this.seen.has(name) && part.of !== digit);
    if (!due) return;
    const [name, part] = due;
    this.later = idle()
      .then(() => this[name].show(digit))
      .catch((error) => this.pad.say(format(this.text.failed, { error: error.message })))
      .then(() => {
        part.of = digit;
        this.later = null;
        this.followLazily();
      });
  }

}

export const mount = mounting(BetaBench);

function signed(value, places) {
  const text = decimals(Math.abs(value), places);
  return `${Number(text) === 0 ? "±" : value < 0 ? "−" : "+"}${text} %`;
}
