// Squared error against K, and principal angles.

import { Chart, SYMBOLS } from "../../parts/chart.js";
import { saveTable } from "../../parts/downloads.js";
import { decimals, escaped, format } from "../../parts/page.js";
import { heading, menu } from "./headings.js";

const HUES = 7; // of the curve's models, after PCA's

// Squared error per image against K.
export class Curve {
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {import("../../parts/page.js").Texts} text
   */
  constructor(root, text) {
    this.root = root;
    this.text = text;
    root.innerHTML = `${heading(text.curve_title)}<div></div><p class="hint">${text.curve_note}</p>`;
    this.box = root.children[1];
    const about = () => ({ name: "error-against-K", title: text.curve_title });
    const columns = [text.save_model, "K", text.curve_y, text.save_run];
    this.menu = menu(root, text, [
      {
        label: text.save_svg,
        why: () => !this.chart && text.save_early,
        figure: () => ({ about: about(), chart: (host) => this.chart.twin(host) }),
      },
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
  /**
   * @param {import("../../parts/page.js").Box} root
   * @param {import("../../parts/page.js").Texts} text
   */
  constructor(root, text) {
    this.root = root;
    this.text = text;
    root.innerHTML = `${heading(text.angles_title)}<div></div>`;
    this.box = root.lastElementChild;
    const about = () => ({
      name: "principal-angles", run: this.ids, title: text.angles_title,
    });
    const columns = [text.save_pair, text.angles_x, text.angles_y, text.angles_random];
    this.menu = menu(root, text, [
      {
        label: text.save_svg,
        why: () => !this.chart && text.save_early,
        figure: () => ({ about: about(), chart: (host) => this.chart.twin(host) }),
      },
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
