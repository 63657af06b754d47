// A turning-movement diagram: a band for each pair of arms, as wide as they were many. The arms lie
// around as on the picture; whoever drives in comes on the right half of an arm.

import type { CountingLine, MovementSum } from "./api";

export const SIZE = 300;
const FAR = 96;
const WIDE = 36;
const GAP = 2;
const APART_MIN = (55 / 180) * Math.PI;

export interface Arm {
  name: string;
  angle: number;
  came: number;
  left: number;
}
export interface Band {
  from: number;
  path: string;
  width: number;
  told: string;
}

export function turning(lines: CountingLine[], moved: MovementSum[]): { arms: Arm[]; bands: Band[] } {
  const angles = around(lines);
  const names = [...angles.keys()];
  if (names.length < 2) return { arms: [], bands: [] };
  const many = (from: string, to: string) =>
    moved.filter((one) => one.from_arm === from && one.to_arm === to).reduce((sum, one) => sum + one.count, 0);
  const arms = names.map((name) => ({
    name,
    angle: angles.get(name) ?? 0,
    came: names.reduce((sum, to) => sum + many(name, to), 0),
    left: names.reduce((sum, from) => sum + many(from, name), 0),
  }));
  const unit = WIDE / Math.max(1, ...arms.flatMap((arm) => [arm.came, arm.left]));
  const bands: Band[] = [];
  for (const [from, origin] of arms.entries()) {
    let beside = GAP;
    for (const end of [...arms].sort((a, b) => turn(origin, a) - turn(origin, b))) {
      const number = many(origin.name, end.name);
      if (!number) continue;
      const width = number * unit;
      const start = beside + width / 2;
      beside += width;
      const before = arms
        .filter((arm) => turn(arm, end) < turn(origin, end))
        .reduce((sum, arm) => sum + many(arm.name, end.name) * unit, 0);
      const path = band(origin.angle, start, end.angle, GAP + before + width / 2, turn(origin, end));
      bands.push({ from: from % 6, path, width, told: `${origin.name} to ${end.name}: ${number}` });
    }
  }
  return { arms, bands: bands.sort((a, b) => b.width - a.width) };
}

export function spot(angle: number, out: number, right: number): [number, number] {
  return [
    SIZE / 2 + out * Math.cos(angle) - right * Math.sin(angle),
    SIZE / 2 + out * Math.sin(angle) + right * Math.cos(angle),
  ];
}

function around(lines: CountingLine[]): Map<string, number> {
  const ends = new Map<string, [number, number][]>();
  for (const line of lines) {
    if (line.arm) ends.set(line.arm, [...(ends.get(line.arm) ?? []), line.from_px, line.to_px]);
  }
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const spots = [...ends].map(([name, px]) => ({ name, x: mean(px.map((p) => p[0])), y: mean(px.map((p) => p[1])) }));
  if (spots.length < 2) return new Map();
  const x0 = mean(spots.map((one) => one.x));
  const y0 = mean(spots.map((one) => one.y));
  // A camera that looks along the ground squeezes what lies before and behind.
  const across = Math.hypot(...spots.map((one) => one.x - x0)) || 1;
  const down = Math.hypot(...spots.map((one) => one.y - y0)) || 1;
  const placed = spots
    .map((one) => ({ name: one.name, angle: Math.atan2((one.y - y0) / down, (one.x - x0) / across) }))
    .sort((a, b) => a.angle - b.angle);
  const tooNear = placed.some((one, index) => {
    const next = placed[(index + 1) % placed.length];
    return next !== undefined && mod(next.angle - one.angle, 2 * Math.PI) < APART_MIN;
  });
  if (tooNear) {
    const step = (2 * Math.PI) / placed.length;
    const first = Math.atan2(
      mean(placed.map((one, index) => Math.sin(one.angle - index * step))),
      mean(placed.map((one, index) => Math.cos(one.angle - index * step))),
    );
    placed.forEach((one, index) => (one.angle = first + index * step));
  }
  return new Map(placed.map((one) => [one.name, one.angle]));
}

/** How far who comes in by one arm turns to leave by another; back is least. */
function turn(origin: { angle: number }, end: { angle: number }): number {
  let by = mod(end.angle - origin.angle - Math.PI, 2 * Math.PI);
  if (by > Math.PI) by -= 2 * Math.PI;
  return Math.abs(Math.abs(by) - Math.PI) < 1e-9 ? -Math.PI : by;
}

function band(origin: number, start: number, end: number, stop: number, by: number): string {
  const reach = Math.abs(by) < Math.PI ? 0.25 : 0.1;
  const points = [
    spot(origin, FAR, -start),
    spot(origin, FAR * reach, -start),
    spot(end, FAR * reach, stop),
    spot(end, FAR, stop),
  ].map((point) => point.map((value) => value.toFixed(1)).join(" "));
  return `M${points[0]}C${points[1]} ${points[2]} ${points[3]}`;
}

const mod = (value: number, by: number) => ((value % by) + by) % by;

/** Where an arm's mouth lies, and where its words stand. */
export function mouth(arm: Arm): { path: string; x: number; y: number; anchor: "start" | "middle" | "end" } {
  const [x0, y0] = spot(arm.angle, FAR, -WIDE - 4);
  const [x1, y1] = spot(arm.angle, FAR, WIDE + 4);
  const [x, y] = spot(arm.angle, FAR + 10, 0);
  const beside = Math.cos(arm.angle);
  const down = Math.sin(arm.angle);
  return {
    path: `M${x0.toFixed(1)} ${y0.toFixed(1)}L${x1.toFixed(1)} ${y1.toFixed(1)}`,
    x,
    y: y + (down > 0 ? 11 * down : 16 * down),
    anchor: beside > 0.5 ? "start" : beside < -0.5 ? "end" : "middle",
  };
}

/** The speed that 85 % stay below, from counts in bands; null below five. */
export function v85(bands: { from: number; to: number; count: number }[]): number | null {
  const total = bands.reduce((sum, one) => sum + one.count, 0);
  if (total < 5) return null;
  let left = 0.85 * total;
  for (const one of [...bands].sort((a, b) => a.from - b.from)) {
    if (one.count && left <= one.count) return one.from + ((one.to - one.from) * left) / one.count;
    left -= one.count;
  }
  return null;
}
