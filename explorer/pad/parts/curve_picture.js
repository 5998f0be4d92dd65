// Loss terms as a picture for a slide: one small plot for each, as `curves.js` shows them.

import { figures, rangeOf, reportAt } from "../engine/histories.js";

const LETTERS = 11;

/**
 * The cells of a montage, one for each term.
 * @param {Record<string, number>[]} history
 * @param {object} what
 * @param {string[]} what.terms
 * @param {number} what.total Samples that a plot reaches to.
 * @param {Record<string, number[]> | null} what.ranges Of the values, which others share.
 * @param {(term: string) => string} what.name What a term is called.
 * @param {number} what.width
 * @param {number} what.height
 * @returns {import("./montage.js").Cell[]}
 */
export function curveCells(history, { terms, total, ranges, name, width, height }) {
  const last = reportAt(history, null);
  return terms.map((term) => {
    const [low, high] = ranges?.[term] ?? rangeOf([history], term);
    const there = history.filter((entry) => Number.isFinite(entry[term]));
    return {
      width,
      height,
      above: `${name(term)}: ${figures(last[term])}`,
      paint: (pen, colours) => {
        pen.fillStyle = colours.panel;
        pen.fillRect(0, 0, width, height);
        pen.save();
        pen.beginPath();
        pen.rect(0, 0, width, height);
        pen.clip();
        pen.strokeStyle = colours.accent;
        pen.lineWidth = 2;
        pen.lineJoin = "round";
        pen.beginPath();
        for (const entry of there) {
          pen.lineTo((width * entry.samples) / total, height * (1 - (entry[term] - low) / (high - low)));
        }
        pen.stroke();
        pen.restore();
        pen.fillStyle = colours.ink;
        pen.font = `${LETTERS}px ${colours.font}`;
        pen.textAlign = "right";
        pen.fillText(figures(high), width - 4, LETTERS);
        pen.fillText(figures(low), width - 4, height - LETTERS);
        pen.textAlign = "left";
      },
    };
  });
}
