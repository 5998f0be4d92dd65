// Charts that stand by themselves on a page, side by side: `data.charts` is what `Chart` takes.

import { Chart } from "../parts/chart.js";
import { mounting, Pad } from "../parts/pad.js";
import { saveMenu } from "../parts/save_menu.js";

class ChartsPad extends Pad {
  constructor(component) {
    super(component, "chartsPad");
    this.charts = [];
    this.menus = [];
  }

  load(data) {
    const now = JSON.stringify(data.charts);
    if (now === this.shown) return;
    this.#drop();
    this.shown = now;
    this.build(`<div class="pad charts"></div>`);
    this.charts = data.charts.map((spec) => {
      const section = this.root.appendChild(document.createElement("section"));
      const head = section.appendChild(document.createElement("div"));
      head.className = "chart-head";
      if (spec.title) head.appendChild(document.createElement("h2")).textContent = spec.title;
      const chart = new Chart(section.appendChild(document.createElement("div")), spec);
      const title = spec.title ?? spec.label;
      const figure = () => ({
        about: { name: title, run: data.runs, title }, chart: (host) => chart.twin(host),
      });
      this.menus.push(saveMenu(head, [{ label: this.text.save_svg, figure }], this.text));
      return chart;
    });
  }

  #drop() {
    for (const one of [...this.charts, ...this.menus]) one.destroy();
    this.menus = [];
  }

  destroy() {
    super.destroy();
    this.#drop();
  }
}

export const mount = mounting(ChartsPad);
