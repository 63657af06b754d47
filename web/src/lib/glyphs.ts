// Road users as plain shapes: a kind has a colour and an outline, and never a face.

import { HEAVY, KIND_TOKENS, speed } from "./words";
import type { Kind } from "./api";
import type { Drawn } from "./motion";

export type Palette = Record<string, string>;

/** The tokens' colours as they are now, light or dark. */
export function palette(element: Element): Palette {
  const style = getComputedStyle(element);
  const colours: Palette = {};
  for (const token of new Set(Object.values(KIND_TOKENS))) colours[token] = style.getPropertyValue(token).trim();
  return colours;
}

const LEAST_PX = 13; // smaller, a shape is no shape from two metres

/** Left, top, right, bottom in CSS pixels. */
export type Rect = [number, number, number, number];

/** Draws everybody on a canvas of `width` x `height` CSS pixels; no speeds where `taken` is null. */
export function draw(
  ink: CanvasRenderingContext2D,
  everybody: Drawn[],
  width: number,
  height: number,
  colours: Palette,
  taken: Rect[] | null,
): void {
  ink.clearRect(0, 0, width, height);
  // Who stands nearer to the camera hides who stands behind.
  const order = [...everybody].sort((a, b) => a.bottom - b.bottom);
  for (const one of order) trail(ink, one, width, height, colours);
  for (const one of order) shape(ink, one, width, height, colours);
  if (taken) speeds(ink, order, width, height, taken);
  ink.globalAlpha = 1;
}

function trail(ink: CanvasRenderingContext2D, one: Drawn, width: number, height: number, colours: Palette): void {
  const dots = one.trail;
  if (dots.length < 2) return;
  ink.fillStyle = colour(one.kind, colours);
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  const radius = Math.min(3, Math.max(1.4, (one.bottom - one.top) * height * 0.035));
  dots.forEach(([x, y], index) => {
    // Dots nearer than a step would run into a line.
    if (Math.hypot((x - lastX) * width, (y - lastY) * height) < 3.2 * radius) return;
    [lastX, lastY] = [x, y];
    ink.globalAlpha = one.opacity * (0.08 + (0.6 * index) / dots.length);
    ink.beginPath();
    ink.arc(x * width, y * height, radius, 0, 2 * Math.PI);
    ink.fill();
  });
}

function shape(ink: CanvasRenderingContext2D, one: Drawn, width: number, height: number, colours: Palette): void {
  const w = (one.right - one.left) * width;
  const h = (one.bottom - one.top) * height;
  const x = ((one.left + one.right) / 2) * width;
  ink.save();
  ink.globalAlpha = one.opacity;
  ink.fillStyle = colour(one.kind, colours);
  ink.strokeStyle = "#fff";
  ink.lineWidth = 1.6;
  ink.lineJoin = "round";
  switch (one.kind) {
    case "pedestrian":
      ink.translate(x, one.bottom * height);
      person(ink, Math.max(LEAST_PX, h));
      break;
    case "bicycle":
    case "motorcycle":
      ink.translate(x, one.bottom * height);
      rider(ink, Math.max(LEAST_PX, h), Math.max(LEAST_PX, w), one.kind === "motorcycle");
      break;
    default: {
      ink.translate(x, ((one.top + one.bottom) / 2) * height);
      if (one.heading_deg !== null) ink.rotate((one.heading_deg * Math.PI) / 180);
      if (one.kind === "unknown") puck(ink, Math.max(LEAST_PX, 0.8 * Math.min(w, h)));
      else vehicle(ink, w, h, one);
    }
  }
  ink.restore();
}

function person(ink: CanvasRenderingContext2D, h: number): void {
  const head = h * 0.15;
  const body = h * 0.34;
  ink.beginPath();
  ink.roundRect(-body / 2, -h * 0.68, body, h * 0.68, body / 2);
  ink.fill();
  ink.stroke();
  ink.beginPath();
  ink.arc(0, -h + head, head, 0, 2 * Math.PI);
  ink.fill();
  ink.stroke();
}

function rider(ink: CanvasRenderingContext2D, h: number, w: number, motor: boolean): void {
  const head = h * 0.13;
  const body = h * 0.28;
  ink.beginPath();
  const wheels = Math.min(Math.max(w, h * 0.5), h * 1.1);
  ink.ellipse(0, -h * 0.16, wheels / 2, h * (motor ? 0.17 : 0.11), 0, 0, 2 * Math.PI);
  ink.fill();
  ink.stroke();
  ink.beginPath();
  ink.roundRect(-body / 2, -h * 0.72, body, h * 0.5, body / 2);
  ink.fill();
  ink.stroke();
  ink.beginPath();
  ink.arc(0, -h + head, head, 0, 2 * Math.PI);
  ink.fill();
  ink.stroke();
}

function vehicle(ink: CanvasRenderingContext2D, w: number, h: number, one: Drawn): void {
  const heading = ((one.heading_deg ?? (w >= h ? 0 : 90)) * Math.PI) / 180;
  if (one.heading_deg === null && w < h) ink.rotate(heading);
  const [along, across] = [Math.abs(Math.cos(heading)), Math.abs(Math.sin(heading))];
  const heavy = HEAVY.has(one.kind);
  // Length to width as it looks: towards or away from the camera a vehicle is foreshortened.
  const slender = 1.3 + ((heavy ? 2.7 : 2) - 1.3) * along * along;
  let wide = Math.min(w / (slender * along + across), h / (slender * across + along));
  // Which way it stands is unknown: a box round a slanting vehicle is larger than the vehicle.
  if (one.heading_deg === null) wide *= 0.76;
  const width = Math.max(LEAST_PX * 0.55, wide);
  const length = Math.max(LEAST_PX, width * slender);
  ink.beginPath();
  ink.roundRect(-length / 2, -width / 2, length, width, Math.min(heavy ? 8 : 14, width * (heavy ? 0.16 : 0.32)));
  ink.fill();
  ink.stroke();
  if (one.heading_deg === null || width < 9) return;
  // A pale bar is the windscreen: the end that goes first.
  ink.fillStyle = "#fff";
  ink.globalAlpha *= 0.5;
  ink.beginPath();
  const front = heavy ? length * 0.38 : length * 0.16;
  ink.roundRect(front, -width * 0.34, length * (heavy ? 0.06 : 0.12), width * 0.68, width * 0.08);
  ink.fill();
}

function puck(ink: CanvasRenderingContext2D, size: number): void {
  ink.beginPath();
  ink.roundRect(-size / 2, -size / 2, size, size, size * 0.5);
  ink.fill();
  ink.stroke();
}

/** Speeds beside the shapes; one that would lie on another is left out. */
function speeds(ink: CanvasRenderingContext2D, order: Drawn[], width: number, height: number, tags: Rect[]): void {
  ink.font = `600 ${width < 560 ? 11 : 12.5}px "Inter Variable", Inter, system-ui, sans-serif`;
  ink.lineWidth = 3;
  ink.lineJoin = "round";
  const taken = [...tags];
  for (const one of [...order].reverse()) {
    const text = speed(one.kind, one.speed_m_s);
    if (!text || one.opacity < 0.3) continue;
    const wide = ink.measureText(text).width;
    const x = Math.min(width - wide - 4, one.right * width + 3);
    const y = Math.max(14, one.top * height + 4);
    const box: Rect = [x - 2, y - 12, x + wide + 2, y + 4];
    if (taken.some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3])) continue;
    taken.push(box);
    ink.globalAlpha = one.opacity;
    ink.strokeStyle = "#1d2126";
    ink.strokeText(text, x, y);
    ink.fillStyle = "#fff";
    ink.fillText(text, x, y);
  }
}

const colour = (kind: Kind, colours: Palette): string => colours[KIND_TOKENS[kind]] || "#7a7f85";
