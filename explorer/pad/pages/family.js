// The family: the tree of all members, and the card of the one that is chosen.

import { Digits } from "../engine/digits.js";
import { Run } from "../engine/run.js";
import { address } from "../parts/address.js";
import { DigitView } from "../parts/digit_view.js";
import { mounting, Pad } from "../parts/pad.js";
import { escaped, format } from "../parts/page.js";
import { fit, showEquation, watchEquations } from "./family/equation.js";
import { Tree } from "./family/tree.js";
import { Walk } from "./family/walk.js";

const NARROW = "(max-width: 1000px)"; // as in family.css: the tree is a list, the card stands in it

class FamilyPad extends Pad {
  constructor(component) {
    super(component);
    /** @type {Map<string, Promise<Run>>} */
    this.runs = new Map(); // by their ids
    /** @type {Digits | null} */
    this.digits = null;
    this.#buildPage(component.data);
  }

  destroy() {
    super.destroy();
    this.walk?.destroy();
    this.unwatch?.();
    this.sizes?.disconnect();
  }

  #buildPage(data) {
    const { text } = this;
    this.build(`
      <div class="pad family" aria-busy="true">
        <p class="message" data-part="message" role="status"></p>
        <div class="tree" role="tree" aria-label="${text.tree}"></div>
        <section class="card" aria-labelledby="family-title">
          <div class="top">
            <div class="moving" data-part="moving">
              <canvas class="digit" data-part="output" role="img" aria-label="${text.loading}"></canvas>
              <img data-part="still" alt="${text.still_picture}" hidden>
            </div>
            <div><p class="from" data-part="from"></p><h2 id="family-title" data-part="title"></h2>
              <p class="hint" data-part="walked"></p>
              <div class="buttons"><button type="button" data-action="play"></button>
                <a data-part="open" hidden>${text.open}</a></div></div>
          </div>
          <p class="differs" data-part="differs"></p>
          <p class="hint" data-part="missing"></p>
          <div data-part="loss"><h3>${text.loss}</h3><div class="equation" data-part="equation"></div>
            <p class="hint" data-part="marked"></p>
            <details><summary>${text.letters}</summary><p class="hint" data-part="symbols"></p></details></div>
          <div data-part="figures"></div>
          <details data-part="code"><summary>${text.code}</summary><p class="hint" data-part="code-note"></p>
            <div class="buttons"><button type="button" data-action="copy">${text.copy}</button>
              <span class="hint" data-part="copied" role="status"></span></div>
            <pre tabindex="0" aria-label="${text.code}"><code></code></pre></details>
        </section>
      </div>`);
    this.view = new DigitView(this.part("output"));
    this.tree = new Tree(this.root.querySelector(".tree"), data.members, text, (name) => {
      this.say("");
      this.timed(() => this.#choose(name));
      this.settle();
    });
    this.walk?.destroy();
    this.walk = new Walk({
      stage: this.part("output"),
      draw: (z) => {
        const { from, to, share } = this.walk; // told the label of the nearer of the two
        const index = share < 0.5 ? from : to;
        this.view.draw(this.run.as(
          this.digits.labels[index], () => this.run.decode(z), this.digits.image(index)));
      },
      tell: (from, to) => this.#tellWalk(from, to),
    });
    this.playButton = this.root.querySelector('[data-action="play"]');
    this.playButton.addEventListener("click", () => {
      this.walk.turn();
      this.#tellWalk(this.walk.from, this.walk.to);
    });
    this.root.querySelector('[data-action="copy"]').addEventListener("click", () => this.#copy());
    this.unwatch?.();
    this.unwatch = watchEquations(() => this.#showEquation());
    this.sizes?.disconnect();
    this.sizes = new ResizeObserver(() => fit(this.part("equation")));
    this.sizes.observe(this.root.querySelector(".card"));
    this.recolour();
  }

  recolour() {
    super.recolour();
    this.view.recolour(this.colours);
  }

  get ready() {
    return Boolean(this.digits);
  }

  update(data) {
    if (JSON.stringify(data) === JSON.stringify(this.data)) return undefined;
    if (JSON.stringify(data.members) !== JSON.stringify(this.data.members)) this.#buildPage(data);
    return this.load(data);
  }

  async load(data) {
    this.data = data;
    this.members = new Map(data.members.map((member) => [member.name, member]));
    this.digits ??= await Digits.load(data.digits);
    await this.digits.arrived;
    const { count, problem } = this.#askedDigit();
    const asked = this.chosen?.name ?? address.get("member");
    const open = data.members.filter((member) => member.here);
    let wanted = asked ?? data.usual;
    if (!this.members.get(wanted)?.here) {
      wanted = this.members.get(data.usual)?.here ? data.usual : open[0].name;
      this.say(format(this.text.bad_member, {
        allowed: open.map(({ name }) => name).join(", "), shown: this.members.get(wanted).title,
      }));
    } else if (problem) this.say(format(this.text.bad_digit, { count }));
    await this.#choose(wanted);
    this.root.setAttribute("aria-busy", "false");
  }

  #askedDigit() {
    const count = this.digits.labels.length;
    const asked = this.digit ?? address.index("digit", count);
    this.digit = asked ?? this.digits.byLabel[7][3];
    return { count, problem: asked === null && address.get("digit") !== null };
  }

  // Open a member's card.
  async #choose(name) {
    const { text } = this;
    const member = this.members.get(name);
    this.chosen = member;
    this.tree.choose(name);
    const card = this.root.querySelector(".card");
    card.style.setProperty("--order", String(2 * this.data.members.indexOf(member) + 1));
    const parent = this.members.get(member.parent);
    this.part("title").textContent = member.title;
    this.part("from").innerHTML = parent
      ? `${escaped(format(text.from, { parent: parent.title }))} <b>${escaped(member.adds)}</b>` : "";
    this.part("differs").textContent = member.differs;
    this.part("missing").textContent = member.missing;
    this.part("marked").textContent =
      parent && member.marked ? format(text.marked, { parent: parent.title }) : "";
    this.part("code").hidden = !member.code;
    this.root.querySelector("pre code").textContent = member.code;
    this.part("copied").textContent = "";
    this.part("code-note").textContent =
      format(text.code_note, { name: member.run?.name ?? member.title });
    this.#figures(member.run);
    this.#showEquation();
    await this.#picture(member);
  }

  #showEquation() {
    if (!this.chosen) return;
    showEquation(this.part("equation"), this.part("symbols"), this.chosen.name);
    this.part("loss").hidden = !this.part("equation").childElementCount;
  }

  // The run's scores, its parent's beside them where these can be compared.
  #figures(run) {
    const { text } = this;
    if (!run?.rows.length) {
      this.part("figures").innerHTML = run ? "" : `<p class="hint">${text.no_run}</p>`;
      return;
    }
    const head = ([title, size]) => `<th scope="col">${escaped(title)}<small>${escaped(size)}</small></th>`;
    const rows = run.rows.map(([label, value, other, unit]) => `<tr><th scope="row">${escaped(label)}
      <small>${escaped(unit)}</small></th><td><b>${escaped(value)}</b></td>${
      run.heads.length > 1 ? `<td>${escaped(other)}</td>` : ""}</tr>`);
    this.part("figures").innerHTML = `<h3>${text.figures}</h3><table><thead><tr><th scope="col">${text.score_name}
      <small>${text.compare}</small></th>${run.heads.map(head).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table><p class="hint">${
      escaped(format(text.shown_run, { name: run.id, split: run.split }))}</p>`;
  }

  // What moves: the run decodes here; else a picture that it drew when it was saved, else nothing.
  async #picture(member) {
    const { run } = member;
    const spec = run?.spec;
    this.walk.end();
    this.run = null;
    this.part("open").hidden = !run;
    this.#link();
    this.part("still").hidden = !run?.picture;
    if (run?.picture) this.part("still").src = run.picture;
    this.part("output").hidden = !spec;
    this.part("moving").hidden = !spec && !run?.picture;
    this.playButton.hidden = !spec;
    this.part("walked").textContent = run?.picture ? this.text.still_picture : "";
    if (!spec) return;
    try {
      const loaded = await this.#load(spec);
      if (this.chosen !== member) return; // another was chosen meanwhile
      this.run = loaded;
      let at = this.digit;
      this.walk.begin((index) => loaded.code(index), this.digit, () => {
        const label = this.digits.labels[at];
        do at = this.digits.random(); while (this.digits.labels[at] === label);
        return at;
      });
    } catch (error) {
      this.say(format(this.text.failed, { error: error.message }));
    }
  }

  #load(spec) {
    if (!this.runs.has(spec.id)) {
      const coming = Run.load(spec).then((run) => run.ready(this.digits));
      this.runs.set(spec.id, coming);
      coming.catch(() => this.runs.delete(spec.id)); // so that it is asked for again
    }
    return this.runs.get(spec.id);
  }

  #tellWalk(from, to) {
    const { text } = this;
    const { moves } = this.walk;
    const named = { one: this.digits.name(from), two: this.digits.name(to) };
    this.playButton.textContent = moves ? text.pause : text.play;
    this.playButton.setAttribute("aria-pressed", String(moves));
    this.part("walked").textContent = format(moves ? text.on_the_way : text.standing, named);
    this.part("output").setAttribute(
      "aria-label", format(moves ? text.decoded_way : text.decoded_still, named));
  }

  // The same digit in this member's own pad.
  #link() {
    const { run } = this.chosen;
    if (!run) return;
    const parameters = new URLSearchParams({ run: run.id, digit: String(this.digit) });
    const language = address.get("lang");
    if (language) parameters.set("lang", language);
    this.part("open").href = `./?${parameters}`;
  }

  // The clipboard's own interface is there on https alone.
  #copy() {
    const range = document.createRange();
    range.selectNodeContents(this.root.querySelector("pre code"));
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    this.part("copied").textContent = document.execCommand("copy") ? this.text.copied : "";
  }

  spoken() {
    return `${this.part("title").textContent}. ${this.part("differs").textContent}`;
  }

  settle() {
    address.set({ member: this.chosen.name, digit: this.digit });
    if (window.matchMedia(NARROW).matches) {
      this.root.querySelector(".card").scrollIntoView({ block: "nearest" });
    }
  }
}

export const mount = mounting(FamilyPad);
