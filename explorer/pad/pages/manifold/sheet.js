// What K numbers can stand for, drawn: a line for one, a mesh for two, where the data's codes lie.

const PIECES = 120; // of a line
const CELLS = 16; // of a mesh, each way
const BEYOND = 0.04; // how far it goes past the outermost codes, as a share of their range

/**
 * A line (one list of places), or a mesh: its lines and its cells of four corners; places in the
 * space of the points.
 * @typedef {{ lines: number[][][], cells: number[][][] }} Sheet
 */

/**
 * @param {number[][]} codes (count, K), K 1 or 2.
 * @param {(z: number[]) => number[]} decode
 * @param {boolean} whole Whether a mesh is drawn where no code is near, too.
 * @returns {Sheet}
 */
export function sheetOf(codes, decode, whole) {
  const ranges = codes[0].map((_, k) => {
    const all = codes.map((z) => z[k]);
    const low = Math.min(...all), high = Math.max(...all);
    return { low: low - BEYOND * (high - low), size: (1 + 2 * BEYOND) * (high - low) || 1 };
  });
  const at = (k, i, count) => ranges[k].low + (ranges[k].size * i) / count;
  if (ranges.length === 1) {
    const line = Array.from({ length: PIECES + 1 }, (_, i) => decode([at(0, i, PIECES)]));
    return { lines: [line], cells: [] };
  }
  const near = new Uint8Array(CELLS * CELLS).fill(whole ? 1 : 0);
  const cell = (k, v) =>
    Math.min(CELLS - 1, Math.max(0, Math.floor(((v - ranges[k].low) / ranges[k].size) * CELLS)));
  for (const z of codes) {
    const across = cell(0, z[0]), up = cell(1, z[1]);
    for (let i = Math.max(0, across - 1); i <= Math.min(CELLS - 1, across + 1); i++) {
      for (let j = Math.max(0, up - 1); j <= Math.min(CELLS - 1, up + 1); j++) near[i * CELLS + j] = 1;
    }
  }
  const corners = Array.from({ length: CELLS + 1 }, (_, i) =>
    Array.from({ length: CELLS + 1 }, (__, j) => decode([at(0, i, CELLS), at(1, j, CELLS)])));
  const has = (i, j) => i >= 0 && j >= 0 && i < CELLS && j < CELLS && near[i * CELLS + j];
  const cells = [], lines = [];
  for (let i = 0; i <= CELLS; i++) {
    for (let j = 0; j <= CELLS; j++) {
      if (has(i, j)) {
        cells.push([corners[i][j], corners[i + 1][j], corners[i + 1][j + 1], corners[i][j + 1]]);
      }
      if (has(i, j) || has(i - 1, j)) lines.push([corners[i][j], corners[i][j + 1]]);
      if (has(i, j) || has(i, j - 1)) lines.push([corners[i][j], corners[i + 1][j]]);
    }
  }
  return { lines, cells };
}
