// What stands around the map of Explore: how it is laid out and coloured, how far it can be trusted,
// what lies beneath it, and the choosing of many digits at once.

import { axesLayout, mostSpread, neighbourLayout, planeLayout, posteriorRings, topLayout, turnedLayout } from "../../engine/layouts.js";
import { fromText, inside, toText } from "../../engine/polygon.js";
import { derive, giveUp } from "../../engine/results.js";
import { address } from "../../parts/address.js";
import { Lasso } from "../../parts/lasso.js";
import { decimals, format } from "../../parts/page.js";
import { shadesOf } from "../../parts/theme.js";
import { Backdrop } from "./backdrop.js";
import { keepMenu } from "./downloads.js";
import { Gallery } from "./gallery.js";
import { FAR, Trust } from "./trust.js";

const LAYERS = ["rings", "prior", "backdrop"];
const USUAL_LAYERS = "rings,prior";
const SETTLED = 200; // milliseconds that a knob must rest before the chosen digits are shown anew

export class MapTools {
  /** @param {import("../../parts/latent_pad.js").LatentPad} pad */
  constructor(pad) {
    this.pad = pad;
    this.text = pad.text;
    this.held = new Map(); // results by run, set and kind
    this.method = null;
    this.colour = "class";
    this.backdrop = new Backdrop(pad);
    this.trust = new Trust(pad, this);
    this.buttons = this.part("buttons");
    this.#build();
    this.gallery = new Gallery(pad, this.part("gallery"));
    this.lasso = new Lasso(pad.map, {
      label: this.text.select_keys,
      onChange: (path) => this.#mark(path),
      onEnd: (path) => {
        this.#select(path);
        address.set({ select: path && `${this.method}:${toText(path)}` });
      },
      from: () => pad.layout.toMap(pad.z),
    });
    pad.map.back({ paint: (context, view) => this.#ground(context, view) });
    const actions = document.createElement("div");
    actions.className = "actions";
    this.part("buttons").replaceWith(actions);
    actions.append(this.buttons);
    keepMenu(pad, this, actions);
  }

  destroy() {
    this.waiting?.abort();
    clearTimeout(this.choosing);
    this.backdrop.destroy();
    this.gallery.destroy();
  }

  #build() {
    const t = this.text;
    const plane = this.pad.root.querySelector(".plane");
    plane.insertAdjacentHTML("afterbegin", `
      <div class="map-bar">
        <div class="modes" role="group" aria-label="${t.map_by}" data-part="methods"></div>
        <select data-part="axis-0" aria-label="${t.axis_x}" hidden></select>
        <select data-part="axis-1" aria-label="${t.axis_y}" hidden></select>
        <div class="modes" role="group" aria-label="${t.colour_by}" data-part="colours"></div>
        <div class="modes" role="group" aria-label="${t.tool}" data-part="tools"></div>
      </div>`);
    this.part("map-title").hidden = true;
    this.part("map").insertAdjacentHTML("beforeend", `
      <div class="map-wait" data-part="wait" hidden><span role="status" data-part="wait-text"></span>
        <progress max="1"></progress><button type="button">${t.cancel}</button></div>`);
    this.part("map-note").insertAdjacentHTML("beforebegin", `
      <div class="map-foot">
        <div class="layers" role="group" aria-label="${t.layers}">${LAYERS.map((name) =>
          `<label><input type="checkbox" data-layer="${name}"><span>${t[`layer_${name}`]}</span></label>`)
          .join("")}</div>
        <div class="legend" data-part="legend" hidden></div>
      </div>
      <p class="trust" data-part="trust" aria-live="polite"></p>`);
    this.pad.root.insertAdjacentHTML("beforeend", `<section class="gallery" data-part="gallery" hidden></section>`);
    this.part("wait").querySelector("button").addEventListener("click", () => this.#cancel());
    this.#modes("colours", ["class", "error", "rate"], "colour", (name) => this.colourBy(name));
    this.#modes("tools", ["move", "select"], "tool", (name) => this.#use(name));
    for (const box of this.#layerBoxes()) {
      box.addEventListener("change", () => {
        const on = this.#layerBoxes().filter((one) => one.checked).map((one) => one.dataset.layer);
        address.set({ layers: on.join() === USUAL_LAYERS ? null : on.join() || "none" });
        this.#showLayers();
      });
    }
    for (const axis of [0, 1]) {
      this.part(`axis-${axis}`).addEventListener("change", () => this.#axes());
    }
  }

  part(name) {
    return this.pad.part(name);
  }

  #layerBoxes() {
    return Array.from(this.pad.root.querySelectorAll("[data-layer]"));
  }

  #modes(part, names, kind, act) {
    const box = this.part(part);
    box.innerHTML = "";
    for (const name of names) {
      const button = box.appendChild(document.createElement("button"));
      button.type = "button";
      button.dataset[kind] = name;
      button.textContent = this.text[`${kind}_${name}`];
      button.title = this.text[`${kind}_${name}_help`];
      button.addEventListener("click", () => act(name));
    }
  }

  #press(kind, value) {
    for (const button of this.pad.root.querySelectorAll(`[data-${kind}]`)) {
      button.setAttribute("aria-pressed", String(button.dataset[kind] === value));
    }
  }

  // The pad shows something else: another run or other images; or the same ones at another value.
  changed() {
    const { run } = this.pad;
    if (run !== this.run) this.#meet(run);
    else if (run.value !== this.value) this.#turned();
    this.value = run.value;
    this.backdrop.stale();
  }

  // After every drawing of the pad.
  drawn() {
    if (["axes", "top"].includes(this.method) && this.pad.run.latent > 2) this.backdrop.stale(600);
  }

  recolour() {
    this.backdrop.recolour();
    this.#showLegend();
    this.gallery.recolour();
  }

  // A knob moved: what was chosen is what lies within the path now, and reconstructed anew.
  #turned() {
    this.trust.tellKnob();
    if (!this.lasso.polygon) return;
    this.#mark(this.lasso.polygon);
    clearTimeout(this.choosing);
    this.choosing = setTimeout(() => this.#select(this.lasso.polygon), SETTLED);
  }

  #methods() {
    const { latent, wide, levels } = this.pad.run;
    const top = levels?.widths.length > 1 && levels.widths.at(-1) > 1 ? ["top"] : [];
    if (latent === 1) return ["native", ...FAR];
    return latent === 2 ? ["native", "pca", ...FAR] : ["pca", ...(wide ? [] : [...top, "axes"]), ...FAR];
  }

  #meet(run) {
    const first = !this.run;
    this.run = run;
    this.waiting?.abort();
    clearTimeout(this.choosing);
    this.#wait(null);
    const methods = this.#methods();
    this.#modes("methods", methods, "method", (name) => this.layOut(name));
    this.#axisOptions();
    const asked = address.get("map");
    if (first && asked !== null && !methods.includes(asked)) this.#complain("map", asked, methods);
    const colours = run.hasPosterior ? ["class", "error", "rate"] : ["class", "error"];
    for (const button of this.part("colours").children) {
      button.hidden = !colours.includes(button.dataset.colour);
    }
    const colour = address.get("colour");
    if (first && colour !== null && !colours.includes(colour)) this.#complain("colour", colour, colours);
    const boxes = this.#layerBoxes();
    const layers = (address.get("layers") ?? USUAL_LAYERS).split(",");
    for (const box of boxes) {
      box.checked = layers.includes(box.dataset.layer);
      box.parentElement.hidden = (box.dataset.layer === "rings" && !run.hasPosterior) ||
        (box.dataset.layer === "prior" && !run.prior?.heaps.length);
    }
    if (first && layers.some((name) => name !== "none" && !LAYERS.includes(name))) {
      this.#complain("layers", layers.join(), LAYERS);
    }
    this.#use(address.get("select") ? "select" : "move");
    this.gallery.show(null);
    this.pad.map.select(null);
    this.lasso.clear();
    const selected = this.#linked(methods, first);
    const method = methods.includes(asked) ? asked : selected?.method ?? methods[0];
    this.method = methods[0];
    this.#press("method", this.method);
    this.#showLayers();
    this.trust.show();
    const laid = method === this.method ? null : this.layOut(method, selected);
    if (selected && !laid) this.#restore(selected);
    this.colourBy(colours.includes(colour) ? colour : "class");
  }

  #complain(name, value, allowed) {
    this.pad.say(format(this.text.bad_choice, { name, value: value.slice(0, 40), allowed: allowed.join(", ") }));
  }

  // --- Layouts ----------------------------------------------------------------------------------

  // Lay the map out by a method; UMAP and t-SNE may have to be computed first.
  async layOut(method, selected = null) {
    const { run } = this.pad;
    if (this.waitsFor === method) return; // pressed twice: it is on its way
    this.waiting?.abort();
    this.#wait(null);
    let layout;
    try {
      layout = await this.#layout(method);
    } catch (error) {
      if (this.run !== run) return;
      this.#wait(null);
      if (error.name !== "AbortError") this.pad.say(this.sentence(error));
      return;
    }
    if (!layout || this.run !== run) return;
    this.#wait(null);
    this.method = method;
    this.#press("method", method);
    address.set({ map: method === this.#methods()[0] ? null : method });
    this.lasso.clear();
    if (!selected) address.set({ select: null });
    this.pad.lay(layout);
    this.backdrop.stale();
    this.#showLayers();
    this.trust.show();
    if (selected) this.#restore(selected);
  }

  async #layout(method) {
    const { run } = this.pad;
    for (const axis of [0, 1]) this.part(`axis-${axis}`).hidden = method !== "axes";
    const [i, j] = this.chosenAxes();
    if (method === "axes") return axesLayout(run, i, j);
    if (method === "top") return topLayout(run);
    if (FAR.includes(method)) {
      const { arrays } = await this.derived(method, (state) => this.#wait(method, state));
      return neighbourLayout(run, method, arrays.points.data);
    }
    return method === "pca" && run.latent === 2 ? turnedLayout(run) : planeLayout(run);
  }

  // A derived result of what is shown; kept for as long as the page.
  async derived(kind, progress) {
    const { run, spec, set } = this.pad;
    const key = `${run.id} ${set ?? ""} ${kind}`;
    if (!this.held.has(key)) {
      const waiting = new AbortController();
      if (progress) this.waiting = waiting;
      this.held.set(key, derive(spec, kind, { progress, signal: waiting.signal, set }));
    }
    try {
      return await this.held.get(key);
    } catch (error) {
      this.held.delete(key);
      throw error;
    }
  }

  #wait(method, state) {
    const box = this.part("wait");
    box.hidden = !method;
    this.waitsFor = method;
    if (!method) return;
    const name = this.text[`method_${method}`];
    box.querySelector("progress").value = state.share;
    this.part("wait-text").textContent = state.before
      ? format(this.text.wait_turn, { name, before: state.before })
      : format(this.text.wait_share, { name, share: Math.round(100 * state.share) });
  }

  #cancel() {
    const { spec, set } = this.pad;
    if (this.waitsFor) giveUp(spec, this.waitsFor, set).catch(() => {});
    this.waiting?.abort();
    this.#wait(null);
  }

  sentence(error) {
    const known = this.text[`failed_${error.reason}`];
    return known ? format(known, error.values) : error.message;
  }

  #axisOptions() {
    const { latent, wide } = this.pad.run; // a wide code's axes are no choice for a list
    const widest = wide ? [] : mostSpread(this.pad.run);
    for (const axis of [0, 1]) {
      const box = this.part(`axis-${axis}`);
      box.hidden = true;
      box.innerHTML = Array.from({ length: wide ? 0 : latent }, (_, k) =>
        `<option value="${k}"${k === widest[axis] ? " selected" : ""}>z${k + 1}</option>`).join("");
    }
    const asked = address.get("axes");
    if (asked === null || latent <= 2 || wide) return;
    const chosen = asked.split(",").map(Number);
    const good = chosen.length === 2 && chosen[0] !== chosen[1] &&
      chosen.every((k) => Number.isInteger(k) && k >= 1 && k <= latent);
    if (!good) this.pad.say(format(this.text.bad_axes, { latent }));
    else chosen.forEach((k, axis) => { this.part(`axis-${axis}`).value = k - 1; });
  }

  chosenAxes() {
    return [0, 1].map((axis) => Number(this.part(`axis-${axis}`).value));
  }

  #axes() {
    const chosen = this.chosenAxes();
    if (chosen[0] === chosen[1]) { // both moved to one axis: the other takes the next
      this.part("axis-1").value = (chosen[0] + 1) % this.pad.run.latent;
    }
    address.set({ axes: this.chosenAxes().map((k) => k + 1).join() });
    this.layOut("axes");
  }

  // --- Colours ----------------------------------------------------------------------------------

  async colourBy(name) {
    const { run } = this.pad;
    this.colour = name;
    this.#press("colour", name);
    address.set({ colour: name === "class" ? null : name });
    this.values = null;
    if (name !== "class") {
      try {
        const { arrays } = await this.derived("each", (state) => this.#wait("each", state));
        if (this.run !== run || this.colour !== name) return;
        this.#wait(null);
        this.values = arrays[name].data;
      } catch (error) {
        if (this.run !== run) return;
        this.#wait(null);
        if (error.name !== "AbortError") this.pad.say(this.sentence(error));
        this.colour = "class";
        this.#press("colour", "class");
      }
    }
    if (!this.values) this.pad.map.shadeBy(null);
    else {
      const sorted = Float32Array.from(this.values).sort();
      const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
      this.bounds = [at(0.01), at(0.5), at(0.99)];
      this.pad.map.shadeBy(this.values, this.bounds[0], this.bounds[2]);
    }
    this.#showLegend();
  }

  #showLegend() {
    const box = this.part("legend");
    box.hidden = !this.values;
    if (!this.values || !this.pad.colours) return;
    const shades = shadesOf(this.pad.colours).filter((_, i) => i % 9 === 0).map((c) => `rgb(${c})`);
    const [low, middle, high] = this.bounds.map((value) => decimals(value, 1));
    box.innerHTML = `<span>${this.text[`legend_${this.colour}`]}</span><span>${low}</span>
      <i style="background: linear-gradient(to right, ${shades})"></i><span>${high}</span>
      <small>${format(this.text.legend_median, { middle })}</small>${this.trust.atUsual()}`;
    this.trust.tellKnob();
  }

  // --- Layers -----------------------------------------------------------------------------------

  #on(name) {
    const box = this.#layerBoxes().find((one) => one.dataset.layer === name);
    return box.checked && !box.parentElement.hidden;
  }

  #showLayers() {
    const far = FAR.includes(this.method);
    for (const box of this.#layerBoxes()) box.disabled = far && box.dataset.layer !== "backdrop";
    this.pad.rings = this.#on("rings");
    this.backdrop.show(this.#on("backdrop"));
    this.pad.map.back({ paint: (context, view) => this.#ground(context, view) });
    this.pad.draw();
  }

  #ground(context, view) {
    const { layout, run } = this.pad;
    const { colours } = view;
    if (!layout || !run) return;
    this.backdrop.paint(context, view);
    // While another run is being loaded the boxes are still those of the last one.
    if (!this.#on("prior") || !layout.linear || !run.prior?.heaps.length) return;
    const { heaps } = run.prior;
    const widths = heaps.length > 1 ? [1] : [1, 2, 3]; // of many Gaussians one ring each
    const rings = heaps.flatMap(({ mean, sigma }) =>
      posteriorRings(layout.toMap, mean, sigma, widths));
    context.strokeStyle = colours.ink;
    context.fillStyle = colours.ink;
    context.globalAlpha = 0.55;
    context.lineWidth = view.letters;
    context.setLineDash([4 * view.letters, 4 * view.letters]);
    context.font = `${13 * view.letters}px ${colours.font}`;
    rings.forEach((ring, i) => {
      context.beginPath();
      ring.forEach((p, n) => context[n ? "lineTo" : "moveTo"](...view.toScreen(p)));
      context.closePath();
      context.stroke();
      if (heaps.length > 1) return;
      const [x, y] = view.toScreen(ring[6]);
      context.fillText(`${i + 1} SD`, x + 4, y - 4);
    });
  }

  // --- Many digits at once ----------------------------------------------------------------------

  #use(tool) {
    this.lasso.active = tool === "select";
    this.#press("tool", tool);
    if (tool === "move" && this.lasso.polygon) {
      this.lasso.clear();
      this.#select(null);
      address.set({ select: null });
    }
  }

  #mark(path) {
    const mask = path && inside(this.pad.layout.points, path);
    this.pad.map.select(mask);
    return mask;
  }

  #select(path) {
    clearTimeout(this.choosing);
    this.gallery.show(this.#mark(path));
  }

  // What the link selects: {method, path}, or null.
  #linked(methods, first) {
    const asked = address.get("select");
    if (asked === null) return null;
    const [method, text] = asked.split(":");
    const path = fromText(text);
    if (path && methods.includes(method)) return { method, path };
    if (first) this.pad.say(this.text.bad_select);
    address.set({ select: null });
    this.#use("move");
    return null;
  }

  #restore({ method, path }) {
    if (method !== this.method) return;
    this.lasso.polygon = path;
    this.#select(path);
  }
}
