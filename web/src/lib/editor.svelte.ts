// What is being drawn on a camera's picture: the draft, its history, and what is chosen.

import { node, NodeError, type Camera, type GroundCheck, type GroundPoint, type PointPx, type Setup } from "./api";

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
  points: DraftPoint[];
  earth: boolean;
}

export type Item = "line" | "area" | "point";
export interface Choice {
  item: Item;
  key: number;
}
export type Mode = "choose" | Item;

const STEPS_KEPT = 200;
const TOGETHER_MS = 900; // changes of one thing in this time are one step back
const CHECK_AFTER_MS = 250;

let keys = 0;

export class Editor {
  draft = $state<Draft>({ lines: [], areas: [], points: [], earth: false });
  chosen = $state<Choice | null>(null);
  mode = $state<Mode>("choose");
  /** Path of the value, and what is wrong with it. */
  faults = $state<Record<string, string>>({});
  check = $state<GroundCheck | null>(null);
  checkFault = $state("");
  /** Which draft points the check speaks of, in its order. */
  checked = $state<number[]>([]);
  undos = $state(0);
  redos = $state(0);
  widthPx = $state(0);
  heightPx = $state(0);
  revision: string | null = null;

  #id = "";
  #saved = $state("");
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
      areas: camera.areas.map((area) => ({ name: area.name, corners_px: area.corners_px.map((corner) => [...corner] as PointPx), key: ++keys })),
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
    };
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
    return item === "line" ? this.draft.lines : item === "area" ? this.draft.areas : this.draft.points;
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

  /** A corner in the middle of the area's longest side, or of the side after `corner`. */
  addCorner(key: number, corner?: number): void {
    this.change(`corner ${key} ${performance.now()}`, (draft) => {
      const corners = draft.areas.find((one) => one.key === key)?.corners_px;
      if (!corners) return;
      const side = (at: number) => [corners[at]!, corners[(at + 1) % corners.length]!] as const;
      const long = (at: number) => Math.hypot(side(at)[0][0] - side(at)[1][0], side(at)[0][1] - side(at)[1][1]);
      const at = corner ?? corners.reduce((best, _, index) => (long(index) > long(best) ? index : best), 0);
      const [a, b] = side(at);
      corners.splice(at + 1, 0, px((a[0] + b[0]) / 2, (a[1] + b[1]) / 2));
    });
  }

  removeCorner(key: number, corner: number): void {
    const area = this.draft.areas.find((one) => one.key === key);
    if (!area) return;
    if (area.corners_px.length <= 3) this.remove("area", key);
    else this.change(`corner ${key} ${performance.now()}`, () => area.corners_px.splice(corner, 1));
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

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
  }

  /** What can be seen to be wrong without asking the node. Empty: nothing. */
  examine(): Record<string, string> {
    const faults: Record<string, string> = {};
    for (const [list, what] of [[this.draft.lines, "line"], [this.draft.areas, "area"]] as const) {
      list.forEach((one, index) => {
        const path = `${what}s.${index}.name`;
        if (!one.name.trim()) faults[path] = `The ${what} needs a name.`;
        else if (list.findIndex((other) => other.name.trim() === one.name.trim()) !== index) {
          faults[path] = `There is another ${what} with this name.`;
        }
      });
    }
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
      this.#saved = JSON.stringify(this.setup);
      this.chosen = kept;
      return camera;
    } catch (error) {
      const said = error as NodeError;
      if (said.status === 422 && said.path) {
        this.faults = { [said.path]: [sentence(said.message), said.hint].filter(Boolean).join(" ") };
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
