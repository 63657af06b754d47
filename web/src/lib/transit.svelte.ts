// Public transport by its own word: asked for while a map shows it, and how it is said.

import { node, type Feed, type Vehicle } from "./api";
import { live } from "./live.svelte";
import { duration } from "./words";

const KEY = "placewatch.transit";
const EARLY_S = 60; // whoever comes on time has missed it
const LATE_S = 180; // below it travellers call it on time

export type Punctuality = "early" | "prompt" | "late" | "unknown" | "old";

/** The order of the legend, and what each sort of symbol means. */
export const MEANINGS: [Punctuality, string][] = [
  ["prompt", "on time"],
  ["late", "3 min late or more"],
  ["early", "1 min early or more"],
  ["unknown", "delay unknown"],
  ["old", "old position"],
];

export interface Shown extends Vehicle {
  feed: Feed;
  age_s: number;
  sort: Punctuality;
  /** Such as "6 min late". */
  words: string;
}

class Transit {
  feeds = $state.raw<Feed[]>([]);
  /** Whether people want to see them; remembered. */
  shown = $state(remembered());

  #asking: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Every vehicle that was somewhere not too long ago. */
  get vehicles(): Shown[] {
    const now = live.now;
    const found: Shown[] = [];
    for (const feed of this.feeds) {
      for (const vehicle of feed.vehicles) {
        const age_s = Math.max(0, (now - Date.parse(vehicle.at)) / 1000);
        if (age_s > feed.gone_after_s) continue;
        const sort = age_s > feed.old_after_s ? "old" : punctuality(vehicle.delay_s);
        found.push({ ...vehicle, feed, age_s, sort, words: sort === "old" ? `${duration(age_s)} ago` : lateness(vehicle.delay_s) });
      }
    }
    return found;
  }

  show(on: boolean): void {
    this.shown = on;
    try {
      if (on) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, "off");
    } catch {
      // Storage may be blocked; the choice then lasts until the page is closed.
    }
  }

  /** Keeps the feeds fresh until the function that it returns is called. */
  watch(): () => void {
    const again = () => {
      if (!document.hidden) void this.#ask();
    };
    document.addEventListener("visibilitychange", again);
    void this.#ask();
    return () => {
      document.removeEventListener("visibilitychange", again);
      clearTimeout(this.#timer);
      this.#asking?.abort();
    };
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    try {
      this.feeds = (await node.transit(asking.signal)).feeds;
      if (this.feeds.length === 0) return; // a node without feeds gets none while it runs
    } catch {
      // The page says already when the node is silent; what is shown grows old by itself.
    }
    if (asking.signal.aborted || document.hidden) return;
    const every_s = Math.min(...this.feeds.map((feed) => feed.every_s), 45);
    this.#timer = setTimeout(() => void this.#ask(), Math.max(3, every_s / 3) * 1000);
  }
}

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

export function punctuality(delay_s: number | null): Punctuality {
  if (delay_s === null) return "unknown";
  return delay_s >= LATE_S ? "late" : delay_s <= -EARLY_S ? "early" : "prompt";
}

/** "6 min late", "1 h 5 min late", "2 min early", "on time". */
export function lateness(delay_s: number | null): string {
  const sort = punctuality(delay_s);
  if (delay_s === null) return "delay unknown";
  if (sort === "prompt") return "on time";
  return `${duration(Math.floor(Math.abs(delay_s) / 60) * 60)} ${sort}`;
}

const WINDS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
export const wind = (bearing_deg: number): string => WINDS[Math.round(bearing_deg / 45) % 8] ?? "";

/** All that is known of a vehicle, as one says it; it begins with what its mark shows. */
export function told(vehicle: Shown): string[] {
  const parts = [vehicle.line === null ? "line unknown" : `Line ${vehicle.line}`, vehicle.words];
  if (vehicle.sort === "old") return [...parts, "old position"];
  if (vehicle.bearing_deg !== null) parts.push(`heads ${wind(vehicle.bearing_deg)}`);
  return [...parts, `was here ${duration(vehicle.age_s)} ago`];
}

/** "12 vehicles: 8 on time, 3 late, 1 early". */
export function summary(vehicles: Shown[]): string {
  const of = (sort: Punctuality) => vehicles.filter((one) => one.sort === sort).length;
  const parts = (
    [
      ["prompt", "on time"],
      ["late", "late"],
      ["early", "early"],
      ["unknown", "of unknown delay"],
      ["old", "old"],
    ] as const
  )
    .filter(([sort]) => of(sort))
    .map(([sort, word]) => `${of(sort)} ${word}`);
  if (vehicles.length === 0) return "No vehicle near the site just now.";
  if (vehicles.length > 1 && parts.length === 1) return `${vehicles.length} vehicles, all ${parts[0]?.replace(/^\d+ /, "")}`;
  return `${vehicles.length} vehicle${vehicles.length === 1 ? "" : "s"}: ${parts.join(", ")}`;
}

export const transit = new Transit();
