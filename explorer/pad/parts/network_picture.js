// A network as a row of layers.

/**
 * A network as bars, one for each layer, as high as the logarithm of its width.
 * @param {number[]} sizes
 * @param {string} title
 */
export function networkPicture(sizes, title) {
  const tall = (size) => 16 + 84 * (Math.log(size + 1) / Math.log(1600));
  const gap = 56 / Math.max(1, sizes.length - 1);
  const heights = sizes.map((size) => Math.min(100, tall(size)));
  const bars = heights.map((height, i) =>
    `<rect x="${6 + i * gap - 2}" y="${60 - height / 2}" width="4" height="${height}" rx="2"/>`);
  const outline = [
    ...heights.map((height, i) => `${6 + i * gap},${60 - height / 2}`),
    ...heights.map((height, i) => `${6 + i * gap},${60 + height / 2}`).reverse(),
  ].join(" ");
  return `<svg viewBox="0 0 68 120" role="img" aria-label="${title}: ${sizes.join(" → ")}">` +
    `<polygon points="${outline}"/>${bars.join("")}</svg>`;
}
