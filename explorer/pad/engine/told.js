// What a run is told of an image: its label, where nobody knows the one as which it costs least, or
// the part of it that is seen.

import { ledger } from "./ledger.js";

const FEW = 2; // draws of z that tell one label from another

/**
 * The negative ELBO of image x in nats as each label: (classes,).
 * @param {import("./run.js").Run} run That is told labels, with a posterior and a prior.
 * @param {Float32Array} x
 * @param {number} [draws] Of z.
 */
export function costs(run, x, draws) {
  return Array.from({ length: run.classes }, (_, label) => run.as(label, () => {
    const { reconstruction, rate } = ledger(run, x, draws);
    return reconstruction + rate;
  }));
}

/**
 * The label that a run is told of an image: its own, or where nobody knows it the one as which the
 * image costs least; undefined for a run that is told none.
 * @param {import("./run.js").Run} run
 * @param {Float32Array | null} x
 * @param {number} [label]
 */
export function labelOf(run, x, label = -1) {
  if (!run.classes) return undefined;
  if (label >= 0 && label < run.classes) return label;
  if (!x || !run.hasPosterior) return run.label;
  const nats = costs(run, x, FEW);
  return nats.indexOf(Math.min(...nats));
}

/**
 * Tell a run what an image is of, and show one that completes images what is seen of it. No effect
 * on a run that is told nothing.
 * @param {import("./run.js").Run} run
 * @param {Float32Array | null} x
 * @param {number} [label]
 */
export function introduce(run, x, label) {
  if (x) run.show(x);
  if (!run.classes) return;
  run.tell(labelOf(run, x, label));
  run.introduced = run.label;
}
