// What of the Noise page can be saved: its row of digits, its map and the error at each level.

import { classLegend, mapFigure, montage } from "../../parts/montage.js";
import { decimals, format } from "../../parts/page.js";
import { greyPicture } from "../../parts/picture.js";

const SIDE = 112;

/**
 * @param {any} pad The Noise page's pad.
 * @param {string[]} answers The networks' names, in the order in which they are shown.
 * @returns {import("../../parts/save_menu.js").Item[]}
 */
export function offered(pad, answers) {
  const { text } = pad;
  const early = () => !pad.errors.output && text.save_early;
  const about = (part, title) => ({
    name: `${pad.run.id}-${part}`,
    run: pad.run.id,
    title: format(text.slide_of, {
      model: `${text[`kind_${pad.kind}`]}, ${text.level} ${decimals(pad.level, 2)}`, what: title,
    }),
  });
  const cell = (name, above, error) => ({
    picture: greyPicture(pad.views[name].last), width: SIDE, height: SIDE, above,
    below: error === undefined ? "" : format(text.slide_error, { error: decimals(error, 1) }),
  });
  return [
    {
      label: text.save_row,
      why: early,
      figure: () => ({
        about: about("digits", text.row_title),
        ...montage([{ cells: [
          cell("input", text.clean),
          cell("corrupted", text.corrupted, pad.errors.corrupted),
          ...answers.filter((name) => pad.answers[name])
            .map((name) => cell(name, text[`name_${name}`], pad.errors[name])),
        ] }]),
      }),
    },
    {
      label: text.save_map,
      why: early,
      figure: () => ({
        about: about("map", text.map_title),
        ...mapFigure(pad.map),
        legend: (colours) => [
          ...classLegend(text.slide_classes, pad.digits.names, colours), { words: text.map_legend },
        ],
      }),
    },
    {
      label: text.save_levels,
      why: () => early() || (!pad.curves.curves && text.save_computing),
      figure: () => ({ about: about("levels", text.curves_title), ...pad.curves.figure() }),
    },
  ];
}
