// Work that may wait, done a few milliseconds at a time, so that a hand is never held up.

/**
 * @typedef {object} Slices
 * @property {(done: number) => void} [progress]
 * @property {AbortSignal} [signal]
 * @property {() => boolean} [wanted]
 */

const SLICE = 6; // milliseconds of work, after which the page gets its turn

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
  for (let i = 0; i < count; ) {
    signal?.throwIfAborted();
    if (!wanted()) return;
    const end = performance.now() + SLICE;
    do work(i++);
    while (i < count && performance.now() < end);
    progress(i);
    if (i < count) await new Promise((next) => setTimeout(next));
  }
  signal?.throwIfAborted();
}
