// Buttons that pick an image of a class: they are there before the images are, for ten digits.

import { format } from "./page.js";

/**
 * Let buttons say the classes of the images that have come: of the first ten, those that there are.
 * @param {Element} box
 * @param {import("../engine/digits.js").Digits} digits
 * @param {Record<string, string>} text
 */
export function namePicks(box, digits, text) {
  const { names, byLabel } = digits;
  box.classList.toggle("words", names.some((name) => name.length > 1));
  for (const [label, button] of [...box.querySelectorAll("button")].entries()) {
    const name = names[label];
    button.hidden = name === undefined;
    if (name === undefined) continue;
    button.textContent = name;
    button.disabled = !byLabel[label].length;
    button.setAttribute("aria-label", format(text.pick_one, { label: name }));
  }
}
