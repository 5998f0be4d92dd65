// What the sections below the maps share: a heading with its menu of downloads.

import { saveMenu } from "../../parts/downloads.js";

export const heading = (text, note) => `<div class="head"><h3>${text}</h3><div class="save"></div></div>
  ${note ? `<p class="hint">${note}</p>` : ""}`;

// The menu in a section's heading; `about` gives what the files say of themselves.
export function menu(root, text, items) {
  return saveMenu(root.querySelector(".save"), items, text);
}

export const idsOf = (models) => models.map(({ run }) => run.id);
