// The table of runs by model: those of one model are in sight, a page at a time, each with its
// knobs and scores; above them what waits in the queue. One run is shown, one beside it.

import { mounting, Pad } from "../parts/pad.js";
import { format } from "../parts/page.js";

const COLUMNS = ["name", "knobs", "data", "samples", "score", "elbo"];

const cell = (row, kind, className, text) => {
  const made = row.appendChild(document.createElement(kind));
  made.className = className;
  if (text) made.textContent = text;
  return made;
};

const button = (host, className, text, then) => {
  const made = cell(host, "button", className, text);
  made.type = "button";
  made.addEventListener("click", then);
  return made;
};

class RunsPad extends Pad {
  load(data) {
    const now = JSON.stringify(data);
    if (now === this.shown) return;
    this.shown = now;
    this.data = data;
    const t = data.text;
    const held = this.root?.contains(this.root.getRootNode().activeElement)
      ? this.root.getRootNode().activeElement.dataset.held : null;
    this.build(`
      <div class="pad shelf"><table><thead><tr>
        ${COLUMNS.map((name) => `<th scope="col" class="${name}">${t[`column_${name}`]}</th>`).join("")}
        <th scope="col" class="beside">${t.column_beside}</th></tr></thead></table></div>`);
    if (data.queue.length) {
      const part = this.#part(t.queue, data.queued, null, "queue");
      data.queue.forEach((run) => this.#row(part, run));
    }
    for (const group of data.groups) {
      const part = this.#part(group.title, group.count, group.name === data.group, group.name);
      if (group.name !== data.group) continue;
      data.rows.forEach((run) => this.#row(part, run));
      if (data.pages > 1) this.#pages(part, group);
    }
    if (held) this.root.querySelector(`[data-held="${CSS.escape(held)}"]`)?.focus();
  }

  // A model's rows under its name; `open` is null where they are always in sight.
  #part(title, count, open, name) {
    const part = this.root.querySelector("table").appendChild(document.createElement("tbody"));
    part.dataset.group = name;
    const head = part.appendChild(document.createElement("tr"));
    head.className = "group";
    const across = cell(head, "th", "");
    across.colSpan = COLUMNS.length + 1;
    across.scope = "rowgroup";
    if (open === null) cell(across, "b", "", title);
    else {
      const made = button(across, "group", title, () =>
        this.tell("group", { group: open ? "" : name, page: 0, at: Date.now() }));
      made.setAttribute("aria-expanded", String(open));
      made.dataset.held = `group:${name}`;
    }
    cell(across, "small", "", format(this.data.text.group_count, { count }));
    return part;
  }

  #row(part, run) {
    const t = this.data.text;
    const row = part.appendChild(document.createElement("tr"));
    row.dataset.run = run.id;
    const name = cell(row, "th", "name");
    name.scope = "row";
    const open = button(name, "open", run.name, () => this.tell("open", run.id));
    open.setAttribute("aria-pressed", String(run.id === this.data.run));
    cell(name, "small", "", run.marks);
    for (const key of COLUMNS.slice(1)) {
      const made = cell(row, "td", key, run[key]);
      made.dataset.label = t[`column_${key}`];
      if (run[`${key}_beside`]) cell(made, "small", "", run[`${key}_beside`]);
    }
    const beside = button(cell(row, "td", "beside"), "compare", t.compare_with, () =>
      this.tell("beside", run.id === this.data.beside ? "" : run.id));
    beside.setAttribute("aria-label", `${t.compare_with}: ${run.name}`);
    beside.setAttribute("aria-pressed", String(run.id === this.data.beside));
    beside.disabled = run.id === this.data.run || Boolean(run.queued);
  }

  // From one page of a model's rows to another.
  #pages(part, group) {
    const { page, pages, size, text: t } = this.data;
    const row = part.appendChild(document.createElement("tr"));
    row.className = "turning";
    const across = cell(row, "td", "pages");
    across.colSpan = COLUMNS.length + 1;
    const turn = (to) => () => this.tell("page", { group: group.name, page: to, at: Date.now() });
    for (const [name, to] of [["earlier", page - 1], ["later", page + 1]]) {
      const made = button(across, name, t[name], turn(to));
      made.disabled = to < 0 || to >= pages;
      made.dataset.held = `page:${name}`;
    }
    const last = Math.min(group.count, size * (page + 1));
    cell(across, "span", "", format(t.page_of, { first: size * page + 1, last, count: group.count }));
  }
}

export const mount = mounting(RunsPad);
