// Where words stand on the street so that none covers another: as placewatch/publish/labels.py does
// for reports. Each in turn takes the cheapest spot; one that had to move far has a thin leader.

export interface Label {
  key: string;
  /** What it names, in the pixels of the page, as all here. */
  at: [number, number];
  wide: number;
  high: number;
  /** Likes to stand on it, as the name of an area does; else below it. */
  over: boolean;
}
export interface Placed {
  left: number;
  top: number;
  wide: number;
  high: number;
  /** Where its leader ends; null where none is needed. */
  leader: [number, number] | null;
}

const GAP = 5;
const STEPS = 6;

export function place(labels: Label[], wide: number, high: number): Record<string, Placed> {
  const placed: [string, Placed][] = [];
  for (const label of labels) {
    let best: [number, number] | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const spot of spots(label, wide, high)) {
      const cost = covered(label, spot, placed) + away(label, spot) / label.high;
      if (cost < least - 1e-9) [best, least] = [spot, cost];
    }
    const [left, top] = best!;
    const far = away(label, best!) > GAP + 0.9 * label.high;
    placed.push([label.key, { left, top, wide: label.wide, high: label.high, leader: far ? nearest(label, best!) : null }]);
  }
  return Object.fromEntries(placed);
}

function* spots({ at: [x, y], wide, high, over }: Label, pageWide: number, pageHigh: number): Generator<[number, number]> {
  const inside = (left: number, top: number): [number, number] => [
    Math.min(Math.max(left, 6), Math.max(6, pageWide - wide - 6)),
    Math.min(Math.max(top, 3), Math.max(3, pageHigh - high - 3)),
  ];
  const columns = [x - wide / 2, x + GAP, x - GAP - wide];
  const middle = y - high / 2;
  if (over) yield inside(columns[0]!, middle);
  yield inside(columns[0]!, y + GAP);
  yield inside(columns[0]!, y - GAP - high);
  yield inside(columns[1]!, middle);
  yield inside(columns[2]!, middle);
  for (let step = 1; step <= STEPS; step++) {
    for (const way of [1, -1]) for (const left of columns) yield inside(left, middle + way * step * (high + 3));
  }
}

function covered(label: Label, [left, top]: [number, number], placed: [string, Placed][]): number {
  let cost = 0;
  for (const [, one] of placed) {
    const across = Math.min(left + label.wide + 3, one.left + one.wide) - Math.max(left - 3, one.left);
    const down = Math.min(top + label.high + 2, one.top + one.high) - Math.max(top - 2, one.top);
    if (across > 0 && down > 0) cost += 100 + (100 * across * down) / (label.wide * label.high);
  }
  return cost;
}

function nearest({ at: [x, y], wide, high }: Label, [left, top]: [number, number]): [number, number] {
  return [Math.min(Math.max(x, left), left + wide), Math.min(Math.max(y, top), top + high)];
}
function away(label: Label, spot: [number, number]): number {
  const [x, y] = nearest(label, spot);
  return Math.hypot(x - label.at[0], y - label.at[1]);
}
