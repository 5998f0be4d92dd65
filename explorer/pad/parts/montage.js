// Several canvases with their captions on one picture, to be saved as it is seen.

import { canvasPicture } from "./downloads.js";

const SCALE = 2; // canvas pixels for each pixel of the page
const GAP = 10;
const LINE = 17; // of a caption
const NAMES = 160; // width of the rows' names, where there are any

/**
 * Rows {name, cells} of cells {layers: canvases one over another, width, height, above, below} as
 * a picture that `savePicture` takes; sizes in pixels of the page, captions may be missing.
 * @param {{ name?: string, cells: any[] }[]} rows
 * @param {import("./theme.js").Colours} colours
 */
export function montage(rows, { paper, ink, font }) {
  const named = rows.some(({ name }) => name) ? NAMES : 0;
  const heights = rows.map(({ cells }) => Math.max(...cells.map((cell) => cell.height)) +
    LINE * (Number(cells.some(({ above }) => above)) + Number(cells.some(({ below }) => below))) + GAP);
  const widths = rows.map(({ cells }) => cells.reduce((sum, cell) => sum + cell.width + GAP, 0));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(SCALE * (named + Math.max(...widths) + GAP));
  canvas.height = Math.round(SCALE * (heights.reduce((sum, height) => sum + height, 0) + GAP));
  const context = canvas.getContext("2d");
  context.fillStyle = paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.scale(SCALE, SCALE);
  context.imageSmoothingEnabled = false;
  context.textBaseline = "middle";
  const write = (words, weight, left, top, width) => {
    context.fillStyle = ink;
    context.font = `${weight} 12px ${font}`;
    context.fillText(words, left, top, width);
  };
  rows.reduce((top, { name, cells }, r) => {
    if (name) write(name, 650, GAP, top + heights[r] / 2, NAMES - 2 * GAP);
    const head = cells.some(({ above }) => above) ? LINE : 0;
    cells.reduce((left, { layers, width, height, above, below }) => {
      if (above) write(above, 650, left, top + LINE / 2, width);
      for (const layer of layers) context.drawImage(layer, left, top + head, width, height);
      if (below) write(below, 400, left, top + head + height + LINE / 2, width);
      return left + width + GAP;
    }, GAP + named);
    return top + heights[r];
  }, GAP);
  return canvasPicture(canvas);
}

/**
 * A map as it is seen: the digits, and above them what moves.
 * @param {import("./map_view.js").MapView} map
 */
export function mapPicture({ base, top }) {
  const canvas = document.createElement("canvas");
  canvas.width = base.width;
  canvas.height = base.height;
  const context = canvas.getContext("2d");
  for (const layer of [base, top]) context.drawImage(layer, 0, 0);
  return canvasPicture(canvas);
}
