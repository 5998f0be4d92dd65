// The points, what PCA and the AE can say of them, and one point with both answers, on a canvas.

const REACH = { 2: 1.18, 3: 1.7 }; // from the middle to the picture's edge, in the points' unit
const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]];

/**
 * @typedef {import("./sheet.js").Sheet} Sheet
 * @typedef {import("../../parts/theme.js").Colours} Colours
 *
 * @typedef {object} Scene
 * @property {number[][]} points
 * @property {number[]} probe The point in hand.
 * @property {Sheet} flat PCA's.
 * @property {Sheet} bent The AE's.
 * @property {number[]} onFlat PCA's answer to the point in hand.
 * @property {number[]} onBent The AE's.
 */

/**
 * Where a point of two or three coordinates is drawn, and how far behind: left, top, depth.
 * @param {number} side
 * @param {number} dimensions
 * @param {number[]} turn Angles by which space is turned, around the upright and then the level axis.
 * @returns {(point: number[]) => number[]}
 */
export function placing(side, dimensions, [around, over]) {
  const unit = side / 2 / REACH[dimensions];
  if (dimensions === 2) return ([x, y]) => [side / 2 + unit * x, side / 2 - unit * y, 0];
  const cos = Math.cos(around), sin = Math.sin(around), low = Math.cos(over), high = Math.sin(over);
  return ([x, y, z]) => {
    const across = cos * x - sin * y, deep = sin * x + cos * y;
    return [side / 2 + unit * across, side / 2 - unit * (low * z + high * deep), low * deep - high * z];
  };
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Colours} colours
 * @param {number} side
 * @param {number[]} turn
 * @param {Scene} scene
 */
export function paint(pen, colours, side, turn, scene) {
  const { ink, accent, palette, paper } = colours;
  const dimensions = scene.probe.length;
  const place = placing(side, dimensions, turn);
  const unit = side / 460; // of a line's thickness
  pen.lineCap = pen.lineJoin = "round";
  if (dimensions === 3) box(pen, place, ink, unit);
  surface(pen, place, scene.flat, palette[6], unit, true);
  pen.fillStyle = ink;
  for (const point of scene.points) {
    const [left, top, depth] = place(point);
    pen.globalAlpha = dimensions === 2 ? 0.5 : 0.5 - 0.22 * Math.max(-1, Math.min(1, depth));
    pen.beginPath();
    pen.arc(left, top, 2.3 * unit, 0, 2 * Math.PI);
    pen.fill();
  }
  surface(pen, place, scene.bent, accent, unit, false);
  pen.globalAlpha = 1;
  const [left, top] = place(scene.probe);
  for (const [answer, hue, dash] of /** @type {[number[], string, number[]][]} */ ([
    [scene.onFlat, palette[6], [5, 4]], [scene.onBent, accent, []]])) {
    const [x, y] = place(answer);
    pen.strokeStyle = pen.fillStyle = hue;
    pen.lineWidth = 2.5 * unit;
    pen.setLineDash(dash.map((v) => v * unit));
    pen.beginPath();
    pen.moveTo(left, top);
    pen.lineTo(x, y);
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    if (dash.length) pen.rect(x - 5 * unit, y - 5 * unit, 10 * unit, 10 * unit);
    else pen.arc(x, y, 5.5 * unit, 0, 2 * Math.PI);
    pen.fill();
    pen.lineWidth = 1.5 * unit;
    pen.strokeStyle = paper;
    pen.stroke();
  }
  pen.beginPath();
  pen.arc(left, top, 8 * unit, 0, 2 * Math.PI);
  pen.fillStyle = paper;
  pen.fill();
  pen.strokeStyle = ink;
  pen.lineWidth = 2.5 * unit;
  pen.stroke();
}

// A line or mesh; PCA's lines are dashed, the AE's are not.
function surface(pen, place, { lines, cells }, hue, unit, dashed) {
  pen.fillStyle = pen.strokeStyle = hue;
  pen.globalAlpha = dashed ? 0.09 : 0.13;
  for (const corners of cells) {
    pen.beginPath();
    for (const corner of corners) pen.lineTo(...place(corner).slice(0, 2));
    pen.fill();
  }
  pen.globalAlpha = cells.length ? (dashed ? 0.35 : 0.6) : 1;
  pen.lineWidth = (cells.length ? 1 : dashed ? 3 : 3.5) * unit;
  pen.setLineDash(dashed ? (cells.length ? [3, 4] : [9, 7]).map((v) => v * unit) : []);
  pen.beginPath();
  for (const line of lines) {
    line.forEach((point, i) => {
      const [left, top] = place(point);
      if (i) pen.lineTo(left, top);
      else pen.moveTo(left, top);
    });
  }
  pen.stroke();
  pen.setLineDash([]);
}

// The edges of the cube around the data, by which one sees how it is turned.
function box(pen, place, ink, unit) {
  pen.strokeStyle = ink;
  pen.globalAlpha = 0.16;
  pen.lineWidth = unit;
  pen.beginPath();
  const edge = (from, to) => {
    pen.moveTo(...place(from).slice(0, 2));
    pen.lineTo(...place(to).slice(0, 2));
  };
  CORNERS.forEach(([x, y], i) => {
    const [nextX, nextY] = CORNERS[(i + 1) % 4];
    edge([x, y, -1], [nextX, nextY, -1]);
    edge([x, y, 1], [nextX, nextY, 1]);
    edge([x, y, -1], [x, y, 1]);
  });
  pen.stroke();
}

/**
 * Squared errors of all points beside one another, in the points' order: PCA's upwards, the AE's
 * downwards, on one scale; the point at `held` stands out.
 * @param {CanvasRenderingContext2D} pen
 * @param {Colours} colours
 * @param {number} width
 * @param {number} height
 * @param {{ flat: number[], bent: number[], held: number }} errors
 */
export function paintErrors(pen, { ink, accent, palette }, width, height, { flat, bent, held }) {
  const most = Math.max(...flat, ...bent, 1e-9);
  const wide = width / flat.length, middle = height / 2;
  flat.forEach((_, i) => {
    const sides = /** @type {[number[], string, number][]} */ ([[flat, palette[6], -1], [bent, accent, 1]]);
    for (const [errors, hue, way] of sides) {
      pen.fillStyle = hue;
      pen.globalAlpha = i === held ? 1 : 0.6;
      const tall = ((middle - 2) * errors[i]) / most;
      pen.fillRect(i * wide, way < 0 ? middle - tall : middle, Math.max(0.75, wide - 0.5), tall);
    }
  });
  pen.globalAlpha = 1;
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, middle);
  pen.lineTo(width, middle);
  if (held >= 0) {
    pen.moveTo((held + 0.5) * wide, 0);
    pen.lineTo((held + 0.5) * wide, height);
  }
  pen.stroke();
}
