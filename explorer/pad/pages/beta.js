// β and K: the latent pad with a knob for β and stops for K, and beside it, live, what they cost:
// rate and distortion, the KL of each dimension, the ledger of the digit, all K and β at a glance.

import { bernoulliFloor, bernoulliNll, DRAWS, gaussianNll, ledger, surgery } from "../engine/ledger.js";
import { squaredError } from "../engine/numbers.js";
import { Run } from "../engine/run.js";
import { address } from "../parts/address.js";
import { Bars, Chart } from "../parts/chart.js";
import { DigitView } from "../parts/digit_view.js";
import { ExplorePad } from "../parts/latent_pad.js";
import { decimals, escaped, format } from "../parts/page.js";

const CUT = 400; // digits whose posteriors make up q(z)
const DEAD = 0.05; // nats per image; below it a dimension is called dead

export async function mount({ parentElement, data }) {
  const bench = new BetaBench(parentElement, data);
  await bench.load(data);
  return bench;
}

class BetaBench {
  constructor(host, data) {
    this.text = data.text;
    this.runs = new Map(); // by K, once their files are here
    this.switches = []; // milliseconds from a click on a stop to the drawn digit and charts
    this.charts = [];
    this.lazy = { grid: {}, pair: {} }; // and the digit that each shows
    this.seen = new Set(); // of the parts that wait until they are scrolled into view
    this.stops = data.stops;
    this.pad = new ExplorePad(host, data);
    this.pad.bench = this;
    this.pad.attach({ changed: () => this.follow(), recolour: () => this.recolour() });
    this.#buildPage();
  }

  destroy() {
    clearTimeout(this.cutting);
    this.cutOf = null;
    this.watcher.disconnect();
    clearTimeout(this.ledgerTimer);
    cancelAnimationFrame(this.ledgerFrame);
    this.dropCharts();
    this.pad.destroy();
  }

  update(data) {
    this.text = data.text;
    address.set({});
  }

  async load(data) {
    const { stops, pad, text } = this;
    const ks = stops.map((stop) => stop.k);
    const asked = address.get("k");
    const good = asked === null || ks.some((k) => String(k) === asked.trim());
    const k = good && asked !== null ? Number(asked) : ks[0];
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
    root.querySelector(".plane").appendChild(this.pad.part("buttons"));
    const fold = document.createElement("details");
    fold.innerHTML = `<summary>${t.sliders}</summary>`;
    const sliders = this.pad.part("sliders");
    sliders.before(fold);
    fold.appendChild(sliders);
    root.insertAdjacentHTML("beforeend", `
      <div class="bench">
        <section><h3>${t.curve}</h3><div data-part="curve"></div>
          <div data-part="gaps"></div><p class="hint">${t.curve_note}</p></section>
        <section><h3>${t.dimensions}</h3><div data-part="kl"></div>
          <p data-part="dead"></p><p class="hint">${t.dimensions_note}</p>
          <p class="surgery" data-part="surgery"></p></section>
        <section class="ledger" data-lazy="ledger"><h3 data-part="ledger-title">${t.ledger}</h3>
          <div class="bars" data-part="stack"></div>
          <div class="sums"><table><tbody data-part="rows"></tbody></table>
          <div><p class="each" data-part="each"></p><p class="hint">${
            format(t.ledger_note, { draws: DRAWS })}</p>
          <p class="hint" data-part="effective"></p></div></div></section>
        <section data-lazy="grid"><h3>${t.grid}</h3>
          <div class="matrix" data-part="grid"></div><p class="hint">${t.grid_note}</p></section>
        <section data-lazy="pair" hidden><h3>${t.pair}</h3>
          <div class="pair" data-part="pair"></div><p class="hint" data-part="pair-note"></p></section>
      </div>`);
    this.buttons = Array.from(root.querySelectorAll("[data-k]"));
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.switchTo(Number(button.dataset.k)));
    }
    this.#buildStack();
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const name = entry.target.dataset.lazy;
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
    const cells = Array.from(this.cellViews?.values() ?? [], ({ view }) => view);
    for (const view of [...cells, this.original, ...(this.pairViews ?? [])]) {
      view?.recolour(this.pad.colours);
    }
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
    const dead = Array.from(kl.keys()).filter((k) => kl[k] < DEAD);
    const names = dead.map((k) => `z${k + 1}`).join(", ");
    const told = dead.length === run.latent ? text.dead_all : dead.length ? text.dead : text.dead_none;
    this.part("dead").innerHTML = format(told, { names, least: DEAD, beta: values.beta });
    this.#ledgerSoon();
    this.#surgerySoon();
    this.#showHere();
    this.followLazily();
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
    this.part("surgery").style.opacity = 0.4;
    clearTimeout(this.cutting);
    this.cutting = setTimeout(() => this.#surgery(run, told), 400);
  }

  async #surgery(run, told) {
    const { digits } = this.pad;
    await digits.arrived;
    const step = Math.max(1, Math.floor(run.count / CUT));
    const posteriors = [];
    for (let i = 0; i < CUT && i * step < run.count; i++) {
      if (i % 25 === 0) await idle();
      if (this.cutOf !== told) return;
      posteriors.push(run.encode(digits.image(i * step)));
    }
    this.cut = surgery(posteriors);
    const line = this.part("surgery");
    line.style.opacity = 1;
    line.innerHTML = format(this.text.surgery, {
      beta: run.value.toPrecision(2), count: posteriors.length,
      rate: decimals(this.cut.rate, 2), information: decimals(this.cut.information, 2),
      marginal: decimals(this.cut.marginal, 2), most: decimals(Math.log(posteriors.length), 2),
    });
  }

  part(name) {
    return this.pad.part(name);
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
    this.curve = new Chart(this.part("curve"), {
      label: text.curve,
      x: { title: text.axis_rate, low: 0 },
      y: { title: text.axis_distortion },
      legend: true,
      series: [
        { name: text.network, points: line, line: true, symbol: "circle", quiet: true, hue: 0 },
        ...(own.length ? [{ name: text.dedicated, points: own, symbol: "diamond", hue: 1 }] : []),
      ],
    });
    this.bars = new Bars(this.part("kl"), {
      label: text.dimensions,
      x: text.axis_dimension,
      y: text.axis_kl,
      top: Math.max(...kl.data),
      count: run.latent,
      least: DEAD,
      title: (k, value) => format(text.bar, { k: k + 1, kl: decimals(value, 2) }),
    });
    this.charts = [this.curve, this.bars];
    this.part("gaps").innerHTML = own.length ? this.#gapTable(stop) :
      `<p class="hint">${text.no_dedicated}</p>`;
    this.top = 0;
    const fold = this.pad.root.querySelector("details");
    fold.open = run.latent <= 4;
  }

  #gapTable({ dedicated, epochs }) {
    const { text } = this;
    const cells = (name, value) => `<tr><th scope="row">${name}</th>${
      dedicated.map((one) => `<td>${value(one)}</td>`).join("")}</tr>`;
    return `<table class="gaps"><thead><tr><th scope="col">β</th>${dedicated.map((one) =>
      `<th scope="col">${one.beta}</th>`).join("")}</tr></thead><tbody>${
      cells(text.gap_here, (one) => decimals(one.here, 1))}${
      cells(text.gap_own, (one) => decimals(one.objective, 1))}${
      cells(text.gap, (one) => `<b>${signed(one.gap, 1)}</b>`)}</tbody></table>
      <p class="hint">${format(text.gap_note, epochs)}</p>`;
  }

  #buildStack() {
    const { text } = this;
    this.part("stack").innerHTML = ["elbo", "objective"].map((name) => `
      <div class="stack" data-bar="${name}" role="img"><span class="name">${text[`bar_${name}`]}</span>
      <span class="track"><span class="rec"><b></b></span><span class="kls"></span>
      <b class="after"></b></span></div>`).join("");
    this.stacks = Object.fromEntries(Array.from(this.part("stack").children, (row) => [
      row.dataset.bar,
      { row, rec: row.querySelector(".rec"), kls: row.querySelector(".kls"),
        after: row.querySelector(".after") },
    ]));
  }

  #likelihood() {
    return this.stops.find((one) => one.k === this.pad.run.latent).likelihood;
  }

  // Reconstruction + KL of each dimension = −ELBO; with β before the KL, what training minimises.
  #showLedger() {
    const { run, input } = this.pad;
    if (!input) return;
    const { text } = this;
    const beta = run.value;
    const found = ledger(run, input, this.#likelihood());
    const elbo = found.reconstruction + found.rate;
    const objective = found.reconstruction + beta * found.rate;
    this.sums = { ...found, elbo, objective, beta };
    const least = Math.max(elbo, objective) * 1.04;
    if (this.digit !== this.pad.digit) this.top = 0;
    this.digit = this.pad.digit;
    if (!(this.top >= least)) this.top = Math.ceil(least / 50) * 50;
    const order = Array.from(found.kl.keys()).sort((a, b) => found.kl[b] - found.kl[a]);
    const floor = bernoulliFloor(input);
    const share = (nats) => `${((100 * nats) / this.top).toFixed(2)}%`;
    for (const [name, weight, total] of [["elbo", 1, elbo], ["objective", beta, objective]]) {
      const { row, rec, kls, after } = this.stacks[name];
      rec.style.width = share(found.reconstruction);
      rec.firstElementChild.textContent = decimals(found.reconstruction, 1);
      rec.style.setProperty("--floor", `${(100 * floor) / found.reconstruction}%`);
      if (kls.childElementCount !== run.latent) {
        kls.innerHTML = "<i></i>".repeat(run.latent);
        kls.parts = Array.from(kls.children);
      }
      kls.style.width = share(weight * found.rate);
      order.forEach((k, i) => (kls.parts[i].style.flexGrow = Math.max(0, found.kl[k]).toFixed(4)));
      after.textContent = `+ ${decimals(weight * found.rate, 1)} = ${decimals(total, 1)}`;
      row.setAttribute("aria-label", format(text.bar_told, {
        name: text[`bar_${name}`], reconstruction: decimals(found.reconstruction, 1),
        kl: decimals(weight * found.rate, 1), total: decimals(total, 1) }));
    }
    const written = beta.toPrecision(2);
    const rows = [
      [text.row_reconstruction, `${decimals(found.reconstruction, 1)} ± ${decimals(found.spread, 1)}`],
      [format(text.row_floor, {}), decimals(floor, 1), "aside"],
      [format(text.row_kl, { count: run.latent }), decimals(found.rate, 2)],
      [text.row_elbo, decimals(elbo, 1), "sum"],
      [format(text.row_weighted, { beta: written }), decimals(beta * found.rate, 2)],
      [format(text.row_objective, { beta: written }), decimals(objective, 1), "sum"],
    ];
    const body = this.part("rows");
    if (!this.cells) {
      body.innerHTML = rows.map(([, , kind]) =>
        `<tr class="${kind ?? ""}"><th scope="row"></th><td></td></tr>`).join("");
      this.cells = Array.from(body.children, (row) => Array.from(row.children));
    }
    rows.forEach(([name, value], i) => {
      this.cells[i][0].textContent = name;
      this.cells[i][1].textContent = value;
    });
    this.part("ledger-title").textContent =
      format(text.ledger_of, { label: this.pad.digits.labels[this.pad.digit], beta: written });
    this.part("each").innerHTML = `${text.each} ${order.map((k) =>
      `<span>z<sub>${k + 1}</sub>&nbsp;${decimals(found.kl[k], 2)}</span>`).join(" + ")}`;
    this.part("effective").innerHTML = format(text.effective, {
      beta: written,
      pixels: run.pixels,
      summed: (beta / run.pixels).toPrecision(2),
      averaged: ((beta * run.latent) / run.pixels).toPrecision(2),
      count: run.latent,
    });
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
      .then(() => (name === "grid" ? this.#showGrid(digit) : this.#showPair(digit)))
      .catch((error) => this.pad.say(format(this.text.failed, { error: error.message })))
      .then(() => {
        part.of = digit;
        this.later = null;
        this.followLazily();
      });
  }

  #buildGrid() {
    const { text } = this;
    const betas = this.columns;
    this.part("grid").style.setProperty("--columns", betas.length);
    this.part("grid").innerHTML = `
      <figure class="original"><canvas role="img" class="cell" data-part="original"></canvas></figure>
      ${betas.map((beta) => `<b class="head">β = ${beta}</b>`).join("")}
      ${this.stops.map(({ k }) => `<b class="head side">K = ${k}</b>${betas.map((beta) => `
        <button type="button" data-cell="${k}:${beta}"><canvas class="cell" aria-hidden="true"></canvas>
        <small></small></button>`).join("")}`).join("")}`;
    this.original = new DigitView(this.part("original"));
    this.cellViews = new Map();
    for (const button of this.part("grid").querySelectorAll("[data-cell]")) {
      const view = new DigitView(button.firstElementChild);
      this.cellViews.set(button.dataset.cell, { button, view });
      button.setAttribute("aria-label", text.loading);
      button.addEventListener("click", async () => {
        const [k, beta] = button.dataset.cell.split(":").map(Number);
        if (k !== this.k) await this.switchTo(k);
        this.pad.turn(beta);
      });
    }
  }

  get columns() {
    return this.pad.data?.betas ?? [];
  }

  async #showGrid(digit) {
    if (!this.cellViews) this.#buildGrid();
    const { text, pad } = this;
    const x = pad.digits.image(digit);
    this.original.recolour(pad.colours);
    this.original.draw(x);
    this.part("original").setAttribute(
      "aria-label", format(text.input_digit, { label: pad.digits.labels[digit] }));
    for (const { k } of this.stops) {
      const run = await this.fetch(k);
      for (const beta of this.columns) {
        const { button, view } = this.cellViews.get(`${k}:${beta}`);
        const output = run.at(beta, () => run.decode(run.encode(x).mean));
        view.recolour(pad.colours);
        view.draw(output);
        const error = decimals(squaredError(output, x), 1);
        button.lastElementChild.textContent = error;
        button.setAttribute("aria-label", format(text.cell, { k, beta, error }));
      }
      await idle();
    }
    this.#showHere();
  }

  // The same digit under a Bernoulli and a Gaussian likelihood, each with its own score.
  async #showPair(digit) {
    const { text, pad } = this;
    const wanted = pad.data.pair;
    this.pair ??= await Promise.all(wanted.map(({ run }) => Run.load(run)));
    const x = pad.digits.image(digit);
    const { mean } = pad.digits;
    const meanLogits = mean.map((p) => Math.log(Math.max(p, 1e-6) / Math.max(1 - p, 1e-6)));
    const columns = this.pair.map((run, i) => {
      const { likelihood } = wanted[i];
      const output = Float32Array.from(run.decode(run.encode(x).mean));
      const trivial = likelihood.kind === "bernoulli"
        ? bernoulliNll(meanLogits, x)
        : gaussianNll(mean, x, likelihood.sigma);
      return { kind: likelihood.kind, output, trivial, ...ledger(run, x, likelihood),
        error: squaredError(output, x) };
    });
    this.pairScores = columns;
    const unit = { bernoulli: text.pair_unit_bernoulli, gaussian: text.pair_unit_gaussian };
    const trivialError = decimals(squaredError(mean, x), 1);
    this.part("pair").innerHTML = `
      ${[text.pair_original, ...columns.map((one) => text[`pair_${one.kind}`])].map((name) =>
        `<figure><canvas class="cell" role="img" aria-label="${escaped(name)}"></canvas>
        <figcaption>${name}</figcaption></figure>`).join("")}
      <table><thead><tr><th scope="col">${text.pair_model}</th><th scope="col">${text.pair_error}</th>
        <th scope="col">${text.pair_nll}</th></tr></thead><tbody>
        ${columns.map((one) => `<tr><th scope="row">${text[`pair_${one.kind}`]}</th>
          <td><b>${decimals(one.error, 1)}</b><small>${text.pair_trivial} ${trivialError}</small></td>
          <td><b>${minus(one.reconstruction)}</b> ${unit[one.kind]}<small>${text.pair_trivial}
          ${minus(one.trivial)}</small></td></tr>`).join("")}</tbody></table>`;
    const pictures = [x, ...columns.map((one) => one.output)];
    this.pairViews = Array.from(this.part("pair").querySelectorAll("canvas"), (canvas, i) => {
      const view = new DigitView(canvas);
      view.recolour(pad.colours);
      view.draw(pictures[i]);
      return view;
    });
    this.part("pair-note").innerHTML = format(text.pair_note, {
      latent: this.pair[0].latent, sigma: wanted[1].likelihood.sigma });
  }

  // Which cell of the grid the knobs stand at.
  #showHere() {
    if (!this.cellViews) return;
    for (const [name, { button }] of this.cellViews) {
      const [k, beta] = name.split(":").map(Number);
      const here = k === this.pad.run.latent && Math.abs(Math.log(beta / this.pad.run.value)) < 0.02;
      if ((button.getAttribute("aria-current") === "true") !== here) {
        button.setAttribute("aria-current", String(here));
      }
    }
  }
}

function minus(value) {
  return decimals(value, 1).replace("-", "−");
}

function signed(value, places) {
  const text = decimals(Math.abs(value), places);
  return `${Number(text) === 0 ? "±" : value < 0 ? "−" : "+"}${text} %`;
}

// A moment in which the browser has nothing better to do.
function idle() {
  return new Promise((done) =>
    window.requestIdleCallback ? window.requestIdleCallback(done, { timeout: 500 }) : setTimeout(done, 20));
}
