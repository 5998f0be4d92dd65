// The colours of a moving picture: up to 256 that all of its frames share, and each pixel as one of
// them, since a GIF knows no more.

const BITS = 6; // of each of red, green and blue that tell two colours apart
const DROP = 8 - BITS;
const BINS = 1 << (3 * BITS);

const bin = (r, g, b) => ((r >> DROP) << (2 * BITS)) | ((g >> DROP) << BITS) | (b >> DROP);

export class Palette {
  constructor() {
    this.counts = new Uint32Array(BINS);
    this.sums = new Float64Array(3 * BINS);
  }

  /**
   * Count the colours of a frame, RGBA without transparency.
   * @param {Uint8ClampedArray} pixels
   */
  see(pixels) {
    const { counts, sums } = this;
    for (let i = 0; i < pixels.length; i += 4) {
      const at = bin(pixels[i], pixels[i + 1], pixels[i + 2]);
      counts[at]++;
      for (let c = 0; c < 3; c++) sums[3 * at + c] += pixels[i + c];
    }
  }

  /**
   * Choose the colours: all that were seen, or by median cut those that stand for them. What is seen
   * little counts by the root of how often, so that a thin line keeps its colour.
   * @param {number} most
   */
  choose(most = 256) {
    const { counts, sums } = this;
    const seen = [];
    for (let at = 0; at < BINS; at++) {
      if (!counts[at]) continue;
      const colour = [0, 1, 2].map((c) => sums[3 * at + c] / counts[at]);
      seen.push({ colour, weight: Math.sqrt(counts[at]) });
    }
    /** @type {number[][]} */
    this.colours = (seen.length <= most ? seen.map(({ colour }) => colour) : cut(seen, most))
      .map((colour) => colour.map(Math.round));
    this.nearest = new Int16Array(BINS).fill(-1);
    return this;
  }

  // As six hexadecimal digits a colour, one after the other.
  get code() {
    return this.colours.flat().map((v) => v.toString(16).padStart(2, "0")).join("");
  }

  /**
   * A frame as indexes of its colours.
   * @param {Uint8ClampedArray} pixels
   */
  index(pixels) {
    const { nearest } = this;
    const out = new Uint8Array(pixels.length / 4);
    for (let i = 0, p = 0; p < out.length; i += 4, p++) {
      const at = bin(pixels[i], pixels[i + 1], pixels[i + 2]);
      if (nearest[at] < 0) nearest[at] = this.#find(pixels[i], pixels[i + 1], pixels[i + 2]);
      out[p] = nearest[at];
    }
    return out;
  }

  #find(r, g, b) {
    let best = 0, least = Infinity;
    this.colours.forEach((colour, i) => {
      const far = (colour[0] - r) ** 2 + (colour[1] - g) ** 2 + (colour[2] - b) ** 2;
      if (far < least) [best, least] = [i, far];
    });
    return best;
  }
}

// Boxes of colours, the heaviest and widest halved again and again at its middle weight.
function cut(seen, most) {
  const boxes = [boxOf(seen)];
  while (boxes.length < most) {
    const box = boxes.reduce((a, b) => (b.size > a.size ? b : a));
    if (!box.size) break;
    const { axis, all } = box;
    all.sort((a, b) => a.colour[axis] - b.colour[axis]);
    const whole = all.reduce((sum, { weight }) => sum + weight, 0);
    let at = 0;
    for (let sum = 0; at < all.length - 1 && sum < whole / 2; at++) sum += all[at].weight;
    boxes.splice(boxes.indexOf(box), 1, boxOf(all.slice(0, at)), boxOf(all.slice(at)));
  }
  return boxes.map(({ all }) => {
    const whole = all.reduce((sum, { weight }) => sum + weight, 0);
    return [0, 1, 2].map((c) => all.reduce((sum, { colour, weight }) => sum + weight * colour[c], 0) / whole);
  });
}

function boxOf(all) {
  const spans = [0, 1, 2].map((c) => {
    const values = all.map(({ colour }) => colour[c]);
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  });
  const axis = spans.indexOf(Math.max(...spans));
  const weight = all.reduce((sum, one) => sum + one.weight, 0);
  return { all, axis, size: all.length > 1 ? spans[axis] ** 2 * weight : 0 };
}
