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
 * Tell a run what an image is of: a label, or where nobody knows the one as which it costs least;
 * show one that completes images what is seen of it. No effect on a run that is told nothing.
 * @param {import("./run.js").Run} run
 * @param {Float32Array | null} x
 * @param {number} [label]
 */
export function introduce(run, x, label = -1) {
  if (x) run.show(x);
  if (!run.classes) return;
  const known = label >= 0 && label < run.classes;
  if (known) run.tell(label);
  else if (x && run.hasPosterior) {
    const nats = costs(run, x, FEW);
    run.tell(nats.indexOf(Math.min(...nats)));
  }
  run.introduced = run.label;
}
