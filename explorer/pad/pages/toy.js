// The 2-D toy: where a denoising network sends corrupted points, over the best answer there is,
// x̃ + σ²∇log p_σ(x̃), which is known because the density is. Both are computed here.

import { fetchBytes } from "../engine/fetching.js";
import { agreement, Mixture } from "../engine/mixture.js";
import { Network } from "../engine/network.js";
import { clamp } from "../engine/numbers.js";
import { readTensors } from "../engine/safetensors.js";
import { mounting } from "../parts/pad.js";
import { decimals, format } from "../parts/page.js";
import { saveMenu } from "../parts/save_menu.js";
import { ToyPad } from "../parts/toy_pad.js";

const GRID = 13;
const SAVED = 480; // pixels of the plane's side, before it is enlarged

class DenoisingToy extends ToyPad {
  constructor(component) {
    super(component, "toyPad");
    this.probe = [0.62, 0.42];
    this.#buildPage();
  }

  destroy() {
    super.destroy();
    cancelAnimationFrame(this.frame);
  }

  spoken() {
    return this.part("probe").textContent;
  }

  #buildPage() {
    const t = this.text;
    this.build(`
      <div class="pad toy">
        <canvas data-part="plane" tabindex="0" role="application" aria-busy="true"
          aria-label="${t.plane}"></canvas>
        <section>
          <div class="dial"><label><span class="name"><i>s</i></span>
            <input type="range" step="0.005" data-part="sigma" aria-label="${t.sigma}">
            <output aria-live="off"></output></label><p class="hint">${t.sigma_note}</p></div>
          <ul class="key">
            <li><svg viewBox="0 0 44 16" aria-hidden="true"><path class="best" d="M3 8H31"/>
              <path class="best-head" d="M29 1L42 8L29 15Z"/></svg><span>${t.best}</span></li>
            <li><svg viewBox="0 0 44 16" aria-hidden="true"><path class="ours" d="M3 8H36"/>
              <path class="ours-head" d="M34 4L42 8L34 12Z"/></svg><span>${t.ours}</span></li>
            <li><svg viewBox="0 0 44 16" aria-hidden="true"><circle class="dot" cx="10" cy="5" r="2"/>
              <circle class="dot" cx="22" cy="10" r="2"/><circle class="dot" cx="34" cy="6" r="2"/>
              </svg><span>${t.points}</span></li>
          </ul>
          <table><thead><tr><td></td><th>${t.cosine}</th><th>${t.angle}</th></tr></thead><tbody>
            <tr><th>${t.row_ours}</th><td data-part="cosine"></td><td data-part="angle"></td></tr>
            <tr class="soft"><th>${t.row_trivial}</th><td data-part="trivial-cosine"></td>
              <td data-part="trivial-angle"></td></tr></tbody></table>
          <p class="hint">${t.note}</p>
          <p class="hint" data-part="probe" role="status" aria-live="off"></p>
        </section>
      </div>`);
    this.paintOn(this.part("plane"));
    this.slider = this.part("sigma");
    this.slider.addEventListener("input", () =>
      this.timed(() => this.turn(Number(this.slider.value))));
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
    };
    const move = (point) => this.timed(() => {
      this.probe = point.map((value) => clamp(value, 0, 1));
      this.draw();
    });
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      move(at(event));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" || event.buttons) move(at(event));
    });
    this.canvas.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 0.1 : 0.02;
      const way = {
        ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
      }[event.key];
      if (!way) return;
      event.preventDefault();
      move([this.probe[0] + way[0], this.probe[1] + way[1]]);
    });
  }

  recolour() {
    super.recolour();
    this.draw();
  }

  async update(data) {
    if (JSON.stringify(data) !== JSON.stringify(this.data)) await this.load(data);
  }

  async load(data) {
    this.data = data;
    const { program, weights } = data.network;
    const tensors = readTensors(await fetchBytes(weights));
    if (this.data !== data) return;
    this.encoder = new Network(program.encoder, tensors, program.shape);
    this.decoder = new Network(program.decoder, tensors, [program.latent]);
    this.mixture = new Mixture(data.mixture);
    this.middle = [0, 1].map((axis) =>
      data.mixture.means.reduce((sum, mean) => sum + mean[axis], 0) / data.mixture.means.length);
    const { low, high, usual } = program.dial;
    this.slider.min = low;
    this.slider.max = high;
    this.slider.value = this.sigma ?? usual;
    this.grid = Array.from({ length: GRID * GRID }, (_, i) =>
      [(0.5 + (i % GRID)) / GRID, (0.5 + Math.floor(i / GRID)) / GRID]);
    super.recolour();
    this.turn(Number(this.slider.value));
    this.offer();
    this.canvas.setAttribute("aria-busy", "false");
  }

  get ready() {
    return Boolean(this.encoder);
  }

  // The network's answer to a corrupted point, less the point.
  arrow(point) {
    const [x, y] = this.decoder.run(this.encoder.run(Float32Array.from(point)));
    return [x - point[0], y - point[1]];
  }

  turn(sigma) {
    this.sigma = sigma;
    this.encoder.set(sigma);
    this.decoder.set(sigma);
    this.arrows = this.grid.map((point) => ({
      point,
      ours: this.arrow(point),
      best: this.mixture.arrow(point, sigma),
      likely: this.mixture.isNear(point, sigma),
    }));
    this.slider.parentElement.querySelector("output").textContent = decimals(sigma, 3);
    this.slider.setAttribute("aria-valuetext", `s ${decimals(sigma, 3)}`);
    this.draw();
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#measure();
    });
  }

  // How far the fields agree: with the next frame, since the arrows do not wait for it.
  #measure() {
    const { sigma } = this;
    const { clean, gauss } = this.data;
    const corrupted = clean.map(([x, y], i) => [x + sigma * gauss[i][0], y + sigma * gauss[i][1]]);
    const best = corrupted.map((point) => this.mixture.arrow(point, sigma));
    this.agreement = agreement(corrupted.map((point) => this.arrow(point)), best);
    this.trivial = agreement(
      corrupted.map(([x, y]) => [this.middle[0] - x, this.middle[1] - y]), best);
    const show = (name, { cosine, angle }) => {
      this.part(`${name}cosine`).textContent = decimals(cosine, 3);
      this.part(`${name}angle`).textContent = `${decimals(angle, 0)}°`;
    };
    show("", this.agreement);
    show("trivial-", this.trivial);
  }

  draw() {
    const { side } = this;
    if (!this.arrows || !this.colours || !side) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const size = Math.round(side * ratio);
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, side, side);
    const { ours, best } = this.#paint(pen, this.colours, side);
    const apart = Math.hypot(ours[0] - best[0], ours[1] - best[1]);
    this.part("probe").textContent = format(this.text.probe, {
      length: decimals(Math.hypot(...ours), 3),
      best: decimals(Math.hypot(...best), 3),
      apart: decimals(apart, 3),
    });
  }

  // The plane as it stands, `side` wide; gives both arrows of the point in hand.
  #paint(pen, colours, side) {
    const { ink, accent, palette, paper } = colours;
    const place = (/** @type {number[]} */ [x, y]) => [x * side, (1 - y) * side];
    pen.globalAlpha = 0.4;
    pen.fillStyle = ink;
    for (const point of this.data.clean) {
      const [left, top] = place(point);
      pen.fillRect(left - 1.25, top - 1.25, 2.5, 2.5);
    }
    const wide = { width: 5, head: 11, hue: palette[6] };
    const thin = { width: 1.6, head: 6, hue: accent };
    for (const likely of [false, true]) {
      const some = this.arrows.filter((arrow) => arrow.likely === likely);
      const all = (name) => some.map((arrow) => [place(arrow.point), arrow[name]]);
      pen.globalAlpha = likely ? 0.6 : 0.22;
      this.#arrows(pen, all("best"), side, wide);
      pen.globalAlpha = likely ? 1 : 0.35;
      this.#arrows(pen, all("ours"), side, thin);
    }
    pen.globalAlpha = 1;

    const ours = this.arrow(this.probe);
    const best = this.mixture.arrow(this.probe, this.sigma);
    const [left, top] = place(this.probe);
    pen.beginPath();
    pen.arc(left, top, this.sigma * side, 0, 2 * Math.PI);
    pen.strokeStyle = ink;
    pen.setLineDash([3, 4]);
    pen.lineWidth = 1.25;
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 0.75;
    this.#arrows(pen, [[[left, top], best]], side, { width: 9, head: 19, hue: palette[6] });
    pen.globalAlpha = 1;
    this.#arrows(pen, [[[left, top], ours]], side, { width: 3, head: 11, hue: accent });
    pen.beginPath();
    pen.arc(left, top, 6, 0, 2 * Math.PI);
    pen.fillStyle = paper;
    pen.fill();
    pen.strokeStyle = ink;
    pen.lineWidth = 2;
    pen.stroke();
    return { ours, best };
  }

  // What can be saved: the plane with its arrows.
  offer() {
    const { text } = this;
    this.menu?.destroy();
    this.menu = saveMenu(this.root.querySelector("section"), [{
      label: text.save_plane,
      why: () => !this.ready && text.save_early,
      figure: () => ({
        about: {
          name: `${this.data.network.id}-plane`,
          run: this.data.network.id,
          title: format(text.title_plane, { level: decimals(this.sigma, 3) }),
        },
        width: SAVED, height: SAVED,
        paint: (pen, colours) => { this.#paint(pen, colours, SAVED); },
        legend: ({ accent, palette }) => [
          { colour: palette[6], words: text.best }, { colour: accent, words: text.ours },
        ],
      }),
    }], text);
  }

  // Arrows of one kind, all shafts and then all heads in one stroke of the pen each.
  #arrows(pen, arrows, side, { width, head, hue }) {
    const shafts = new Path2D(), heads = new Path2D();
    for (const [[left, top], [x, y]] of arrows) {
      const length = Math.hypot(x, y) * side;
      if (length < 1.5) continue;
      const cos = (x * side) / length, sin = (-y * side) / length;
      const tip = Math.min(head, 0.6 * length);
      const neckX = left + (length - tip) * cos, neckY = top + (length - tip) * sin;
      shafts.moveTo(left, top);
      shafts.lineTo(neckX, neckY);
      heads.moveTo(left + length * cos, top + length * sin);
      heads.lineTo(neckX - 0.5 * tip * sin, neckY + 0.5 * tip * cos);
      heads.lineTo(neckX + 0.5 * tip * sin, neckY - 0.5 * tip * cos);
      heads.closePath();
    }
    pen.strokeStyle = pen.fillStyle = hue;
    pen.lineWidth = width;
    pen.stroke(shafts);
    pen.fill(heads);
  }
}

export const mount = mounting(DenoisingToy);
