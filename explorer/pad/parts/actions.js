// The latent pad's buttons: back to the digit's own code, a random digit, and draws of z.

import { drawnOf } from "../engine/gaussians.js";
import { normal } from "../engine/numbers.js";

/** @param {import("./latent_pad.js").LatentPad} pad */
export function buildActions(pad) {
  const { run, text } = pad;
  const box = pad.part("buttons");
  box.innerHTML = "";
  const add = (name, action) => {
    const button = box.appendChild(document.createElement("button"));
    button.type = "button";
    button.textContent = text[name];
    button.title = text[`${name}_help`];
    button.dataset.action = name;
    button.addEventListener("click", () => {
      pad.ghost = null;
      pad.say("");
      action();
    });
  };
  const show = (z) => {
    pad.z = z;
    pad.draw();
    pad.settle();
  };
  add("reset", () => {
    if (pad.run.label !== pad.run.introduced) pad.tellLabel(pad.run.introduced, pad.own);
    show(pad.own.slice());
  });
  add("random", () => pad.pick(pad.digits.random()));
  if (run.hasPosterior) {
    add("resample", () => {
      if (!pad.posterior) return;
      show(drawnOf(pad.posterior, pad.posterior.mean.map(() => normal())).z);
    });
  }
  if (run.prior) add("prior", () => show(run.prior.draw(1)));
}
