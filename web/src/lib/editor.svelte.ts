// What is being drawn on a camera's picture: the draft, its history, and what is chosen.

import { node, NodeError, type Camera, type GroundCheck, type GroundPoint, type PointPx, type Road, type RoadCheck, type Setup, type ShapeCheck } from "./api";

export interface DraftLine {
  key: number;
  name: string;
  from_px: PointPx;
  to_px: PointPx;
  /** The arm of a junction that it lies across; empty where there is none. */
  arm: string;
}
export interface DraftArea {
  key: number;
  name: string;
  corners_px: PointPx[];
}
/** A way up to a stop line. Its first two corners are the stop line, left and right as who comes
 * sees it; where it bends it has a middle from the stop line upstream, and a width. */
export interface DraftApproach {
  key: number;
  name: string;
  corners_px: PointPx[];
  middle_px: PointPx[];
  /** Of all lanes in metres, as it is typed; of an approach by its corners empty. */
  width_m: string;
  lanes: number;
  signal: boolean;
  /** The speed of who is undisturbed in km/h, as it is typed; empty: measured. */
  free_km_h: string;
}
/** A piece of road between two kerbs. */
export interface DraftCarriageway {
  key: number;
  name: string;
  corners_px: PointPx[];
  /** Along the road; empty: the middle of its long side. */
  middle_px: PointPx[];
  crossings: DraftArea[];
}
/** Numbers as they are typed; half a number is no number yet. */
export interface DraftPoint {
  key: number;
  at_px: PointPx;
  x_m: string;
  y_m: string;
  latitude_deg: string;
  longitude_deg: string;
}
interface Draft {
  lines: DraftLine[];
  areas: DraftArea[];
  approaches: DraftApproach[];
  carriageways: DraftCarriageway[];
  points: DraftPoint[];
  earth: boolean;
}

export type Item = "line" | "area" | "approach" | "carriageway" | "crossing" | "point";
export interface Choice {
  item: Item;
  key: number;
}
export type Mode = "choose" | Item;

/** How many corners each kind of shape is closed at by itself; 0: as many as are drawn. */
export const CORNERS: Partial<Record<Mode, number>> = { area: 0, approach: 4, carriageway: 0, crossing: 0 };
export const KM_H = 3.6;

const STEPS_KEPT = 200;
const TOGETHER_MS = 900; // changes of one thing in this time are one step back
const CHECK_AFTER_MS = 250;

let keys = 0;

export class Editor {
  draft = $state<Draft>({ lines: [], areas: [], approaches: [], carriageways: [], points: [], earth: false });
  chosen = $state<Choice | null>(null);
  mode = $state<Mode>("choose");
  /** Path of the value, and what is wrong with it. */
  faults = $state<Record<string, string>>({});
  check = $state<GroundCheck | null>(null);
  checkFault = $state("");
  /** What approaches and carriageways are on the ground, by their keys. */
  shapes = $state<Record<number, ShapeCheck>>({});
  /** The carriageway on which a marked crossing is being drawn. */
  onto = $state<number | null>(null);
  /** Which draft points the check speaks of, in its order. */
  checked = $state<number[]>([]);
  undos = $state(0);
  redos = $state(0);
  widthPx = $state(0);
  heightPx = $state(0);
  revision: string | null = null;

  #id = "";
  #saved = $state("");
  #speeds: Record<string, number | null> = {}; // as they were given: what is not touched is not rounded
  #past: string[] = [];
  #future: string[] = [];
  #label = "";
  #labelled_ms = 0;
  #asked = 0; // only the newest question's answer counts
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins anew with what `camera` has now. */
  load(camera: Camera): void {
    this.#id = camera.id;
    this.widthPx = camera.width_px ?? 0;
    this.heightPx = camera.height_px ?? 0;
    this.revision = camera.revision ?? null;
    const points = camera.ground?.points ?? [];
    this.draft = {
      lines: camera.lines.map((line) => ({ ...line, arm: line.arm ?? "", from_px: [...line.from_px], to_px: [...line.to_px], key: ++keys })),
      areas: camera.areas.map((area) => ({ name: area.name, corners_px: copied(area.corners_px), key: ++keys })),
      approaches: (camera.approaches ?? []).map((one) => ({
        key: ++keys, name: one.name, corners_px: copied(one.corners_px), middle_px: copied(one.middle_px),
        width_m: text(one.width_m), lanes: one.lanes, signal: one.signal, free_km_h: speedText(one.free_m_s),
      })),
      carriageways: (camera.carriageways ?? []).map((one) => ({
        key: ++keys, name: one.name, corners_px: copied(one.corners_px), middle_px: copied(one.middle_px),
        crossings: one.crossings.map((mark) => ({ key: ++keys, name: mark.name, corners_px: copied(mark.corners_px) })),
      })),
      points: points.map((point) => ({
        key: ++keys,
        at_px: [point.x_px, point.y_px],
        x_m: text(point.x_m),
        y_m: text(point.y_m),
        latitude_deg: text(point.latitude_deg),
        longitude_deg: text(point.longitude_deg),
      })),
      earth: points.some((point) => point.latitude_deg != null),
    };
    this.#speeds = Object.fromEntries((camera.approaches ?? []).map((one) => [speedText(one.free_m_s), one.free_m_s]));
    this.#saved = JSON.stringify(this.setup);
    this.#past = [];
    this.#future = [];
    this.undos = this.redos = 0;
    this.chosen = null;
    this.mode = "choose";
    this.faults = {};
    this.recheck(0);
  }

  /** The draft as the node takes it. Points without numbers are left out. */
  get setup(): Setup {
    const points = this.draft.points.map((point) => this.placed(point)).filter((point) => point !== null);
    return {
      lines: this.draft.lines.map(({ name, from_px, to_px, arm }) => ({ name: name.trim(), from_px: [...from_px], to_px: [...to_px], arm: arm.trim() || null })),
      areas: this.draft.areas.map(({ name, corners_px }) => ({ name: name.trim(), corners_px: corners_px.map((corner) => [...corner]) })),
      ground: points.length ? { points } : null,
      ...this.road,
    };
  }

  get road(): Road {
    return {
      approaches: this.draft.approaches.map((one) => ({
        name: one.name.trim(),
        corners_px: one.middle_px.length ? [] : copied(one.corners_px),
        middle_px: copied(one.middle_px),
        width_m: one.middle_px.length ? number(one.width_m) : null,
        lanes: one.lanes,
        signal: one.signal,
        free_m_s: this.#speed(one.free_km_h),
      })),
      carriageways: this.draft.carriageways.map((one) => ({
        name: one.name.trim(),
        corners_px: copied(one.corners_px),
        middle_px: copied(one.middle_px),
        crossings: one.crossings.map((mark) => ({ name: mark.name.trim(), corners_px: copied(mark.corners_px) })),
      })),
    };
  }

  #speed(typed: string): number | null {
    const known = this.#speeds[typed];
    if (known !== undefined) return known;
    const km_h = number(typed);
    return km_h === null ? null : Math.round((km_h / KM_H) * 100) / 100;
  }

  get dirty(): boolean {
    return JSON.stringify(this.setup) !== this.#saved || this.draft.points.some((point) => !this.placed(point));
  }

  placed(point: DraftPoint): GroundPoint | null {
    const [x_px, y_px] = point.at_px;
    if (this.draft.earth) {
      const [latitude_deg, longitude_deg] = [number(point.latitude_deg), number(point.longitude_deg)];
      return latitude_deg === null || longitude_deg === null ? null : { x_px, y_px, latitude_deg, longitude_deg };
    }
    const [x_m, y_m] = [number(point.x_m), number(point.y_m)];
    return x_m === null || y_m === null ? null : { x_px, y_px, x_m, y_m };
  }

  // Changing ---------------------------------------------------------------------------------

  /** One step that can be undone; steps with the same `label` in quick succession are one. */
  change(label: string, deed: (draft: Draft) => void): void {
    const before = JSON.stringify(this.draft);
    deed(this.draft);
    const after = JSON.stringify(this.draft);
    if (before === after) return;
    const now = performance.now();
    const held = label.startsWith("drag") || now - this.#labelled_ms < TOGETHER_MS;
    if (label !== this.#label || !held) this.#past.push(before);
    if (this.#past.length > STEPS_KEPT) this.#past.shift();
    [this.#label, this.#labelled_ms] = [label, now];
    this.#future = [];
    this.#settle();
  }

  undo(): void {
    const before = this.#past.pop();
    if (before === undefined) return;
    this.#future.push(JSON.stringify(this.draft));
    this.#restore(before);
  }

  redo(): void {
    const after = this.#future.pop();
    if (after === undefined) return;
    this.#past.push(JSON.stringify(this.draft));
    this.#restore(after);
  }

  #restore(state: string): void {
    this.draft = JSON.parse(state) as Draft;
    this.#label = "";
    const { chosen } = this;
    if (chosen && !this.#list(chosen.item).some((one) => one.key === chosen.key)) this.chosen = null;
    this.#settle();
  }

  #settle(): void {
    this.undos = this.#past.length;
    this.redos = this.#future.length;
    this.faults = {};
    this.recheck();
  }

  #list(item: Item): { key: number }[] {
    switch (item) {
      case "line": return this.draft.lines;
      case "area": return this.draft.areas;
      case "approach": return this.draft.approaches;
      case "carriageway": return this.draft.carriageways;
      case "crossing": return this.draft.carriageways.flatMap((one) => one.crossings);
      case "point": return this.draft.points;
    }
  }

  /** The points of a shape by which it is drawn and moved; those of a line are its two ends. */
  corners(item: Item, key: number): PointPx[] | null {
    if (item === "area") return this.draft.areas.find((one) => one.key === key)?.corners_px ?? null;
    if (item === "carriageway") return this.draft.carriageways.find((one) => one.key === key)?.corners_px ?? null;
    if (item === "crossing") return this.draft.carriageways.flatMap((one) => one.crossings).find((one) => one.key === key)?.corners_px ?? null;
    const way = item === "approach" ? this.draft.approaches.find((one) => one.key === key) : undefined;
    return way ? (way.middle_px.length ? way.middle_px : way.corners_px) : null;
  }

  choose(item: Item, key: number): void {
    if (this.chosen?.key !== key) this.chosen = { item, key };
  }

  addLine(from_px?: PointPx, to_px?: PointPx): number {
    const [w, h] = [this.widthPx, this.heightPx];
    const y = Math.round(h * 0.6);
    const line = { key: ++keys, name: this.#name("Line", this.draft.lines), arm: "", from_px: from_px ?? px(w * 0.35, y), to_px: to_px ?? px(w * 0.65, y) };
    this.change(`add ${line.key}`, (draft) => draft.lines.push(line));
    this.choose("line", line.key);
    return line.key;
  }

  addArea(corners?: PointPx[]): number {
    const [w, h] = [this.widthPx, this.heightPx];
    const area = {
      key: ++keys,
      name: this.#name("Area", this.draft.areas),
      corners_px: corners ?? [px(w * 0.4, h * 0.45), px(w * 0.6, h * 0.45), px(w * 0.6, h * 0.65), px(w * 0.4, h * 0.65)],
    };
    this.change(`add ${area.key}`, (draft) => draft.areas.push(area));
    this.choose("area", area.key);
    return area.key;
  }

  /** A way up to a stop line. Whoever drew the stop line from right to left meant the same one. */
  addApproach(corners?: PointPx[]): number {
    const [w, h] = [this.widthPx, this.heightPx];
    const way: DraftApproach = {
      key: ++keys,
      name: this.#name("Approach", this.draft.approaches),
      corners_px: inOrder(corners ?? [px(w * 0.58, h * 0.7), px(w * 0.42, h * 0.7), px(w * 0.46, h * 0.42), px(w * 0.54, h * 0.42)]),
      middle_px: [], width_m: "", lanes: 1, signal: true, free_km_h: "",
    };
    this.change(`add ${way.key}`, (draft) => draft.approaches.push(way));
    this.choose("approach", way.key);
    return way.key;
  }

  addCarriageway(corners?: PointPx[]): number {
    const [w, h] = [this.widthPx, this.heightPx];
    const piece: DraftCarriageway = {
      key: ++keys,
      name: this.#name("Carriageway", this.draft.carriageways),
      corners_px: corners ?? [px(w * 0.25, h * 0.5), px(w * 0.75, h * 0.5), px(w * 0.8, h * 0.65), px(w * 0.2, h * 0.65)],
      middle_px: [], crossings: [],
    };
    this.change(`add ${piece.key}`, (draft) => draft.carriageways.push(piece));
    this.choose("carriageway", piece.key);
    return piece.key;
  }

  /** A marked crossing on the carriageway `onto`; without corners in its middle. */
  addCrossing(onto: number, corners?: PointPx[]): number {
    const piece = this.draft.carriageways.find((one) => one.key === onto);
    if (!piece) return 0;
    const [x, y] = middleOf(piece.corners_px);
    const near = (corner: PointPx): PointPx => px(x + (corner[0] - x) * 0.3, y + (corner[1] - y) * 0.9);
    const mark = { key: ++keys, name: this.#name("Crossing", piece.crossings), corners_px: corners ?? piece.corners_px.map(near) };
    this.change(`add ${mark.key}`, () => piece.crossings.push(mark));
    this.choose("crossing", mark.key);
    return mark.key;
  }

  /** The stop line is at the other end. */
  turnApproach(key: number): void {
    this.change(`turn ${key} ${performance.now()}`, (draft) => {
      const way = draft.approaches.find((one) => one.key === key);
      if (!way) return;
      if (way.middle_px.length) way.middle_px.reverse();
      else way.corners_px = [...way.corners_px.slice(2), ...way.corners_px.slice(0, 2)];
    });
  }

  /** From corners to a middle that can bend, as wide as it was on the ground. */
  bend(key: number): void {
    this.change(`bend ${key} ${performance.now()}`, (draft) => {
      const way = draft.approaches.find((one) => one.key === key);
      const [a, b, c, d] = way?.corners_px ?? [];
      if (!way || !a || !b || !c || !d) return;
      const between = (p: PointPx, q: PointPx): PointPx => px((p[0] + q[0]) / 2, (p[1] + q[1]) / 2);
      const [stop, far] = [between(a, b), between(c, d)];
      way.middle_px = [stop, between(stop, far), far];
      way.width_m = text(this.shapes[key]?.width_m ?? 3.2 * way.lanes);
      way.corners_px = [];
    });
  }

  /** A carriageway's own middle line, where that of its long side is not meant; or none again. */
  middle(key: number): void {
    this.change(`middle ${key} ${performance.now()}`, (draft) => {
      const piece = draft.carriageways.find((one) => one.key === key);
      if (!piece) return;
      if (piece.middle_px.length) piece.middle_px = [];
      else {
        const known = this.shapes[key]?.outline_px ?? [];
        const [left, right] = [Math.min(...piece.corners_px.map((one) => one[0])), Math.max(...piece.corners_px.map((one) => one[0]))];
        const y = middleOf(piece.corners_px)[1];
        piece.middle_px = (known.length > 1 ? known : [[left, y], [right, y]]).map(([x, at]) => this.within(x as number, at as number));
      }
    });
  }

  addPoint(at_px?: PointPx): number {
    const point = {
      key: ++keys,
      at_px: at_px ?? px(this.widthPx / 2, this.heightPx / 2),
      x_m: "", y_m: "", latitude_deg: "", longitude_deg: "",
    };
    this.change(`add ${point.key}`, (draft) => draft.points.push(point));
    this.choose("point", point.key);
    return point.key;
  }

  #name(word: string, taken: { name: string }[]): string {
    for (let next = taken.length + 1; ; next++) {
      const name = `${word} ${next}`;
      if (!taken.some((one) => one.name === name)) return name;
    }
  }

  remove(item: Item, key: number): void {
    this.change(`remove ${key}`, (draft) => {
      if (item === "line") draft.lines = draft.lines.filter((one) => one.key !== key);
      else if (item === "area") draft.areas = draft.areas.filter((one) => one.key !== key);
      else if (item === "approach") draft.approaches = draft.approaches.filter((one) => one.key !== key);
      else if (item === "carriageway") draft.carriageways = draft.carriageways.filter((one) => one.key !== key);
      else if (item === "crossing") for (const piece of draft.carriageways) piece.crossings = piece.crossings.filter((one) => one.key !== key);
      else draft.points = draft.points.filter((one) => one.key !== key);
    });
    if (this.chosen?.key === key) this.chosen = null;
  }

  /** Turns the line round: what was left to right is then right to left. */
  turn(key: number): void {
    this.change(`turn ${key} ${performance.now()}`, (draft) => {
      const line = draft.lines.find((one) => one.key === key);
      if (line) [line.from_px, line.to_px] = [line.to_px, line.from_px];
    });
  }

  /** A corner in the middle of the shape's longest side, or of the side after `corner`. */
  addCorner(key: number, corner?: number, item: Item = "area"): void {
    this.change(`corner ${key} ${performance.now()}`, () => {
      const corners = this.corners(item, key);
      if (!corners) return;
      const side = (at: number) => [corners[at]!, corners[(at + 1) % corners.length]!] as const;
      const long = (at: number) => Math.hypot(side(at)[0][0] - side(at)[1][0], side(at)[0][1] - side(at)[1][1]);
      const at = corner ?? corners.reduce((best, _, index) => (long(index) > long(best) ? index : best), 0);
      const [a, b] = side(at);
      corners.splice(at + 1, 0, px((a[0] + b[0]) / 2, (a[1] + b[1]) / 2));
    });
  }

  removeCorner(key: number, corner: number, item: Item = "area"): void {
    const corners = this.corners(item, key);
    if (!corners) return;
    const open = item === "approach" && this.draft.approaches.some((one) => one.key === key && one.middle_px.length);
    if (corners.length <= (open ? 2 : item === "approach" ? 4 : 3)) this.remove(item, key);
    else this.change(`corner ${key} ${performance.now()}`, () => corners.splice(corner, 1));
  }

  within(x: number, y: number): PointPx {
    return px(Math.min(this.widthPx, Math.max(0, x)), Math.min(this.heightPx, Math.max(0, y)));
  }

  // Checking ---------------------------------------------------------------------------------

  recheck(after_ms = CHECK_AFTER_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), after_ms);
  }

  async #check(): Promise<void> {
    const asked = ++this.#asked;
    const ready = this.draft.points.flatMap((point) => {
      const placed = this.placed(point);
      return placed ? [{ key: point.key, placed }] : [];
    });
    void this.#checkRoad(asked, ready.map((one) => one.placed));
    if (ready.length === 0) {
      [this.check, this.checked, this.checkFault] = [null, [], ""];
      return;
    }
    try {
      const told = await node.checkGround(this.#id, ready.map((one) => one.placed));
      if (asked !== this.#asked) return;
      [this.check, this.checked, this.checkFault] = [told, ready.map((one) => one.key), ""];
    } catch (error) {
      if (asked !== this.#asked) return;
      [this.check, this.checked, this.checkFault] = [null, [], (error as NodeError).message];
    }
  }

  /** What the shapes are on the ground of the draft, not on that which is in force. */
  async #checkRoad(asked: number, points: GroundPoint[]): Promise<void> {
    const { approaches, carriageways } = this.draft;
    if (!approaches.length && !carriageways.length) {
      this.shapes = {};
      return;
    }
    const road = this.road;
    for (const one of [...road.approaches, ...road.carriageways, ...road.carriageways.flatMap((piece) => piece.crossings)]) one.name ||= "?";
    for (const one of road.approaches) if (one.middle_px.length) one.width_m ??= 3.2 * one.lanes;
    try {
      const told: RoadCheck = await node.checkRoad(this.#id, road, points);
      if (asked !== this.#asked) return;
      const found = [...approaches.map((one, index) => [one.key, told.approaches[index]]), ...carriageways.map((one, index) => [one.key, told.carriageways[index]])];
      this.shapes = Object.fromEntries(found.filter(([, one]) => one)) as Record<number, ShapeCheck>;
    } catch (error) {
      if (asked !== this.#asked) return;
      const said = error as NodeError;
      const [, sort, index] = /^(approaches|carriageways)\.(\d+)/.exec(said.path ?? "") ?? [];
      const one = sort === "approaches" ? approaches[Number(index)] : carriageways[Number(index)];
      this.shapes = one && sort ? { [one.key]: { why: said.message, hint: said.hint, told: null, note: null, outline_px: [], width_m: null } } : {};
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
  }

  /** What can be seen to be wrong without asking the node. Empty: nothing. */
  examine(): Record<string, string> {
    const faults: Record<string, string> = {};
    const lists: [{ name: string }[], string, string][] = [
      [this.draft.lines, "line", "lines"],
      [this.draft.areas, "area", "areas"],
      [this.draft.approaches, "approach", "approaches"],
      [this.draft.carriageways, "carriageway", "carriageways"],
      ...this.draft.carriageways.map((piece, at) => [piece.crossings, "crossing", `carriageways.${at}.crossings`] as [{ name: string }[], string, string]),
    ];
    for (const [list, what, where] of lists) {
      list.forEach((one, index) => {
        const path = `${where}.${index}.name`;
        if (!one.name.trim()) faults[path] = `The ${what} needs a name.`;
        else if (list.findIndex((other) => other.name.trim() === one.name.trim()) !== index) {
          faults[path] = `There is another ${what} with this name.`;
        }
      });
    }
    this.draft.approaches.forEach((way, index) => {
      if (way.middle_px.length && number(way.width_m) === null) faults[`approaches.${index}.width_m`] = "Its width is needed: of all lanes together, in metres.";
      if (way.free_km_h.trim() && number(way.free_km_h) === null) faults[`approaches.${index}.free_m_s`] = "The free speed is a number in km/h, or nothing.";
    });
    this.draft.points.forEach((point, index) => {
      if (!this.placed(point)) faults[`ground.points.${index}`] = "Both numbers are needed, or take the point away.";
    });
    const count = this.draft.points.length;
    if (count > 0 && count < 4) faults["ground.points"] = `${count} of at least 4 points. Place more, or none.`;
    return faults;
  }

  /** Saves the draft. True when it is in force; else `faults` say where, or the error is thrown. */
  async save(): Promise<Camera | null> {
    this.faults = this.examine();
    if (Object.keys(this.faults).length) return null;
    try {
      const camera = await node.saveSetup(this.#id, { ...this.setup, revision: this.revision });
      const kept = this.chosen;
      this.revision = camera.revision ?? null;
      this.#speeds = Object.fromEntries((camera.approaches ?? []).map((one) => [speedText(one.free_m_s), one.free_m_s]));
      this.#saved = JSON.stringify(this.setup);
      this.chosen = kept;
      return camera;
    } catch (error) {
      const said = error as NodeError;
      if (said.status === 422 && said.path) {
        this.faults = { [said.path]: [said.message, said.hint].filter(Boolean).map(sentence).join(" ") };
        return null;
      }
      throw error;
    }
  }

  /** The first fault of `path` or below it. */
  fault(path: string): string {
    for (const [at, what] of Object.entries(this.faults)) if (at === path || at.startsWith(`${path}.`)) return what;
    return "";
  }
}

const copied = (points: PointPx[]): PointPx[] => points.map((point) => [...point] as PointPx);
export const middleOf = (points: PointPx[]): PointPx => [
  points.reduce((sum, one) => sum + one[0], 0) / points.length,
  points.reduce((sum, one) => sum + one[1], 0) / points.length,
];
/** Four corners in the order that settings want: stop line from left to right for who comes, then
 * right and left upstream. Seen from above that is clockwise, and no side crosses another. */
function inOrder(corners: PointPx[]): PointPx[] {
  let [a, b, c, d] = corners as [PointPx, PointPx, PointPx, PointPx];
  const cross = (p: PointPx, q: PointPx, r: PointPx): number => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  const crossing = cross(b, c, d) * cross(b, c, a) < 0 && cross(d, a, b) * cross(d, a, c) < 0;
  if (crossing) [c, d] = [d, c];
  const around = cross(a, b, c) + cross(a, c, d); // positive is clockwise, y down
  return around >= 0 ? [a, b, c, d] : [b, a, d, c];
}
const speedText = (m_s: number | null): string => (m_s === null ? "" : String(Math.round(m_s * KM_H * 10) / 10));
export const px = (x: number, y: number): PointPx => [Math.round(x), Math.round(y)];
export const sentence = (said: string): string => {
  const whole = said.charAt(0).toUpperCase() + said.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
};

function number(typed: string): number | null {
  const value = Number(typed.trim().replace(",", "."));
  return typed.trim() && Number.isFinite(value) ? value : null;
}
const text = (value: number | null | undefined): string => (value == null ? "" : String(value));
