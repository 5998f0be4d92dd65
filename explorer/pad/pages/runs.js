// The table of runs: own ones first, each with its knobs and scores; one is shown, one beside it.

import { mounting, Pad } from "../parts/pad.js";
import { format } from "../parts/page.js";

const AT_FIRST = 12; // rows in sight until all are asked for

const cell = (row, kind, className, text) => {
  const made = row.appendChild(document.createElement(kind));
  made.className = className;
  if (text) made.textContent = text;
  return made;
};

class RunsPad extends Pad {
  load(data) {
    const now = JSON.stringify(data);
    if (now === this.shown) return;
    this.shown = now;
    const t = data.text;
    const columns = ["name", "knobs", "data", "samples", "score", "elbo"];
    this.build(`
      <div class="pad shelf"><table><thead><tr>
        ${columns.map((name) => `<th scope="col" class="${name}">${t[`column_${name}`]}</th>`).join("")}
        <th scope="col" class="beside">${t.column_beside}</th></tr></thead><tbody></tbody></table>
        <div class="buttons"><button type="button" data-action="all" hidden></button></div></div>`);
    const body = this.root.querySelector("tbody");
    const all = this.root.querySelector('[data-action="all"]');
    const more = data.rows.length - AT_FIRST;
    all.hidden = this.open || more <= 0;
    all.textContent = format(t.show_all, { count: data.rows.length });
    all.addEventListener("click", () => {
      this.open = all.hidden = true;
      for (const row of body.children) row.hidden = false;
    });
    for (const [i, run] of data.rows.entries()) {
      const row = body.appendChild(document.createElement("tr"));
      const chosen = run.id === data.run || run.id === data.beside;
      row.hidden = i >= AT_FIRST && !this.open && !chosen;
      row.dataset.run = run.id;
      const name = cell(row, "th", "name");
      name.scope = "row";
      const open = cell(name, "button", "open", run.name);
      open.type = "button";
      open.setAttribute("aria-pressed", String(run.id === data.run));
      open.addEventListener("click", () => this.tell("open", run.id));
      cell(name, "small", "", run.marks);
      for (const key of columns.slice(1)) {
        const made = cell(row, "td", key, run[key]);
        made.dataset.label = t[`column_${key}`];
        if (run[`${key}_beside`]) cell(made, "small", "", run[`${key}_beside`]);
      }
      const beside = cell(cell(row, "td", "beside"), "button", "compare", t.compare_with);
      beside.type = "button";
      beside.setAttribute("aria-label", `${t.compare_with}: ${run.name}`);
      beside.setAttribute("aria-pressed", String(run.id === data.beside));
      beside.disabled = run.id === data.run || Boolean(run.queued);
      beside.addEventListener("click", () =>
        this.tell("beside", run.id === data.beside ? "" : run.id));
    }
  }
}

export const mount = mounting(RunsPad);
