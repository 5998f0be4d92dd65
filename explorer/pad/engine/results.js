// Results that are computed once from a run: read where they are, else asked for and waited for.

import { fetchBytes, inLanguage } from "./fetching.js";
import { readTensors } from "./safetensors.js";

/**
 * @typedef {object} Wait
 * @property {(state: { share: number, before: number }) => void} [progress]
 * @property {AbortSignal} [signal]
 * @property {string | null} [set]
 */

const PAUSE = 400; // milliseconds between looks at what is being computed

// By this name the server knows who waits: the one that the browser keeps, else one for this load,
// so that a reload is somebody else, and what was asked for goes on.
const kept = globalThis.document?.cookie.match(/(?:^|; )latent_visitor=([\w-]{8,64})(?:;|$)/);
const visitor = kept?.[1] ?? Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
  byte.toString(16).padStart(2, "0")).join("");

// A result that could not be had: `reason` and `values` where the page has words of its own for it.
export class DeriveError extends Error {
  /** @param {{ message?: string, reason?: string, values?: Record<string, any> }} failed */
  constructor({ message, reason, values }) {
    super(message);
    this.reason = reason;
    this.values = values ?? {};
  }
}

/**
 * A result's arrays {name: {data, shape}} and its notes.
 *
 * `progress` is told {share, before}: the share that is done, or how many others come first.
 * `set` names own images instead of the held-out digits. An aborted `signal` ends the waiting with
 * an AbortError; the computing goes on, and `giveUp` says that it need not.
 * @param {import("./run.js").RunSpec} spec
 * @param {string} kind
 * @param {Wait} [options]
 * @returns {Promise<{ arrays: Record<string, import("./safetensors.js").Tensor>, notes: Record<string, any> }>}
 */
export async function derive(spec, kind, { progress = () => {}, signal, set } = {}) {
  const kept = set ? null : spec.derived?.[kind];
  if (kept) {
    const bytes = await fetchBytes(kept).catch(() => null); // gone or torn: it is computed again
    if (bytes) return read(bytes);
  }
  const ask = (method) => told(spec, kind, set, method);
  for (let state = await ask("POST"); ; state = await ask("GET")) {
    signal?.throwIfAborted();
    if (state.status === "ready") {
      const address = spec.derive.replace(/derive\/[^/]+$/, `derived/${state.file}`);
      return read(await fetchBytes(address));
    }
    if (state.status === "failed") throw new DeriveError(state);
    if (state.status === "absent") throw new DOMException("given up", "AbortError");
    progress({ share: state.share ?? 0, before: state.before ?? 0 });
    await pause(signal);
  }
}

/**
 * This page wants a result no longer; it ends where nobody else waits for it.
 * @param {import("./run.js").RunSpec} spec
 * @param {string} kind
 * @param {string | null} [set]
 */
export function giveUp(spec, kind, set) {
  return told(spec, kind, set, "DELETE");
}

async function told(spec, kind, set, method) {
  const address = `${spec.derive}/${kind}${set ? `?set=${encodeURIComponent(set)}` : ""}`;
  const headers = inLanguage({ "X-Latent-Visitor": visitor });
  const answer = await fetch(address, { method, headers });
  if (!answer.ok) throw new DeriveError({ message: await answer.text() });
  return answer.json();
}

function read(bytes) {
  const head = new DataView(bytes);
  const length = Number(head.getBigUint64(0, true));
  const text = new TextDecoder().decode(new Uint8Array(bytes, 8, length));
  const notes = JSON.parse(JSON.parse(text).__metadata__?.notes ?? "{}");
  return { arrays: readTensors(bytes), notes };
}

function pause(signal) {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, PAUSE);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      failed(signal.reason);
    }, { once: true });
  });
}
