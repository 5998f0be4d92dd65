// Work that may wait, done a few milliseconds at a time, so that a hand is never held up.

/**
 * @typedef {object} Slices
 * @property {(done: number) => void} [progress]
 * @property {AbortSignal} [signal]
 * @property {() => boolean} [wanted]
 */

const LEAST = 6; // milliseconds of work, after which the page gets its turn
const MOST = 50; // where the page took long for its own turn; more, and a hand would feel it
const HAND = 8; // while one moves: what a frame has to spare
const RESTS = 250; // milliseconds without an event, after which a hand rests

let moved = -Infinity; // when a hand did last

/** A hand moves: work that may wait takes less. */
export function handMoves() {
  moved = performance.now();
}

/**
 * Milliseconds that a slice of work may take: as many as it waited for its turn, and so half of the
 * time, however seldom the turns are. Were they all of the same length, then at five frames a second
 * the work would take as many times longer as there are fewer frames.
 * @param {number} waited Milliseconds since the slice before.
 */
export function slice(waited) {
  const most = performance.now() - moved < RESTS ? HAND : MOST;
  return Math.min(most, Math.max(LEAST, waited));
}

/**
 * Do `work(i)` for i below `count`, never for so long that a frame is lost. `progress(done)` is told
 * how far it is; an aborted signal ends it with its reason, and it just ends when it is no longer
 * `wanted()`.
 * @param {number} count
 * @param {(i: number) => void} work
 * @param {Slices} options
 */
export async function inSlices(
  count, work, { progress = () => {}, signal, wanted = () => true } = {}) {
  let rested = performance.now();
  for (let i = 0; i < count; ) {
    signal?.throwIfAborted();
    if (!wanted()) return;
    const began = performance.now();
    const end = began + slice(began - rested);
    do work(i++);
    while (i < count && performance.now() < end);
    progress(i);
    rested = performance.now();
    if (i < count) await new Promise((next) => setTimeout(next));
  }
  signal?.throwIfAborted();
}
