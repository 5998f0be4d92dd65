// What the sections below the maps share: a heading with its menu of downloads.

import { saveMenu } from "../../parts/save_menu.js";

/**
 * @param {string} text
 * @param {string} [note]
 */
export const heading = (text, note) => `<div class="head"><h2>${text}</h2><div class="save"></div></div>
  ${note ? `<p class="hint">${note}</p>` : ""}`;

/**
 * The menu in a section's heading; `about` gives what the files say of themselves.
 * @param {import("../../parts/page.js").Box} root
 * @param {import("../../parts/page.js").Texts} text
 * @param {import("../../parts/save_menu.js").Item[]} items
 */
export function menu(root, text, items) {
  return saveMenu(root.querySelector(".save"), items, text);
}

/** @param {{ run: import("../../engine/run.js").Run }[]} models */
export const idsOf = (models) => models.map(({ run }) => run.id);
