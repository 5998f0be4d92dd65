// A figure that moves as a file: as many frames as fit, in colours that all of them share.

import { Palette } from "../engine/palette.js";
import { LARGEST_FRAME, MOST_FRAMES, saveSequence } from "./downloads.js";
import { compose, sizeOf } from "./slide.js";

const HOLD = 900; // milliseconds for which the first and the last frame stay
const MOST_BYTES = 12 * 2 ** 20; // of all frames: more is heavy on a slide too; the server takes up to 32
const LOOKED_AT = 6; // frames that the colours are chosen by

/**
 * Which frames are saved, and for how long each is shown: where there are more than fit, every
 * second one or so, and each longer, so that the film takes as long.
 * @param {{ frames: number, milliseconds: number, width: number, height: number, back?: boolean }} of
 */
export function chosenFrames({ frames, milliseconds, width, height, back = false }) {
  const most = Math.min(MOST_FRAMES / (back ? 2 : 1), Math.floor(MOST_BYTES / (width * height)));
  const count = Math.max(1, Math.min(frames, Math.floor(most)));
  const indexes = Array.from({ length: count }, (_, i) =>
    count > 1 ? Math.round((i * (frames - 1)) / (count - 1)) : 0);
  const each = count > 1 ? (milliseconds * (frames - 1)) / (count - 1) : milliseconds;
  return { indexes, milliseconds: Math.min(10000, Math.max(20, 10 * Math.round(each / 10))) };
}

/**
 * Whether a film of this size can be made.
 * @param {{ width: number, height: number }} size
 */
export function fits({ width, height }) {
  return width * height <= LARGEST_FRAME;
}

/**
 * @param {import("./slide.js").Figure} figure
 * @param {import("./slide.js").Choice & { pace: number }} choice
 * @param {import("./downloads.js").About} about
 */
export async function saveFilm(figure, choice, about) {
  const { width, height } = sizeOf(figure, choice);
  const { back = false, frames } = figure;
  const milliseconds = figure.milliseconds / choice.pace;
  const chosen = chosenFrames({ frames, milliseconds, width, height, back });
  const pixels = async (frame) => {
    await new Promise((go) => setTimeout(go)); // the page goes on meanwhile
    return compose(figure, choice, frame).getContext("2d").getImageData(0, 0, width, height).data;
  };
  const palette = new Palette();
  const count = Math.min(LOOKED_AT, chosen.indexes.length);
  for (let i = 0; i < count; i++) {
    const at = Math.round((i * (chosen.indexes.length - 1)) / Math.max(1, count - 1));
    palette.see(await pixels(chosen.indexes[at]));
  }
  palette.choose();
  const made = [];
  for (const frame of chosen.indexes) made.push(palette.index(await pixels(frame)));
  const film = { width, height, palette: palette.code, milliseconds: chosen.milliseconds, hold: HOLD, back };
  return saveSequence(film, made, about);
}
