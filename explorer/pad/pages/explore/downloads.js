// What of Explore can be saved: the pictures, the codes and the networks.

import { encodeAll } from "../../engine/encoding.js";
import { canvasPicture, saveDecoder, saveMenu, savePicture, saveTable } from "../../parts/downloads.js";
import { mapPicture } from "../../parts/montage.js";
import { format } from "../../parts/page.js";
import { greyPicture } from "../../parts/sheet.js";

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
    title: [title, pad.dial.written].filter(Boolean).join("; "),
  });
  const where = () => Array.from(pad.z, (value) => value.toPrecision(4)).join(", ");
  /** @type {[string, () => any][]} */
  const items = [
    ["keep_digit", () => savePicture(greyPicture(pad.run.decode(pad.z)),
      about("digit", format(text.decoded, { z: where() })))],
    ["keep_map", () => savePicture(mapPicture(pad.map),
      about(`map-${tools.method}`, `${text.map}: ${text[`method_${tools.method}`]}`))],
    ["keep_chosen", () => savePicture(tilesPicture(tools.gallery, pad.colours),
      about("digits", format(text.gallery_count, tools.gallery.counts())))],
    ["keep_codes", async () => {
      const said = about("codes", text.keep_codes);
      const [columns, rows] = await codes(pad, tools);
      return saveTable(columns, rows, said);
    }],
    ["save_decoder", () => saveDecoder(pad.run.id, "decoder")],
    ["save_encoder", () => saveDecoder(pad.run.id, "encoder")],
  ];
  saveMenu(root, items.map(([key, save]) => ({ label: text[key], save })), text);
}

// The chosen digits that are shown, real above reconstructed, twelve in a row.
function tilesPicture(gallery, { paper }) {
  const count = gallery.views.length / 2;
  if (!count) throw new Error(gallery.text.keep_none);
  const columns = Math.min(12, count), side = 28, gap = 4;
  const canvas = document.createElement("canvas");
  canvas.width = columns * (side + gap) + gap;
  canvas.height = Math.ceil(count / columns) * (2 * side + 2 * gap) + gap;
  const context = canvas.getContext("2d");
  context.fillStyle = paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  gallery.views.forEach((view, i) => {
    const tile = i >> 1;
    const left = gap + (tile % columns) * (side + gap);
    const top = gap + Math.floor(tile / columns) * (2 * side + 2 * gap) + (i % 2) * side;
    context.drawImage(view.canvas, left, top);
  });
  return canvasPicture(canvas);
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
