// A posterior and a q over it, on a canvas: of one number as two curves, of two as shades and rings.

import { joint, logDensity } from "../../engine/posteriors.js";
import { rgb } from "../../parts/theme.js";

export const REACH = 3.2; // of z, from the middle to the picture's edges
const FOOT = 30, HEAD = 16; // pixels below and above the curves
const FINE = 96; // shades each way
const PIECES = 240; // of a curve
const ROUND = 72; // of a ring
const RINGS = [1, 2]; // deviations

/**
 * @typedef {import("../../engine/posteriors.js").Case} Case
 * @typedef {import("../../engine/posteriors.js").Normal} Normal
 * @typedef {import("../../parts/theme.js").Colours} Colours
 *
 * @typedef {object} Scene
 * @property {Case} of
 * @property {number} logEvidence
 * @property {Normal} q
 * @property {number[][]} draws Of the last step.
 * @property {number} highest Of the posterior's density.
 */

/**
 * @param {number} width
 * @param {number} height
 */
export function placing(width, height) {
  return {
    across: (z) => width * (0.5 + z / (2 * REACH)),
    down: (z) => height * (0.5 - z / (2 * REACH)),
    z: (left) => (left / width - 0.5) * 2 * REACH,
    up: (top) => (0.5 - top / height) * 2 * REACH,
  };
}

/**
 * The handles of q: its mean, and where each deviation is taken by the hand; places in z.
 * @param {Normal} q
 */
export function handles({ mean, deviation, correlation }) {
  if (mean.length === 1) return [[mean[0]], [mean[0] + deviation[0]]];
  const [a, b] = mean, [s, t] = deviation;
  return [[a, b], [a + s, b + correlation * t], [a + correlation * s, b + t]];
}

/**
 * Where the handles stand in the picture.
 * @param {Scene} scene
 * @param {number} width
 * @param {number} height
 */
export function handlePlaces({ q }, width, height) {
  const { across, down } = placing(width, height);
  return handles(q).map(([a, b]) => (b === undefined ? [across(a), height - FOOT] : [across(a), down(b)]));
}

/**
 * The highest density of a posterior, by which its curve or shades are scaled.
 * @param {Case} of
 * @param {number} logEvidence
 */
export function highest(of, logEvidence) {
  let most = 0;
  const at = (i) => ((i + 0.5) / FINE - 0.5) * 2 * REACH;
  for (let i = 0; i < FINE; i++) {
    if (of.dimensions === 1) most = Math.max(most, Math.exp(joint(of, [at(i)]) - logEvidence));
    else for (let j = 0; j < FINE; j++) most = Math.max(most, Math.exp(joint(of, [at(i), at(j)]) - logEvidence));
  }
  return most;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Colours} colours
 * @param {number} width
 * @param {number} height
 * @param {Scene} scene
 * @param {CanvasImageSource | null} shades Of two numbers.
 */
export function paint(pen, colours, width, height, scene, shades) {
  pen.lineJoin = "round";
  if (scene.of.dimensions === 1) curves(pen, colours, width, height, scene);
  else rings(pen, colours, width, height, scene, shades);
  const { ink, accent, paper } = colours;
  handlePlaces(scene, width, height).forEach(([left, top], i) => {
    pen.beginPath();
    if (i === 0) pen.arc(left, top, 8, 0, 2 * Math.PI);
    else diamond(pen, left, top, 9);
    pen.fillStyle = i === 0 ? paper : accent;
    pen.fill();
    pen.strokeStyle = i === 0 ? ink : paper;
    pen.lineWidth = i === 0 ? 2.5 : 1.5;
    pen.stroke();
  });
}

function diamond(pen, left, top, size) {
  pen.moveTo(left, top - size);
  pen.lineTo(left + size, top);
  pen.lineTo(left, top + size);
  pen.lineTo(left - size, top);
  pen.closePath();
}

function curves(pen, { ink, accent, palette, font }, width, height, scene) {
  const { of, logEvidence, q, draws } = scene;
  const foot = height - FOOT, tall = foot - HEAD;
  const { across } = placing(width, height);
  // q may be taller than the posterior: then it leaves the picture, which keeps its scale.
  const scale = tall / (1.35 * scene.highest);
  const curve = (density) => {
    pen.beginPath();
    for (let i = 0; i <= PIECES; i++) {
      const z = (i / PIECES - 0.5) * 2 * REACH;
      const top = foot - scale * density(z);
      if (i) pen.lineTo(across(z), top);
      else pen.moveTo(across(z), top);
    }
  };
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, width, foot);
  pen.clip();
  curve((z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI));
  pen.strokeStyle = ink;
  pen.globalAlpha = 0.45;
  pen.lineWidth = 1.25;
  pen.setLineDash([2, 4]);
  pen.stroke();
  curve((z) => Math.exp(joint(of, [z]) - logEvidence));
  pen.globalAlpha = 1;
  pen.strokeStyle = pen.fillStyle = palette[6];
  pen.lineWidth = 2.5;
  pen.setLineDash([9, 6]);
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 0.12;
  pen.lineTo(width, foot);
  pen.lineTo(0, foot);
  pen.fill();
  pen.globalAlpha = 1;
  curve((z) => Math.exp(logDensity(q, [z])));
  pen.strokeStyle = accent;
  pen.lineWidth = 3;
  pen.stroke();
  pen.restore();
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, foot);
  pen.lineTo(width, foot);
  for (const [z] of draws) {
    pen.moveTo(across(z), foot - 9);
    pen.lineTo(across(z), foot);
  }
  pen.stroke();
  pen.font = `13px ${font}`;
  pen.textAlign = "center";
  for (let z = -3; z <= 3; z++) pen.fillText(String(z).replace("-", "−"), across(z), height - 8);
}

function rings(pen, { ink, accent, font }, width, height, { q, draws }, shades) {
  const { across, down } = placing(width, height);
  if (shades) pen.drawImage(shades, 0, 0, width, height);
  pen.strokeStyle = accent;
  for (const far of RINGS) {
    pen.beginPath();
    for (let i = 0; i <= ROUND; i++) {
      const angle = (2 * Math.PI * i) / ROUND;
      const u = far * Math.cos(angle), v = far * Math.sin(angle);
      const first = q.mean[0] + q.deviation[0] * u;
      const second = q.mean[1] + q.deviation[1] * (q.correlation * u + Math.sqrt(1 - q.correlation ** 2) * v);
      pen.lineTo(across(first), down(second));
    }
    pen.lineWidth = far === 1 ? 3 : 1.75;
    pen.setLineDash(far === 1 ? [] : [6, 4]);
    pen.stroke();
  }
  pen.setLineDash([]);
  pen.fillStyle = pen.strokeStyle = ink;
  pen.globalAlpha = 0.75;
  for (const [a, b] of draws) {
    pen.beginPath();
    pen.arc(across(a), down(b), 2.5, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.globalAlpha = 1;
  pen.font = `13px ${font}`;
  pen.textAlign = "left";
  pen.fillText("z₁", width - 22, height - 10);
  pen.fillText("z₂", 10, 20);
}

/**
 * A posterior of two numbers as shades, one pixel a place.
 * @param {Case} of
 * @param {Colours} colours
 * @param {{ logEvidence: number, highest: number }} scale
 */
export function shadesOf(of, { palette }, { logEvidence, highest: most }) {
  const [r, g, b] = rgb(palette[6]);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = FINE;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(FINE, FINE);
  for (let row = 0; row < FINE; row++) {
    for (let column = 0; column < FINE; column++) {
      const z = [((column + 0.5) / FINE - 0.5) * 2 * REACH, (0.5 - (row + 0.5) / FINE) * 2 * REACH];
      const share = Math.exp(joint(of, z) - logEvidence) / most;
      image.data.set([r, g, b, Math.round(235 * Math.sqrt(Math.min(1, share)))], 4 * (row * FINE + column));
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
