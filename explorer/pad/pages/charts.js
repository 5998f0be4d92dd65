// Charts that stand by themselves on a page, side by side: `data.charts` is what `Chart` takes.

import { Chart } from "../parts/chart.js";
import { mounting, Pad } from "../parts/pad.js";

class ChartsPad extends Pad {
  constructor(component) {
    super(component, "chartsPad");
    this.charts = [];
  }

  load(data) {
    const now = JSON.stringify(data.charts);
    if (now === this.shown) return;
    this.#drop();
    this.shown = now;
    this.build(`<div class="pad charts"></div>`);
    this.charts = data.charts.map((spec) => {
      const section = this.root.appendChild(document.createElement("section"));
      if (spec.title) section.appendChild(document.createElement("h3")).textContent = spec.title;
      return new Chart(section.appendChild(document.createElement("div")), spec);
    });
  }

  #drop() {
    for (const chart of this.charts) chart.destroy();
  }

  destroy() {
    super.destroy();
    this.#drop();
  }
}

export const mount = mounting(ChartsPad);
