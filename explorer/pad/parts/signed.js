// Pictures of numbers of either sign.

const CELL = 3; // canvas pixels a side for each weight

// Colours of a signed picture: paper for 0, towards one ink above it and another below.
function inks(dark) {
  return dark
    ? { paper: [22, 27, 38], above: [140, 200, 255], below: [255, 150, 90] }
    : { paper: [255, 255, 255], above: [10, 60, 150], below: [200, 80, 0] };
}

/**
 * Numbers of either sign on a canvas, `most` as full colour. Each is a square of 3 × 3 pixels, whose
 * centre is paper where the number is negative: the sign shows without colour too.
 * @param {HTMLCanvasElement} canvas
 * @param {{ data: ArrayLike<number>, width: number, height: number, most: number }} picture
 * @param {{ dark: boolean }} colours
 */
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

/**
 * The scale from −most to most as a strip, for a legend.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./theme.js").Colours} colours
 */
export function drawScale(canvas, colours) {
  const width = 41, height = 5;
  const data = Float32Array.from({ length: width * height }, (_, i) => ((i % width) - 20) / 20);
  drawSigned(canvas, { data, width, height, most: 1 }, colours);
}
