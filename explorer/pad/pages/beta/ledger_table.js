// The ledger of the digit in hand: reconstruction and KL as two bars, in numbers, dimension by
// dimension.

import { bernoulliFloor, effectiveBeta, ledger } from "../../engine/ledger.js";
import { decimals, format } from "../../parts/page.js";

export class LedgerTable {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.sums = null; // what is shown, in nats per image
    /** @type {(string | number)[][]} */
    this.table = []; // the same as rows of a table
    this.#build();
  }

  // The bars' scale begins anew: another run.
  rescale() {
    this.top = 0;
  }

  #build() {
    const { text } = this;
    this.pad.part("stack").innerHTML = ["elbo", "objective"].map((name) => `
      <div class="stack" data-bar="${name}" role="img"><span class="name">${text[`bar_${name}`]}</span>
      <span class="track"><span class="rec"><b></b></span><span class="kls"></span>
      <b class="after"></b></span></div>`).join("");
    this.stacks = Object.fromEntries(Array.from(this.pad.part("stack").children, (row) => [
      row.dataset.bar,
      { row, rec: row.querySelector(".rec"), kls: row.querySelector(".kls"),
        after: row.querySelector(".after") },
    ]));
  }

  /**
   * Reconstruction + KL of each dimension = −ELBO; with β before the KL, what training minimises.
   */
  show() {
    const { run, input } = this.pad;
    if (!input) return;
    const { text } = this;
    const beta = run.value;
    const found = ledger(run, input);
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
    const bars = [{ name: "elbo", weight: 1, total: elbo }, { name: "objective", weight: beta, total: objective }];
    for (const { name, weight, total } of bars) {
      const { row, rec, kls, after } = this.stacks[name];
      rec.style.width = share(found.reconstruction);
      rec.firstElementChild.textContent = decimals(found.reconstruction, 1);
      rec.style.setProperty("--floor", `${(100 * floor) / found.reconstruction}%`);
      if (kls.childElementCount !== found.kl.length) {
        kls.innerHTML = "<i></i>".repeat(found.kl.length);
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
    const body = this.pad.part("rows");
    if (!this.cells) {
      body.innerHTML = rows.map(([, , kind]) =>
        `<tr class="${kind ?? ""}"><th scope="row"></th><td></td></tr>`).join("");
      this.cells = Array.from(body.children, (row) => Array.from(row.children));
    }
    rows.forEach(([name, value], i) => {
      this.cells[i][0].textContent = name;
      this.cells[i][1].textContent = value;
    });
    const plain = document.createElement("span"); // names as words alone
    this.table = [
      ...[found.reconstruction, floor, found.rate, elbo, beta * found.rate, objective].map((nats, i) => {
        plain.innerHTML = rows[i][0];
        return [plain.textContent, nats];
      }),
      ...Array.from(found.kl, (nats, k) => [`KL z${k + 1}`, nats]),
    ];
    this.pad.part("ledger-title").textContent =
      format(text.ledger_of, { label: this.pad.digits.labels[this.pad.digit], beta: written });
    this.pad.part("each").innerHTML = `${text.each} ${order.map((k) =>
      `<span>z<sub>${k + 1}</sub>&nbsp;${decimals(found.kl[k], 2)}</span>`).join(" + ")}`;
    const effective = effectiveBeta(beta, run.pixels, run.latent);
    this.pad.part("effective").innerHTML = format(text.effective, {
      beta: written,
      pixels: run.pixels,
      summed: effective.summed.toPrecision(2),
      averaged: effective.averaged.toPrecision(2),
      count: run.latent,
    });
  }
}
