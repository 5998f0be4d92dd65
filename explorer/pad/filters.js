// What a network looks for and what a linear decoder adds, read off the weights as pictures.

const SHOWN = 16; // pictures of a run
const CELL = 3; // canvas pixels a side for each weight

// Pictures of a run's weights: {kind, width, height, total, pictures: [{name, data}]}, `total` the
// number there is. `kind` is "columns" of a linear decoder, in their order; of any other the
// encoder's first layer, "rows" of weights on the pixels or "kernels" of a convolution, largest
// norm first.
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

// The largest absolute value of the pictures: what stands as full colour.
export function largest(pictures) {
  return Math.max(...pictures.map(({ data }) => data.reduce((m, v) => Math.max(m, Math.abs(v)), 0)));
}

// Colours of a signed picture: paper for 0, towards one ink above it and another below.
function inks(dark) {
  return dark
    ? { paper: [22, 27, 38], above: [140, 200, 255], below: [255, 150, 90] }
    : { paper: [255, 255, 255], above: [10, 60, 150], below: [200, 80, 0] };
}

// Numbers of either sign on a canvas, `most` as full colour. Each is a square of 3 × 3 pixels, whose
// centre is paper where the number is negative: the sign shows without colour too.
export function drawSigned(canvas, { data, width, height, most }, { dark }) {
  canvas.width = CELL * width;
  canvas.height = CELL * height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const { paper, above, below } = inks(dark);
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      const value = data[Math.floor(y / CELL) * width + Math.floor(x / CELL)];
      const hole = value < 0 && x % CELL === 1 && y % CELL === 1;
      const share = hole || !most ? 0 : Math.min(1, Math.abs(value) / most);
      const ink = value < 0 ? below : above;
      const at = 4 * (y * canvas.width + x);
      for (let c = 0; c < 3; c++) image.data[at + c] = paper[c] + share * (ink[c] - paper[c]);
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

// The scale from −most to most as a strip, for a legend.
export function drawScale(canvas, colours) {
  const width = 41, height = 5;
  const data = Float32Array.from({ length: width * height }, (_, i) => ((i % width) - 20) / 20);
  drawSigned(canvas, { data, width, height, most: 1 }, colours);
}
