// What of Explore can be saved: the pictures, the codes and the networks.

import { encodeAll } from "../../engine/encoding.js";
import { saveDecoder, saveTable } from "../../parts/downloads.js";
import { classLegend, mapFigure, scaleLegend } from "../../parts/montage.js";
import { format } from "../../parts/page.js";
import { greyPicture, tiled } from "../../parts/picture.js";
import { saveMenu } from "../../parts/save_menu.js";
import { spelledCode } from "../../parts/written_code.js";

/**
 * @param {import("../../parts/latent_pad.js").LatentPad} pad
 * @param {import("./map_tools.js").MapTools} tools
 * @param {import("../../parts/page.js").Box} root
 */
export function keepMenu(pad, tools, root) {
  const { text } = pad;
  const about = (part, title) => ({
    name: `${pad.run.id}-${part}`,
    run: pad.run.id,
    title: [format(text.slide_of, { model: pad.data.model, what: title }), pad.dial.written]
      .filter(Boolean).join("; "),
  });
  const where = () => pad.run.wide ? spelledCode(pad.z)
    : Array.from(pad.z, (value) => value.toPrecision(4)).join(", ");
  const early = () => !pad.z && text.save_early;
  /** @type {import("../../parts/save_menu.js").Item[]} */
  const items = [
    {
      label: text.keep_digit,
      why: early,
      figure: () => ({
        about: about("digit", format(text.decoded, { z: where() })),
        ...tiled([greyPicture(pad.run.decode(pad.z))], 1),
      }),
    },
    {
      label: text.keep_map,
      why: early,
      figure: () => ({
        about: about(`map-${tools.method}`, `${text.map} (${text[`method_${tools.method}`]})`),
        ...mapFigure(pad.map),
        legend: (colours) => tools.values
          ? scaleLegend(text[`legend_${tools.colour}`], [tools.bounds[0], tools.bounds[2]], colours)
          : classLegend(text.slide_classes, pad.digits.names, colours),
      }),
    },
    {
      label: text.keep_chosen,
      why: () => !tools.gallery.views.length && text.keep_none,
      figure: () => ({
        about: about("digits", format(text.gallery_count, tools.gallery.counts())),
        ...pairs(tools.gallery.views.map(({ last }) => greyPicture(last))),
        legend: () => [{ words: text.keep_pairs }],
      }),
    },
    {
      label: text.keep_codes,
      why: early,
      save: async () => {
        const said = about("codes", text.keep_codes);
        const [columns, rows] = await codes(pad, tools);
        return saveTable(columns, rows, said);
      },
    },
    { label: text.save_decoder, why: early, save: () => saveDecoder(pad.run.id, "decoder") },
    { label: text.save_encoder, why: early, save: () => saveDecoder(pad.run.id, "encoder") },
  ];
  saveMenu(root, items, text);
}

// Real above reconstructed, twelve in a row: each pair as one picture.
function pairs(views) {
  const both = [];
  for (let i = 0; i < views.length; i += 2) {
    const [{ width, height, pixels: real }, { pixels: given }] = views.slice(i, i + 2);
    const pixels = new Uint8Array(2 * width * height);
    pixels.set(real);
    pixels.set(given, width * height);
    both.push({ width, height: 2 * height, pixels });
  }
  return tiled(both, Math.min(12, Math.max(4, Math.ceil(Math.sqrt(2 * both.length)))), 4);
}

// Columns and rows of the chosen digits' codes, else of all; of a run with a knob at its present
// value, which is a column too.
async function codes({ run, digits, layout }, { gallery }) {
  const chosen = gallery.chosen.length ? gallery.chosen : Array.from({ length: run.count }, (_, i) => i);
  const { latent, value, dial } = run;
  const places = layout.points.slice();
  const all = run.codesKnown ? run.codes.slice() : await encodeAll(run, digits, value);
  const columns = ["digit", "class", ...(dial ? [dial.knob] : []), "map_x", "map_y",
    ...Array.from({ length: latent }, (_, k) => `z${k + 1}`)];
  const rows = chosen.map((i) => [i, digits.name(i), ...(dial ? [value] : []),
    places[2 * i], places[2 * i + 1], ...all.subarray(i * latent, (i + 1) * latent)]);
  return [columns, rows];
}
