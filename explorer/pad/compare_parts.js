// What stands below the maps: the selected digits in numbers, the best and worst digits of each
// model, squared error against K, principal angles, and the weights as pictures.

import { inSlices } from "./chores.js";
import { squaredError } from "./engine.js";
import { DigitView } from "./draw.js";
import { Chart, SYMBOLS, escaped } from "./chart.js";
import { drawScale, drawSigned, filtersOf, largest } from "./filters.js";
import { montage } from "./montage.js";
import { decimals, format } from "./page.js";
import { saveDrawing, saveMenu, savePicture, saveTable } from "./saves.js";

const SHOWN = 6; // digits at each end
const HUES = 7; // of the curve's models, after PCA's

const heading = (text, note) => `<div class="head"><h3>${text}</h3><div class="save"></div></div>
  ${note ? `<p class="hint">${note}</p>` : ""}`;

// The menu in a section's heading; `about` gives what the files say of themselves.
function menu(root, text, items) {
  return saveMenu(root.querySelector(".save"), items, text);
}

const idsOf = (models) => models.map(({ run }) => run.id);

// Squared error of each held-out digit (count,): what the run holds, else decoded here.
export async function digitErrors(run, digits, wanted) {
  if (run.squaredErrors) return run.squaredErrors;
  const errors = new Float32Array(run.count);
  await inSlices(run.count, (i) => {
    errors[i] = squaredError(run.decode(run.code(i)), digits.image(i));
  }, { wanted });
  return errors;
}

// Mean over the digits that a mask chooses, or over all.
export function mean(values, mask = null) {
  let sum = 0, count = 0;
  for (let i = 0; i < values.length; i++) {
    if (mask && !mask[i]) continue;
    sum += values[i];
    count++;
  }
  return count ? sum / count : null;
}

// Indices of the digits with the least and the most squared error, the extreme ones first.
export function extremes(errors, count = SHOWN) {
  const order = Array.from(errors.keys()).sort((a, b) => errors[a] - errors[b] || a - b);
  return { best: order.slice(0, count), worst: order.slice(-count).reverse() };
}

// How many are selected, of which classes, and how well each model does on them.
export class Selection {
  constructor(root, text, onClear) {
    this.root = root;
    this.text = text;
    root.innerHTML = `<div class="head"><h3></h3><button type="button" class="clear">${text.clear}</button>
      <div class="save"></div></div><div class="tables"></div>`;
    root.querySelector(".clear").addEventListener("click", onClear);
    this.title = root.querySelector("h3");
    this.tables = root.querySelector(".tables");
    this.menu = menu(root, text, [
      { label: text.save_table, save: () => this.#saveTable() },
      { label: text.save_selected, save: () => this.#saveDigits() },
    ]);
    this.show(null);
  }

  destroy() {
    this.menu.destroy();
  }

  recolour({ palette }) {
    palette.forEach((colour, label) => this.root.style.setProperty(`--class${label}`, colour));
  }

  // {mask, labels, map, trivial, models: [{name, errors}]}, or null for no selection.
  show(state) {
    const t = this.text;
    this.state = state;
    this.root.hidden = !state;
    if (!state) return;
    const { mask, labels, models } = state;
    const classes = Array.from({ length: 10 }, () => ({ here: 0, all: 0 }));
    let count = 0;
    labels.forEach((label, i) => {
      count += mask[i];
      classes[label].here += mask[i];
      classes[label].all += 1;
    });
    this.rows = [{ name: t.curve_mean, errors: state.trivial }, ...models].map(({ name, errors }) => ({
      name, here: errors && mean(errors, mask), all: errors && mean(errors),
    }));
    const most = Math.max(...this.rows.map(({ here, all }) => Math.max(here ?? 0, all ?? 0)));
    const cell = (value) => {
      const told = typeof value === "number" ? decimals(value, 1) : value === null ? "–" : "…";
      return `<td style="--share:${((value ?? 0) / most) * 100 || 0}%">${told}</td>`;
    };
    const shares = (name, whole) => classes.map((one, label) => {
      const share = whole ? (100 * one[name]) / whole : 0;
      return `<td style="--share:${share}%;--hue:var(--class${label})">${
        whole ? `${decimals(share, 0)}%` : "–"}</td>`;
    }).join("");
    this.title.textContent = format(t.selected, {
      count: count.toLocaleString(), all: labels.length.toLocaleString(),
      share: decimals((100 * count) / labels.length, 1), map: state.map,
    });
    this.tables.innerHTML = `
      <table class="classes"><caption>${t.classes}</caption>
        <thead><tr><td></td>${classes.map((_, label) => `<th scope="col">${label}</th>`).join("")}</tr></thead>
        <tbody><tr><th scope="row">${t.column_selected}</th>${shares("here", count)}</tr>
        <tr><th scope="row">${t.column_all}</th>${shares("all", labels.length)}</tr></tbody></table>
      <table class="errors"><caption>${t.mean_error}</caption>
        <thead><tr><td></td><th scope="col">${t.column_selected}</th><th scope="col">${t.column_all}</th></tr></thead>
        <tbody>${this.rows.map(({ name, here, all }) => `<tr><th scope="row">${escaped(name)}</th>
          ${cell(here)}${cell(all)}</tr>`).join("")}</tbody></table>`;
  }

  #about(name) {
    const { textContent: title } = this.title;
    return { name, run: idsOf(this.state.models), title: `${title}; ${this.text.mean_error}` };
  }

  #saveTable() {
    const t = this.text;
    const rows = this.rows.map(({ name, here, all }) => [name, here ?? null, all ?? null]);
    return saveTable([t.save_model, t.column_selected, t.column_all], rows, this.#about("selection"));
  }

  #saveDigits() {
    const t = this.text;
    const { mask, labels, models, trivial } = this.state;
    const all = [{ name: t.curve_mean, errors: trivial }, ...models];
    const rows = [];
    mask.forEach((chosen, i) => {
      if (chosen) rows.push([i, labels[i], ...all.map(({ errors }) => errors?.[i] ?? null)]);
    });
    const columns = [t.save_index, t.save_class, ...all.map(({ name }) => name)];
    return saveTable(columns, rows, this.#about("selected-digits"));
  }
}

// The digits that each model gives back best and worst, above what it gives back.
export class Extremes {
  constructor(root, text, onPick) {
    this.root = root;
    this.text = text;
    this.views = [];
    root.innerHTML = `${heading(text.extremes_title, text.extremes_note)}<div class="table"></div>`;
    this.menu = menu(root, text, [
      { label: text.save_png, save: () => this.#savePicture() },
      { label: text.save_csv, save: () => this.#saveTable() },
    ]);
    this.table = root.querySelector(".table");
    this.table.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) onPick(Number(button.dataset.index));
    });
    this.table.addEventListener("keydown", (event) => this.#rove(event));
  }

  destroy() {
    this.shown = null;
    this.menu.destroy();
  }

  recolour(colours) {
    this.colours = colours;
    for (const view of this.views) view.recolour(colours);
  }

  // Arrows go from digit to digit, so that each model is one stop of the tab key.
  #rove(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const button = event.target.closest("button");
    if (!way || !button) return;
    event.preventDefault();
    const all = Array.from(button.closest(".one").querySelectorAll("button"));
    const next = all[(all.indexOf(button) + way + all.length) % all.length];
    for (const one of all) one.tabIndex = one === next ? 0 : -1;
    next.focus();
  }

  // models: [{name, run, errors}]; `trivial` (count,) is the mean digit's error on each digit.
  async show(models, digits, trivial) {
    this.shown = models;
    const t = this.text;
    this.views = [];
    const whole = decimals(mean(trivial), 1);
    const jobs = [];
    this.jobs = jobs;
    this.labels = digits.labels;
    this.table.innerHTML = "";
    for (const { name, run, errors } of models) {
      const row = this.table.appendChild(document.createElement("div"));
      row.className = "one";
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", name);
      const told = format(t.extremes_mean, { mean: decimals(mean(errors), 1), trivial: whole });
      row.innerHTML = `<h4>${escaped(name)}<small>${told}</small></h4>`;
      for (const [end, found] of Object.entries(extremes(errors))) {
        const strip = row.appendChild(document.createElement("div"));
        strip.className = `strip ${end}`;
        strip.innerHTML = `<span>${t[`extremes_${end}`]}</span>`;
        for (const index of found) jobs.push({ strip, end, index, name, run, errors });
      }
    }
    const placed = jobs.map((job) => this.#button(job, digits.labels[job.index], trivial[job.index]));
    jobs.forEach((job, i) => (job.canvases = placed[i].map(({ canvas }) => canvas)));
    for (const row of this.table.children) row.querySelector("button").tabIndex = 0;
    this.mark(this.marked);
    await inSlices(jobs.length, (i) => {
      const { run, index } = jobs[i];
      placed[i][0].draw(digits.image(index));
      placed[i][1].draw(run.decode(run.code(index)));
    }, { wanted: () => this.shown === models });
  }

  #button({ strip, end, index, name, errors }, label, trivial) {
    const button = strip.appendChild(document.createElement("button"));
    const error = decimals(errors[index], 1);
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.index = index;
    button.title = format(this.text.extremes_mean_digit, { trivial: decimals(trivial, 1) });
    button.setAttribute("aria-label", format(this.text.extremes_one, {
      label, error, model: name, end: this.text[`extremes_${end}`],
    }));
    button.innerHTML = `<canvas></canvas><canvas></canvas><span>${error}</span>`;
    return Array.from(button.querySelectorAll("canvas"), (canvas) => {
      const view = new DigitView(canvas);
      view.recolour(this.colours);
      this.views.push(view);
      return view;
    });
  }

  #about(name) {
    return { name, run: idsOf(this.shown), title: `${this.text.extremes_title}. ${this.text.extremes_note}` };
  }

  #savePicture() {
    const side = 56;
    const rows = this.shown.map(({ name }) => ["best", "worst"].map((end) => {
      const mine = this.jobs.filter((job) => job.name === name && job.end === end);
      const cell = (job, k) => ({ layers: [job.canvases[k]], width: side, height: side });
      return [
        { name: `${name}, ${this.text[`extremes_${end}`]}`, cells: mine.map((job) => cell(job, 0)) },
        { cells: mine.map((job) => ({ ...cell(job, 1), below: decimals(job.errors[job.index], 1) })) },
      ];
    })).flat(2);
    return savePicture(montage(rows, this.colours), this.#about("best-and-worst"));
  }

  #saveTable() {
    const t = this.text;
    const rows = this.jobs.map(({ name, end, index, errors }) =>
      [name, t[`extremes_${end}`], index, this.labels[index], errors[index]]);
    const columns = [t.save_model, t.save_end, t.save_index, t.save_class, t.mean_error];
    return saveTable(columns, rows, this.#about("best-and-worst"));
  }

  // Which digit all models show now.
  mark(index) {
    this.marked = index;
    for (const button of this.table.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.index) === index));
    }
  }
}

// Squared error per image against K.
export class Curve {
  constructor(root, text) {
    this.root = root;
    this.text = text;
    root.innerHTML = `${heading(text.curve_title)}<div></div><p class="hint">${text.curve_note}</p>`;
    this.box = root.children[1];
    const about = () => ({ name: "error-against-K", title: `${text.curve_title}. ${text.curve_note}` });
    const columns = [text.save_model, "K", text.curve_y, text.save_run];
    this.menu = menu(root, text, [
      { label: text.save_svg, save: () => saveDrawing(this.chart.svg, about()) },
      { label: text.save_csv, save: () => saveTable(columns, this.rows, about()) },
    ]);
  }

  destroy() {
    this.chart?.destroy();
    this.menu.destroy();
  }

  recolour() {}

  // {pca: error at K = 0, 1, …; mean: the mean digit's; models: [{name, points: [{k, error, split,
  // run}]}]}
  show({ pca, mean: trivial, models }) {
    const t = this.text;
    const now = JSON.stringify([pca, models]);
    if (now === this.shown) return;
    this.shown = now;
    this.chart?.destroy();
    const sizes = [...new Set(models.flatMap(({ points }) => points.map(({ k }) => k)))];
    const last = Math.max(pca.length - 1, ...sizes, 1);
    const told = (name, k, error, split) => format(t.curve_point, {
      name, k, error: decimals(error, 1), split: t[split] ?? "",
    });
    const exact = pca.map((error, k) => ({ x: k, y: error })).slice(1);
    const series = [];
    if (exact.length) {
      series.push({ name: t.curve_pca, line: true, hue: 0, points: exact });
      series.push({
        symbol: "circle", hue: 0,
        points: exact.filter(({ x }) => sizes.includes(x)).map(({ x, y }) => (
          { x, y, title: told(t.curve_pca, x, y, "curve_all") })),
      });
    }
    series.push({
      name: format(t.curve_trivial, { error: decimals(trivial, 1) }), line: true, dash: true, hue: "Mean",
      points: [{ x: 1, y: trivial }, { x: last, y: trivial }],
    });
    models.forEach(({ name, points }, i) => series.push({
      name, hue: 1 + (i % HUES), symbol: SYMBOLS[1 + (i % (SYMBOLS.length - 1))],
      points: points.map(({ k, error, split }) => ({
        x: k, y: error, title: told(name, k, error, split === "mnist-5k/all" ? "curve_all" : "curve_part"),
      })),
    }));
    this.rows = [
      [t.curve_mean, 0, trivial, ""],
      ...exact.map(({ x, y }) => [t.curve_pca, x, y, ""]),
      ...models.flatMap(({ name, points }) => points.map(({ k, error, run }) => [name, k, error, run])),
    ];
    this.chart = new Chart(this.box, {
      label: t.curve_title,
      legend: true,
      height: 300,
      x: { title: t.curve_x, log: true, low: 1, high: last, ticks: [1, 2, 4, 8, 16, 32, 64].filter((k) => k <= last) },
      y: { title: t.curve_y, low: 0 },
      series,
    });
  }
}

// Principal angles between what linear decoders can reach.
export class Angles {
  constructor(root, text) {
    this.root = root;
    this.text = text;
    root.innerHTML = `${heading(text.angles_title)}<div></div>`;
    this.box = root.lastElementChild;
    const about = () => ({
      name: "principal-angles", run: this.ids, title: `${text.angles_title} ${text.angles_note}`,
    });
    const columns = [text.save_pair, text.angles_x, text.angles_y, text.angles_random];
    this.menu = menu(root, text, [
      { label: text.save_svg, save: () => saveDrawing(this.chart.svg, about()) },
      { label: text.save_csv, save: () => saveTable(columns, this.rows, about()) },
    ]);
  }

  destroy() {
    this.chart?.destroy();
    this.menu.destroy();
  }

  recolour() {}

  // [{names: [a, b], runs: [a, b], degrees: (K,), random: (K,)}, …]
  show(pairs) {
    const t = this.text;
    const now = JSON.stringify(pairs);
    if (now === this.shown) return;
    this.shown = now;
    this.ids = [...new Set(pairs.flatMap(({ runs }) => runs))];
    this.rows = pairs.flatMap(({ names, degrees: found, random }) =>
      found.map((value, i) => [names.join(" – "), i + 1, value, random[i]]));
    this.chart?.destroy();
    this.box.innerHTML = "";
    this.menu.element.hidden = !pairs.length;
    const say = (className, html) => {
      const line = this.box.appendChild(document.createElement("p"));
      line.className = className;
      line.innerHTML = html;
      return line;
    };
    if (!pairs.length) {
      say("hint", t.angles_none);
      return;
    }
    const { random } = pairs[0];
    const count = random.length;
    const degrees = (value) => decimals(value, value < 10 ? 2 : 1);
    for (const { names, degrees: found } of pairs) {
      say("found", format(t.angles_found, {
        a: escaped(names[0]), b: escaped(names[1]), most: degrees(found.at(-1)), random: degrees(random.at(-1)),
      }));
    }
    const points = (values, name) => values.map((value, i) => ({
      x: i + 1, y: value, title: format(t.angles_point, { name, i: i + 1, value: degrees(value) }),
    }));
    this.chart = new Chart(this.box.appendChild(document.createElement("div")), {
      label: t.angles_title,
      legend: true,
      height: 230,
      x: { title: t.angles_x, low: count > 1 ? 1 : 0, high: Math.max(2, count), ticks: random.map((_, i) => i + 1) },
      y: { title: t.angles_y, low: 0, high: 90, ticks: [0, 15, 30, 45, 60, 75, 90] },
      series: [
        ...pairs.map(({ names, degrees: found }, i) => ({
          name: names.join(" – "), line: true, symbol: SYMBOLS[i % SYMBOLS.length], hue: i,
          points: points(found, names.join(" – ")),
        })),
        { name: t.angles_random, line: true, dash: true, symbol: "triangle", hue: "Mean", points: points(random, t.angles_random) },
      ],
    });
    say("hint", t.angles_note);
  }
}

// Weights as pictures, blue and solid above zero, orange and dotted below.
export class Filters {
  constructor(root, text) {
    this.root = root;
    this.text = text;
    this.drawn = [];
    root.innerHTML = `${heading(text.filters_title, text.filters_note)}<div></div>`;
    this.table = root.lastElementChild;
    this.menu = menu(root, text, [{ label: text.save_png, save: () => this.#save() }]);
  }

  destroy() {
    this.menu.destroy();
  }

  #save() {
    const rows = Array.from(this.table.children, (row, i) => ({
      name: this.models[i].name,
      cells: Array.from(row.querySelectorAll("figure"), (figure) => ({
        layers: [figure.firstElementChild], width: 84, height: 84, below: figure.lastElementChild.textContent,
      })),
    }));
    const { filters_title: title, filters_note: note } = this.text;
    return savePicture(montage(rows, this.colours), {
      name: "weights", run: idsOf(this.models), title: `${title}. ${note}`,
    });
  }

  recolour(colours) {
    this.colours = colours;
    for (const draw of this.drawn) draw(colours);
  }

  // models: [{name, run, closed}]
  show(models) {
    const t = this.text;
    this.models = models;
    this.drawn = [];
    this.table.innerHTML = "";
    for (const { name, run, closed } of models) {
      const { kind, width, height, total, pictures } = filtersOf(run);
      const most = largest(pictures);
      const row = this.table.appendChild(document.createElement("div"));
      row.className = `one ${kind}`;
      const told = format(t[`filters_${closed ? "components" : kind}`], { count: pictures.length, total });
      row.innerHTML = `<h4>${escaped(name)}</h4><p>${told}</p><div class="strip"></div>
        <p class="scale"><span>−${most.toPrecision(2)}</span><canvas role="img"
        aria-label="${t.filters_scale}"></canvas><span>+${most.toPrecision(2)}</span></p>`;
      const strip = row.querySelector(".strip");
      const scale = row.querySelector(".scale canvas");
      this.drawn.push((colours) => drawScale(scale, colours));
      for (const { name: unit, data } of pictures) {
        const figure = strip.appendChild(document.createElement("figure"));
        figure.innerHTML = `<canvas role="img"></canvas><figcaption>${unit}</figcaption>`;
        const canvas = figure.firstElementChild;
        canvas.setAttribute("aria-label", format(t.filters_one, { unit, model: name }));
        this.drawn.push((colours) => drawSigned(canvas, { data, width, height, most }, colours));
      }
    }
    if (this.colours) this.recolour(this.colours);
  }
}
