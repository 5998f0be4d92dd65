// A network as a row of layers.

/**
 * A run's encoder and decoder, each in its place, with the widths of its layers below.
 * @param {HTMLElement} root
 * @param {import("../engine/run.js").Run} run
 * @param {Record<string, string>} text
 */
export function showNetworks(root, run, text) {
  for (const [name, { sizes }] of Object.entries({ encoder: run.encoder, decoder: run.decoder })) {
    const named = sizes.map(String);
    if (name === "encoder" && run.hasPosterior) named[named.length - 1] = `${run.latent} μ, ${run.latent} σ`;
    root.querySelector(`.network.${name} div`).innerHTML = networkPicture(sizes, text[name]) +
      `<span>${named.map((size) => `<b>${size}</b>`).join("<br>")}</span>`;
  }
}

/**
 * A network as bars, one for each layer, as high as the logarithm of its width.
 * @param {number[]} sizes
 * @param {string} title
 */
function networkPicture(sizes, title) {
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
