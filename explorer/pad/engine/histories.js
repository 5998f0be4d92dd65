// What a training's reports hold, term by term.

/**
 * Three figures, as people read them.
 * @param {number} value
 */
export function figures(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/**
 * Names of the terms that a history reports.
 * @param {Record<string, number>[]} history
 */
export function termsOf(history) {
  const found = new Set();
  for (const entry of history) for (const name of Object.keys(entry)) found.add(name);
  found.delete("step");
  found.delete("samples");
  return [...found];
}

/**
 * The last report of a history after at most so many samples, the first one where none was so early;
 * null for the latest of all.
 * @param {Record<string, number>[]} history At least one report.
 * @param {number | null} samples
 */
export function reportAt(history, samples) {
  if (samples === null) return history[history.length - 1];
  return history.findLast((entry) => entry.samples <= samples + 0.5) ?? history[0];
}

/**
 * What the axis of a term holds over several histories: all of it, but for the steep beginning of
 * a term that falls to the end, which would leave no room for the rest. A peak is never cut off.
 * @param {Record<string, number>[][]} histories
 * @param {string} term
 */
export function rangeOf(histories, term) {
  const curves = histories.map((history) => history.map((entry) => entry[term])
    .filter(Number.isFinite)).filter((values) => values.length);
  if (!curves.length) return [0, 1];
  const low = Math.min(...curves.map((values) => Math.min(...values)));
  const high = Math.max(...curves.map(highOf));
  const margin = 0.08 * (high - low) || Math.abs(high) * 0.1 || 1;
  return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
}

/** @param {number[]} values */
function highOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const usual = sorted[Math.floor((sorted.length - 1) * 0.96)];
  const falls = values[values.length - 1] - sorted[0] <= (usual - sorted[0]) / 4;
  let first = 0;
  if (falls) {
    while (first + 1 < values.length && values[first] > usual && values[first + 1] < values[first]) {
      first += 1;
    }
  }
  return Math.max(...values.slice(first));
}
