// The plane as a flow has moved it so far: its density, a grid, the points, and one point with its way.

export const EDGE = 3.2; // from the middle to the picture's edge, in the points' unit, at least
const CELLS = 56; // of the density, across
const LINES = 13; // of the grid, each way
const PIECES = 48; // of one of its lines
const HUES = [6, 3, 5, 8]; // of the groups, unlike the density's
const DENSE = 0.12; // density that is drawn at 63 % of full strength where the edge is EDGE

/**
 * @typedef {import("../../engine/plane_flow.js").PlaneFlow} PlaneFlow
 * @typedef {import("../../parts/theme.js").Colours} Colours
 *
 * @typedef {object} Scene
 * @property {number} edge From the middle to the picture's edge.
 * @property {Float64Array} density Of each cell, row by row from above.
 * @property {number[][][]} lines Of the grid, as it lies now.
 * @property {number[][]} points
 * @property {number[]} groups
 * @property {number[][]} way Of the point in hand, whose last place is where it is.
 */

/**
 * How far a picture must reach that points are all in.
 * @param {number[][]} points
 */
export function edgeOf(points) {
  return Math.max(EDGE, 1.05 * Math.max(...points.flat().map(Math.abs)));
}

/**
 * The density of cells of the square that is seen, where the plane has been moved by so many couplings.
 * @param {PlaneFlow} flow
 * @param {number} until
 * @param {number} edge
 */
export function densityOf(flow, until, edge) {
  const cells = new Float64Array(CELLS * CELLS), size = (2 * edge) / CELLS;
  for (let row = 0, i = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++, i++) {
      const place = [(column + 0.5) * size - edge, edge - (row + 0.5) * size];
      cells[i] = Math.exp(flow.logDensity(place, until));
    }
  }
  return cells;
}

/**
 * What a density has in the square that is seen, all in all.
 * @param {{ density: Float64Array, edge: number }} scene
 */
export function massOf({ density, edge }) {
  return density.reduce((sum, value) => sum + value, 0) * ((2 * edge) / CELLS) ** 2;
}

/**
 * The lines of a square grid, moved by so many couplings.
 * @param {PlaneFlow} flow
 * @param {number} until
 */
export function gridOf(flow, until) {
  const lines = [], far = EDGE - 0.2;
  for (let line = 0; line < LINES; line++) {
    const level = far * ((2 * line) / (LINES - 1) - 1);
    for (const upright of [false, true]) {
      lines.push(Array.from({ length: until ? PIECES + 1 : 2 }, (_, i) => {
        const along = far * ((2 * i) / (until ? PIECES : 1) - 1);
        return flow.forward(upright ? [level, along] : [along, level], until).place;
      }));
    }
  }
  return lines;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Colours} colours
 * @param {number} side
 * @param {Scene} scene
 * @param {number} [left] Where the picture begins.
 */
export function paint(pen, { ink, accent, palette, paper }, side, scene, left = 0) {
  const unit = side / 2 / scene.edge, thick = side / 340;
  /** @returns {[number, number]} */
  const place = (/** @type {number[]} */ [x, y]) => [left + side / 2 + unit * x, side / 2 - unit * y];
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, side, side);
  pen.clip();
  pen.lineCap = pen.lineJoin = "round";
  pen.fillStyle = accent;
  const edge = (i) => Math.round((i * side) / CELLS);
  const dense = DENSE * (EDGE / scene.edge) ** 2; // equal areas of pictures are equally strong
  scene.density.forEach((value, i) => {
    const alpha = 0.8 * (1 - Math.exp(-value / dense));
    if (alpha < 0.01) return;
    const column = i % CELLS, row = Math.floor(i / CELLS);
    pen.globalAlpha = alpha;
    pen.fillRect(left + edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row));
  });
  pen.strokeStyle = ink;
  pen.globalAlpha = 0.3;
  pen.lineWidth = thick;
  for (const line of scene.lines) trace(pen, line, place);
  pen.globalAlpha = 0.85;
  pen.lineWidth = 0.75 * thick;
  pen.strokeStyle = paper;
  scene.points.forEach((point, i) => {
    const [x, y] = place(point);
    pen.fillStyle = palette[HUES[scene.groups[i]]];
    pen.beginPath();
    pen.arc(x, y, 2.3 * thick, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
  });
  pen.globalAlpha = 1;
  pen.strokeStyle = ink;
  pen.lineWidth = 2 * thick;
  if (scene.way.length > 1) trace(pen, scene.way, place);
  const [x, y] = place(scene.way[scene.way.length - 1]);
  pen.beginPath();
  pen.arc(x, y, 7 * thick, 0, 2 * Math.PI);
  pen.fillStyle = paper;
  pen.fill();
  pen.lineWidth = 2.5 * thick;
  pen.stroke();
  pen.restore();
}

function trace(pen, line, place) {
  pen.beginPath();
  line.forEach((point, i) => (i ? pen.lineTo(...place(point)) : pen.moveTo(...place(point))));
  pen.stroke();
}
