// What a network looks for and what a linear decoder adds, read off the weights as pictures.

const SHOWN = 16; // pictures of a run

/**
 * Pictures of a run's weights: {kind, width, height, total, pictures: [{name, data}]}, `total` the
 * number there is. `kind` is "columns" of a linear decoder, in their order; of any other the
 * encoder's first layer, "rows" of weights on the pixels or "kernels" of a convolution, largest
 * norm first.
 * @param {import("./run.js").Run} run
 */
export function filtersOf(run) {
  const { program, tensors } = run;
  const [, height, width] = program.shape;
  const decoder = program.decoder.filter((layer) => layer.op !== "reshape");
  if (decoder.length === 1 && decoder[0].op === "linear") {
    const { shape: [pixels, latent], data } = tensors[decoder[0].weight];
    const pictures = Array.from({ length: Math.min(SHOWN, latent) }, (_, k) => ({
      name: `z${k + 1}`,
      data: Float32Array.from({ length: pixels }, (_, p) => data[p * latent + k]),
    }));
    return { kind: "columns", width, height, total: latent, pictures };
  }
  const first = program.encoder.find((layer) => layer.weight);
  const { shape, data } = tensors[first.weight];
  const size = data.length / shape[0];
  const rows = Array.from({ length: shape[0] }, (_, unit) => {
    const row = data.subarray(unit * size, (unit + 1) * size);
    return { unit, row, norm: row.reduce((sum, value) => sum + value * value, 0) };
  }).sort((a, b) => b.norm - a.norm || a.unit - b.unit);
  const pictures = rows.slice(0, SHOWN).map(({ unit, row }) => ({ name: `${unit + 1}`, data: row }));
  const kernels = first.op === "conv";
  return {
    kind: kernels ? "kernels" : "rows",
    width: kernels ? shape[3] : width,
    height: kernels ? shape[2] : height,
    total: shape[0],
    pictures,
  };
}

/**
 * The largest absolute value of the pictures: what stands as full colour.
 * @param {{ data: Float32Array }[]} pictures
 */
export function largest(pictures) {
  return Math.max(...pictures.map(({ data }) => data.reduce((m, v) => Math.max(m, Math.abs(v)), 0)));
}
