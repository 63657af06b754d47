// The links between lines whose journey time is told: a draft of all of them, saved as a whole.

import { node, NodeError, type Direction, type JourneyWindow, type Link, type Links } from "./api";
import { KM_H, sentence } from "./editor.svelte";

/** Numbers as they are typed; speeds in km/h of whole journeys. */
export interface DraftLink {
  key: number;
  route: boolean;
  name: string;
  /** `camera/line`; empty: not chosen yet. */
  from_line: string;
  from_direction: Direction;
  to_line: string;
  to_direction: Direction;
  length_m: string;
  slowest_km_h: string;
  fastest_km_h: string;
  /** Of a route the keys of its links, in order. */
  through: number[];
  straight_m: number | null;
  note: string | null;
  /** As it is saved, by which what was measured of it is found; empty: not saved yet. */
  saved: string;
}

export const SLOWEST_M_S = 4;
export const FASTEST_M_S = 25;
let keys = 0;

export class LinksDraft {
  links = $state<DraftLink[]>([]);
  faults = $state<Record<string, string>>({});
  loaded = $state(false);
  /** What was measured last, by the links' names as they are saved. */
  times = $state<Record<string, JourneyWindow>>({});
  /** Why there are no times, as a sentence; empty: there are. */
  missing = $state("");
  revision: string | null = null;
  #saved = $state("");
  #speeds: Record<string, number> = {}; // as they were given: what is not touched is not rounded

  load(told: Links): void {
    this.revision = told.revision ?? null;
    const links = told.links.map((link) => this.#draft(link));
    for (const [index, link] of told.links.entries()) {
      links[index]!.through = link.through.flatMap((name) => links.find((one) => one.name === name)?.key ?? []);
    }
    this.links = links;
    this.#saved = JSON.stringify(this.told);
    this.faults = {};
    this.times = told.times ?? {};
    this.missing = told.missing ?? "";
    this.loaded = true;
  }

  #draft(link: Link): DraftLink {
    const shown = (m_s: number): string => {
      const text = String(Math.round(m_s * KM_H * 10) / 10);
      this.#speeds[text] = m_s;
      return text;
    };
    return {
      key: ++keys, route: link.through.length > 0, name: link.name,
      from_line: link.from_line ?? "", from_direction: link.from_direction ?? "left_to_right",
      to_line: link.to_line ?? "", to_direction: link.to_direction ?? "left_to_right",
      length_m: link.length_m === null ? "" : String(link.length_m),
      slowest_km_h: shown(link.speed_m_s_min), fastest_km_h: shown(link.speed_m_s_max),
      through: [], straight_m: link.straight_m ?? null, note: link.note ?? null,
      saved: link.name,
    };
  }

  speed(typed: string): number | null {
    const known = this.#speeds[typed];
    if (known !== undefined) return known;
    const km_h = number(typed);
    return km_h === null ? null : Math.round((km_h / KM_H) * 100) / 100;
  }

  /** The links as the node takes them. */
  get told(): Link[] {
    return this.links.map((one) => ({
      name: one.name.trim(),
      from_line: one.route ? null : one.from_line || null,
      from_direction: one.route ? null : one.from_direction,
      to_line: one.route ? null : one.to_line || null,
      to_direction: one.route ? null : one.to_direction,
      length_m: one.route ? null : number(one.length_m),
      speed_m_s_min: this.speed(one.slowest_km_h) ?? SLOWEST_M_S,
      speed_m_s_max: this.speed(one.fastest_km_h) ?? FASTEST_M_S,
      through: one.route ? one.through.map((key) => this.links.find((link) => link.key === key)?.name.trim() ?? "") : [],
    }));
  }

  get dirty(): boolean {
    return JSON.stringify(this.told) !== this.#saved;
  }

  add(route: boolean): number {
    const name = (number: number) => `${route ? "Route" : "Link"} ${number}`;
    let next = 1;
    while (this.links.some((one) => one.name === name(next))) next += 1;
    const blank: Link = {
      name: name(next), from_line: null, from_direction: null, to_line: null, to_direction: null, length_m: null,
      speed_m_s_min: SLOWEST_M_S, speed_m_s_max: FASTEST_M_S, through: [],
    };
    const made = { ...this.#draft(blank), route, saved: "" };
    this.links.push(made);
    this.faults = {};
    return made.key;
  }

  remove(key: number): void {
    this.links = this.links.filter((one) => one.key !== key);
    for (const one of this.links) one.through = one.through.filter((link) => link !== key);
    this.faults = {};
  }

  /** Which times are looked for, in seconds; null while a number is missing. */
  expected(one: DraftLink): [number, number] | null {
    const [length, slow, fast] = [number(one.length_m), this.speed(one.slowest_km_h), this.speed(one.fastest_km_h)];
    return length === null || !slow || !fast ? null : [length / fast, length / slow];
  }

  /** What can be seen to be wrong without asking the node. */
  examine(): Record<string, string> {
    const faults: Record<string, string> = {};
    this.links.forEach((one, index) => {
      const at = (key: string) => `links.${index}.${key}`;
      if (!one.name.trim()) faults[at("name")] = "It needs a name.";
      else if (this.links.findIndex((other) => other.name.trim() === one.name.trim()) !== index) faults[at("name")] = "There is another link with this name.";
      if (one.route) {
        if (one.through.length < 2) faults[at("through")] = "A route leads through two links or more.";
        return;
      }
      if (!one.from_line) faults[at("from_line")] = "Choose the line at which it begins.";
      if (!one.to_line) faults[at("to_line")] = "Choose the line at which it ends.";
      if (number(one.length_m) === null) faults[at("length_m")] = "Its length is needed: along the street, in metres.";
      if (this.speed(one.slowest_km_h) === null || this.speed(one.fastest_km_h) === null) faults[at("speed_m_s_max")] = "Both speeds are numbers in km/h.";
    });
    return faults;
  }

  /** Saves the draft. True when it is in force; else `faults` say where, or the error is thrown. */
  async save(): Promise<boolean> {
    this.faults = this.examine();
    if (Object.keys(this.faults).length) return false;
    try {
      this.load(await node.saveLinks({ links: this.told, revision: this.revision }));
      return true;
    } catch (error) {
      const said = error as NodeError;
      if (said.status === 422 && said.path) {
        this.faults = { [said.path]: [said.message, said.hint].filter(Boolean).map(sentence).join(" ") };
        return false;
      }
      throw error;
    }
  }

  fault(index: number, ...names: string[]): string {
    for (const name of names) {
      const found = this.faults[`links.${index}.${name}`];
      if (found) return found;
    }
    return "";
  }
}

function number(typed: string): number | null {
  const value = Number(typed.trim().replace(",", "."));
  return typed.trim() && Number.isFinite(value) ? value : null;
}
