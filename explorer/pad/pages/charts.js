// Charts that stand by themselves on a page.

import { Chart } from "../parts/chart.js";
import { build } from "../parts/page.js";

export async function mount({ parentElement, data }) {
  return new Charts(parentElement, data);
}

// Charts that stand by themselves on a page, side by side: data.charts is what `Chart` takes.
class Charts {
  constructor(host, data) {
    this.host = host;
    this.update(data);
  }

  update(data) {
    const now = JSON.stringify(data.charts);
    if (now === this.shown) return;
    this.destroy();
    this.shown = now;
    const root = build(this.host, `<div class="pad charts"></div>`);
    this.charts = data.charts.map((spec) => {
      const section = root.appendChild(document.createElement("section"));
      if (spec.title) section.appendChild(document.createElement("h3")).textContent = spec.title;
      return new Chart(section.appendChild(document.createElement("div")), spec);
    });
  }

  destroy() {
    this.charts?.forEach((chart) => chart.destroy());
  }
}
