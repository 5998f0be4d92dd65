// Networks that are told something beside their input: the label of an image, or a part of it.

import { quadrantMask } from "./network.js";

export class Hearing {
  /**
   * @param {import("./run.js").Program} program
   * @param {Record<string, import("./safetensors.js").Tensor>} tensors
   * @param {import("./network.js").Network} encoder
   * @param {import("./network.js").Network} decoder
   */
  constructor(program, tensors, encoder, decoder) {
    this.program = program;
    this.tensors = tensors;
    this.encoder = encoder;
    this.decoder = decoder;
    this.completes = Boolean(program.takes?.includes("image")); // told a part of the image
    this.flags = [1, 1, 0, 0]; // which quadrants are seen: the upper ones first
    this.classes = this.#classes(); // that it can be told, 0 of a run that is told none
    /** @type {number | undefined} */
    this.label = undefined; // that it is told
    /** @type {number | undefined} */
    this.introduced = undefined; // the one that the present image is of
    /** @type {Float32Array | undefined} */
    this.spelled = undefined; // what it is told, as the layers see it
    if (this.classes) this.tell(0);
    if (this.completes) this.show(null);
  }

  // How many labels there are to tell.
  #classes() {
    if (!this.program.takes?.includes("label")) return 0;
    const layer = this.program.decoder.find(({ op }) => op === "told");
    return this.tensors[layer.weight].shape[1];
  }

  /**
   * Tell the networks a label; one that is none of theirs counts as the first. No effect on a run
   * that is told none.
   * @param {number} label
   */
  tell(label) {
    if (!this.classes) return;
    this.label = label >= 0 && label < this.classes ? label : 0;
    const spelled = new Float32Array(this.classes); // one-hot
    spelled[this.label] = 1;
    this.#hear(spelled);
  }

  /**
   * Show the networks what is seen of an image (pixels,), or that nothing is. No effect on a run
   * that completes none.
   * @param {ArrayLike<number> | null} image
   */
  show(image) {
    if (!this.completes) return;
    const flags = image ? this.flags : [0, 0, 0, 0];
    const seen = quadrantMask(flags, this.program.shape);
    this.spelled = new Float32Array(4 + seen.length);
    this.spelled.set(flags);
    if (image) for (let i = 0; i < seen.length; i++) this.spelled[4 + i] = seen[i] * image[i];
    this.#hear(this.spelled);
  }

  #hear(spelled) {
    this.spelled = spelled;
    this.encoder.tell(spelled);
    this.decoder.tell(spelled);
  }

  /**
   * Do some work with the networks told another label, or shown another image. No effect on a run
   * that is told nothing.
   * @template T
   * @param {number | undefined} label
   * @param {() => T} work
   * @param {ArrayLike<number> | null} [image]
   */
  as(label, work, image) {
    const { label: before, spelled } = this;
    if (this.classes && label !== undefined) this.tell(label);
    else if (this.completes && image) this.show(image);
    else return work();
    const found = work();
    this.label = before;
    this.#hear(spelled);
    return found;
  }
}
