// What of β and K can be saved: the digit, the map, the two charts beside it, the digit at every β and
// K, and its ledger.

import { saveTable } from "../../parts/downloads.js";
import { classLegend, mapFigure, montage } from "../../parts/montage.js";
import { format } from "../../parts/page.js";
import { greyPicture, tiled } from "../../parts/picture.js";

/**
 * @param {any} bench The page's bench, whose pad has run, map and digits.
 * @returns {import("../../parts/save_menu.js").Item[]}
 */
export function offered(bench) {
  const { text, pad } = bench;
  const early = () => (!pad.z || !bench.curve) && text.save_early;
  const about = (part, title) => ({
    name: `${pad.run.id}-${part}`,
    run: pad.run.id,
    title: format(text.slide_of, { model: `K = ${pad.run.latent}, β = ${pad.run.value.toPrecision(2)}`, what: title }),
  });
  const chart = (label, part, title, of, bare) => ({
    label, why: early,
    figure: () => ({ about: about(part, title), chart: (host) => of().twin(host), bare }),
  });
  return [
    {
      label: text.save_digit,
      why: early,
      figure: () => ({
        about: about("digit", text.output), ...tiled([greyPicture(pad.views.output.last)], 1),
      }),
    },
    {
      label: text.save_map,
      why: early,
      figure: () => ({
        about: about("map", text.map),
        ...mapFigure(pad.map),
        legend: (colours) => classLegend(text.slide_classes, pad.digits.names, colours),
      }),
    },
    chart(text.save_curve, "rate-distortion", text.curve, () => bench.curve, false),
    chart(text.save_dimensions, "dimensions", text.dimensions, () => bench.bars, true),
    {
      label: text.save_grid,
      why: () => early() || (!bench.grid.rows && text.save_computing),
      figure: () => ({
        about: {
          ...about("grid", text.grid),
          run: bench.stops.map(({ run }) => run.id),
          title: text.grid,
        },
        ...montage(bench.grid.rows),
      }),
    },
    {
      label: text.save_ledger,
      why: () => early() || (!bench.ledger.sums && text.save_computing),
      save: () => saveTable([text.ledger_part, text.ledger_nats], bench.ledger.table, {
        ...about("ledger", pad.part("ledger-title").textContent),
      }),
    },
  ];
}
