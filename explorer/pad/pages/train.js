// A training while it runs: its place in the queue, its progress, its map, digits and loss terms.
// The pad asks the app's own route of jobs; the page hears of it once, when the training has ended.

import { Digits } from "../engine/digits.js";
import { fetchBytes, inLanguage } from "../engine/fetching.js";
import { reachOf } from "../engine/layouts.js";
import { halfFloats } from "../engine/safetensors.js";
import { mounting, Pad } from "../parts/pad.js";
import { format, grouped } from "../parts/page.js";
import { greys, remember, span, Stage } from "../parts/stage.js";

const OFTEN = 300; // milliseconds between questions while the training runs
const SELDOM = 1000; // and while it waits
const LOST = 2000; // and while the server doesn't answer
const GLIDE = 260;
const OVER = ["complete", "stopped", "failed", "gone"];

class WatchPad extends Pad {
  constructor(component) {
    super(component);
    this.data = component.data;
    remember(this.data.visitor);
    this.#buildPage();
    this.shown = () => document.visibilityState === "visible" && this.#ask();
    document.addEventListener("visibilitychange", this.shown);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.shown);
    super.destroy();
    this.stage.destroy();
  }

  #buildPage() {
    const t = this.text;
    this.build(`
      <div class="pad train" aria-busy="true">
        <div class="head">
          <h2 data-part="name"></h2>
          <span class="status" data-part="status"></span>
          <div class="buttons"><button type="button" data-action="stop" hidden
            title="${t.stop_help}">${t.stop}</button></div>
        </div>
        <div class="progress" role="progressbar" aria-label="${t.progress}" aria-valuemin="0"
          aria-valuemax="100"><i></i></div>
        <p class="numbers" data-part="numbers"></p>
        <p class="message" data-part="message" role="status" aria-live="polite"></p>
        <div data-part="stage"></div>
        <p class="hint">${t.live_note}</p>
      </div>`);
    this.part("name").textContent = this.data.name;
    this.bar = this.root.querySelector(".progress");
    this.stopButton = this.root.querySelector('[data-action="stop"]');
    this.stopButton.addEventListener("click", () => this.stop());
    this.stage = new Stage(this.part("stage"), t, this.data.unit);
    this.recolour();
  }

  recolour() {
    super.recolour();
    this.stage.recolour(this.colours);
  }

  update(data) {
    if (data.job !== this.data.job) this.load(data);
  }

  async load(data) {
    this.data = data;
    this.part("name").textContent = data.name;
    this.step = 0;
    this.frame = -1;
    this.history = [];
    this.over = this.left = false;
    if (data.scroll && window.innerWidth < 700) this.root.scrollIntoView({ block: "start" });
    this.digits = this.digits ?? Digits.load(data.digits);
    await this.#ask();
    this.root.setAttribute("aria-busy", "false");
  }

  async #ask() {
    clearTimeout(this.timer);
    if (this.gone || this.over || this.asking || document.visibilityState === "hidden") return;
    this.asking = true;
    let next = LOST;
    try {
      const answer = await fetch(`${this.data.address}?since=${this.step}`, {
        headers: inLanguage({ "X-Latent-Visitor": this.data.visitor }),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const state = await answer.json();
      if (this.gone) return;
      await this.#take(state);
      next = state.status === "waiting" ? SELDOM : OFTEN;
    } catch {
      if (!this.gone) this.say(this.text.lost);
    } finally {
      this.asking = false;
    }
    if (!this.gone && !this.over) this.timer = setTimeout(() => this.#ask(), next);
  }

  async #take(state) {
    const { text } = this;
    this.root.dataset.status = state.status;
    const chip = this.part("status");
    chip.textContent = text[`status_${state.status}`];
    chip.dataset.status = state.status;
    this.over = OVER.includes(state.status);
    if (this.over) {
      this.stopButton.hidden = true;
      if (state.status === "failed") this.say(state.message);
      else this.say(text[`ended_${state.status}`]);
      if (state.status === "complete") this.#progress(1);
      this.tell("ended", { id: this.data.job, status: state.status });
      return;
    }
    this.stopButton.hidden = state.status === "saving" || !(state.mine || this.data.owner);
    this.stopButton.disabled = state.status === "stopping";
    this.#progress(state.steps ? state.step / state.steps : 0);
    const total = this.data.samples;
    if (state.status === "waiting") {
      this.part("numbers").textContent = state.before
        ? format(text.waiting, { before: state.before, time: span(state.begins_in, text) })
        : text.next;
    } else {
      this.part("numbers").textContent = format(text.running, {
        samples: grouped(state.samples), total: grouped(total), time: span(state.remaining, text),
      });
    }
    if (this.left) this.say(text.others);
    else this.say(state.askers > 1 ? format(text.watched, { count: state.askers }) : "");
    if (state.history.length) {
      this.history.push(...state.history);
      this.step = this.history.at(-1).step;
      this.stage.curves.show(this.history, total);
      this.root.dataset.reports = this.history.length;
    }
    if (state.frames - 1 > this.frame) await this.#show(state.frames - 1, state.samples);
  }

  async #show(frame, samples) {
    const at = `${this.data.address}/frames/${frame}`;
    const [points, png] = await Promise.all([fetchBytes(`${at}/points`), fetchBytes(`${at}/grid`)]);
    const bitmap = await createImageBitmap(new Blob([png], { type: "image/png" }));
    const { labels } = await this.digits;
    if (this.gone) return;
    this.frame = frame;
    const shown = halfFloats(points);
    this.stage.points(shown, labels, reachOf(shown), GLIDE);
    this.stage.sheet(greys(bitmap), samples);
    this.root.dataset.frame = frame;
  }

  async stop() {
    this.stopButton.disabled = true;
    const answer = await fetch(`${this.data.address}/stop`, {
      method: "POST", headers: { "X-Latent-Visitor": this.data.visitor },
    });
    const { stops } = await answer.json();
    this.left = !stops; // others still want it
    this.say(stops ? this.text.stopping : this.text.others);
    this.stopButton.disabled = stops;
  }

  #progress(share) {
    const percent = Math.round(100 * share);
    this.bar.setAttribute("aria-valuenow", percent);
    this.bar.firstElementChild.style.width = `${100 * share}%`;
  }

  say(message) {
    const line = this.part("message");
    if (line.textContent !== message) line.textContent = message;
  }
}

export const mount = mounting(WatchPad);
