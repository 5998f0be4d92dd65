// How a picture is to be saved: its size, light or dark, title and legend, above a preview that is
// the file itself.

import { canvasPicture, LARGEST_SIDE, MOST_PIXELS, saveDrawing, savePicture } from "./downloads.js";
import { fits, saveFilm } from "./film.js";
import { escaped, format } from "./page.js";
import { compose, drawn, rastered, sizeOf } from "./slide.js";
import { isStill, side, theme } from "./theme.js";

const WIDTHS = { still: [480, 960, 1920], moving: [480, 640, 800] };
const PACES = { slow: 0.5, usual: 1, fast: 2 };
const LONGEST = 300; // letters of a title
const REST = 150; // milliseconds after the last key until the preview follows

// What was chosen last serves again, until the page is left.
const last = { still: 960, moving: 480, format: "png", pace: "usual", legend: true };

/**
 * Ask how to save a figure; gives what saves it so, or null where it is left.
 * @param {HTMLElement} host Of the menu; the dialog is within it.
 * @param {HTMLElement} root The pad's.
 * @param {{ label: string, figure: import("./slide.js").Figure }} what
 * @param {import("./page.js").Texts} text
 * @returns {Promise<(() => Promise<string>) | null>}
 */
export function askHow(host, root, { label, figure }, text) {
  const legended = Boolean(figure.legend || (figure.chart && !figure.bare));
  const kind = figure.frames ? "moving" : "still";
  const here = theme(root).dark ? "dark" : "light";
  const dialog = host.appendChild(document.createElement("dialog"));
  dialog.className = "slide";
  dialog.setAttribute("aria-label", label);
  const field = (of, words, options) => `<fieldset><legend>${words}</legend><div class="choices">${
    options.map(([value, told]) => `<label><input type="radio" name="${of}" value="${value}"><span>${
      told}</span></label>`).join("")}</div></fieldset>`;
  dialog.innerHTML = `
    <form method="dialog">
      <h2>${escaped(label)}</h2>
      <figure><div class="preview"></div><figcaption aria-live="off"></figcaption></figure>
      <div class="fields">
        <label class="title"><span>${text.slide_title}</span><input type="text" name="title"
          maxlength="${LONGEST}" autocomplete="off"></label>
        ${figure.chart ? field("format", text.slide_format, [["png", "PNG"], ["svg", "SVG"]]) : ""}
        ${field("width", text.slide_width, WIDTHS[kind].map((width) => [width, width]))}
        ${field("side", text.slide_colours, ["light", "dark"].map((one) => [one, text[`slide_${one}`]]))}
        ${figure.frames ? field("pace", text.slide_pace,
          Object.keys(PACES).map((one) => [one, text[`slide_${one}`]])) : ""}
        <label class="tick" ${legended ? "" : "hidden"}><input type="checkbox"
          name="legend"><span>${text.slide_legend}</span></label>
      </div>
      <div class="ends"><button type="button">${text.slide_cancel}</button>
        <button type="submit" class="first">${text.save}</button></div>
    </form>`;
  const form = /** @type {any} */ (dialog.querySelector("form"));
  const preview = dialog.querySelector(".preview");
  const caption = dialog.querySelector("figcaption");
  const { elements } = form;
  elements.title.value = figure.about.title ?? "";
  const set = (name, value) => {
    if (elements[name]) elements[name].value = String(value);
  };
  set("width", last[kind]);
  set("side", here);
  set("pace", last.pace);
  set("format", last.format);
  elements.legend.checked = last.legend;

  const chosen = () => ({
    width: Number(elements.width.value),
    colours: side(root, elements.side.value === "dark"),
    title: elements.title.value.trim(),
    legend: legended && elements.legend.checked,
    pace: PACES[elements.pace?.value ?? "usual"],
  });
  const tooLarge = (width) => {
    if (figure.chart) return false;
    const size = sizeOf(figure, { ...chosen(), width });
    return figure.frames ? !fits(size)
      : size.height > LARGEST_SIDE || 4 * size.width * size.height > MOST_PIXELS;
  };
  let waiting = 0, moving = 0, shown = 0;
  const show = async () => {
    clearTimeout(moving);
    const turn = ++shown;
    // A size that can't be is not offered; the smallest always can.
    for (const one of Array.from(elements.width).slice(1)) {
      one.disabled = one.parentElement.hidden = tooLarge(Number(one.value));
      if (one.checked && one.disabled) elements.width[0].checked = true;
    }
    const choice = chosen();
    const put = (canvas) => {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", format(text.slide_preview, { what: choice.title || label }));
      preview.replaceChildren(canvas);
      caption.textContent = format(text.slide_pixels, { width: canvas.width, height: canvas.height });
    };
    if (figure.chart) {
      const canvas = await rastered(drawn(figure, choice, root));
      if (turn === shown) put(canvas);
      return;
    }
    const still = isStill() || !figure.frames;
    const count = figure.frames ?? 1;
    const step = (frame) => {
      put(compose(figure, choice, frame < count ? frame : 2 * count - 2 - frame));
      if (still) return;
      const next = (frame + 1) % (figure.back ? Math.max(1, 2 * count - 2) : count);
      moving = setTimeout(() => step(next), Math.max(40, figure.milliseconds / choice.pace));
    };
    step(still ? Math.floor(count / 2) : 0);
  };

  return new Promise((done) => {
    let answer = null;
    elements.title.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(show, REST);
    });
    form.addEventListener("change", (/** @type {any} */ event) => event.target !== elements.title && show());
    form.addEventListener("submit", () => {
      const choice = chosen();
      last[kind] = choice.width;
      last.legend = elements.legend.checked;
      if (elements.pace) last.pace = elements.pace.value;
      if (elements.format) last.format = elements.format.value;
      const format = elements.format?.value;
      answer = () => saveFigure(figure, choice, format, root);
    });
    dialog.querySelector(".ends button").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // keys here move nothing else
    dialog.addEventListener("close", () => {
      clearTimeout(waiting);
      clearTimeout(moving);
      shown++;
      dialog.remove();
      done(answer);
    });
    dialog.showModal();
    /** @type {HTMLElement} */ (dialog.querySelector(".first")).focus(); // which opens no keyboard of a phone's
    show();
  });
}

async function saveFigure(figure, choice, kind, root) {
  const about = { ...figure.about, title: choice.title || figure.about.title };
  if (figure.frames) return saveFilm(figure, choice, about);
  if (!figure.chart) return savePicture(canvasPicture(compose(figure, choice)), about);
  const svg = drawn(figure, choice, root);
  return kind === "svg" ? saveDrawing(svg, about) : savePicture(canvasPicture(await rastered(svg)), about);
}
