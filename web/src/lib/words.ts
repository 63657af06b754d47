// How things are said on the pages: states, kinds, directions, times and numbers.

import type { Camera, CountingLine, Direction, Health, JourneyWindow, Kind, KindCounts, Position, State } from "./api";

export type Tone = "ok" | "watch" | "act" | "off";

export const STATES: Record<State, { word: string; tone: Tone }> = {
  starting: { word: "starting", tone: "off" },
  learning: { word: "learning the street", tone: "watch" },
  watching: { word: "watching", tone: "ok" },
  lost: { word: "no picture", tone: "watch" },
  ended: { word: "ended", tone: "off" },
  refused: { word: "refused", tone: "act" },
  failed: { word: "failed", tone: "act" },
};

export const KINDS: Record<Kind, string> = {
  pedestrian: "on foot",
  bicycle: "bicycle",
  motorcycle: "motorcycle",
  car: "car",
  van: "van",
  bus: "bus",
  truck: "lorry",
  unknown: "kind unknown",
};

export const KIND_ORDER: Kind[] = [
  "car", "van", "truck", "bus", "motorcycle", "bicycle", "pedestrian", "unknown",
];
export const MOTOR: ReadonlySet<Kind> = new Set(["car", "van", "truck", "bus", "motorcycle"]);
export const HEAVY: ReadonlySet<Kind> = new Set(["truck", "bus"]);

/** The token that colours a kind; several kinds share one, their shapes differ. */
export const KIND_TOKENS: Record<Kind, string> = {
  pedestrian: "--pedestrian",
  bicycle: "--bicycle",
  motorcycle: "--bicycle",
  car: "--car",
  van: "--car",
  bus: "--heavy",
  truck: "--heavy",
  unknown: "--unknown",
};

export function total(counts: KindCounts | undefined, of?: (kind: Kind) => boolean): number {
  let sum = 0;
  for (const [kind, count] of Object.entries(counts ?? {})) {
    if (!of || of(kind as Kind)) sum += count ?? 0;
  }
  return sum;
}

const MANY = new Intl.NumberFormat("en-GB");
/** A whole number as people read it: 12,480. */
export const count = (value: number): string => MANY.format(value);

export const kmh = (speed_m_s: number): string => Math.round(speed_m_s * 3.6).toString();

/** The speed beside a shape: km/h for vehicles, m/s for people. */
export function speed(kind: Kind, speed_m_s: number | null): string {
  if (speed_m_s === null) return "";
  if (kind === "pedestrian") return speed_m_s < 0.2 ? "" : `${speed_m_s.toFixed(1)} m/s`;
  const whole = kmh(speed_m_s);
  return whole === "0" ? "0" : `${whole} km/h`;
}

/** Which way on the picture `direction` crosses `line`, in degrees: 0 right, 90 down. */
export function crossingAngle(line: CountingLine, direction: Direction): number {
  const dx = line.to_px[0] - line.from_px[0];
  const dy = line.to_px[1] - line.from_px[1];
  // Who walks along the line on the picture (y down) has (-dy, dx) at the right hand.
  const sign = direction === "left_to_right" ? 1 : -1;
  return (Math.atan2(sign * dx, -sign * dy) * 180) / Math.PI;
}

const WAYS = [
  "to the right", "down to the right", "down", "down to the left",
  "to the left", "up to the left", "up", "up to the right",
];
/** `crossingAngle` in words, as seen on the picture. */
export function way(angle_deg: number): string {
  return WAYS[(Math.round(angle_deg / 45) + 8) % 8] ?? "";
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const CLOCK_S = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** 10:32, or "21 November, 10:32" when it was not today. Local time. */
export function clock(at: string | null | undefined, now: number = Date.now()): string {
  if (!at) return "";
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return "";
  const time = CLOCK.format(moment);
  return moment.toDateString() === new Date(now).toDateString() ? time : `${DAY.format(moment)}, ${time}`;
}
export const clockSeconds = (ms: number): string => CLOCK_S.format(ms);

export function date(day: string | null | undefined): string {
  if (!day) return "";
  const moment = new Date(day);
  return Number.isNaN(moment.getTime()) ? day : DATE.format(moment);
}

/** 40 s, 12 min, 3 h 5 min, 2 days. */
export function duration(s: number): string {
  if (s < 59.5) return `${Math.max(0, Math.round(s))} s`;
  const min = Math.round(s / 60);
  if (min < 60) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  return `${Math.round(h / 24)} days`;
}

export function lateness(s: number | null): string {
  if (s === null) return "lateness unknown";
  return s < 1 ? `${Math.round(s * 100) * 10} ms behind` : `${s.toFixed(1)} s late`;
}
export const LATE_S = 1.5;
const SKIPPED_MIN = 0.25;

/** What is amiss with a camera that watches but does not keep up: "2.4 s late"; "" where it does. */
export function strained(state: State, health: Health): string {
  if (state !== "watching") return "";
  const skipped = health.skipped_share ?? 0;
  if (skipped >= SKIPPED_MIN) return `${Math.round(100 * skipped)} % skipped`;
  return (health.lateness_s ?? 0) >= LATE_S ? `${(health.lateness_s ?? 0).toFixed(1)} s late` : "";
}

/** How many of those at a link's first line came on to its second, with the interval; "" if not known. */
export function through(one: JourneyWindow): string {
  const [share, low, high] = [one.through_share, one.through_share_low, one.through_share_high];
  if (share == null) return "";
  const per = (value: number) => Math.round(100 * value);
  const between = low == null || high == null ? "" : ` (${per(low)} to ${per(high)})`;
  return `${per(share)}${between} of 100`;
}

/** How much of a span was watched: "all 60 min seen", "42 of 60 min seen", "nothing seen". */
export function coverage(seen_s: number, of_s: number): string {
  const of = of_s <= 7200 ? `${Math.round(of_s / 60)} min` : duration(of_s);
  if (seen_s <= 0) return `nothing of ${of} seen`;
  if (seen_s >= of_s * 0.995) return `all ${of} seen`;
  const [seenMin, ofMin] = [Math.floor(seen_s / 60), Math.round(of_s / 60)];
  if (ofMin <= 120) return seenMin ? `${seenMin} of ${ofMin} min seen` : `${Math.round(seen_s)} s of ${ofMin} min seen`;
  return `${duration(seen_s)} of ${of} seen`;
}

/** What a camera's state means to whoever looks, in one or two sentences. */
export function explain(camera: Camera, now: number): { title: string; text: string } | null {
  const since = clock(camera.since, now);
  switch (camera.state) {
    case "starting":
      return { title: "Starting", text: camera.why ?? "Waiting for the first picture." };
    case "learning":
      return {
        title: "Learning the empty street",
        text: "Nobody is shown before the street is known without them. This takes a minute or so.",
      };
    case "lost":
      return {
        title: since ? `No picture since ${since}` : "No picture",
        text: "Counting stopped then.",
      };
    case "ended":
      return { title: since ? `Ended at ${since}` : "Ended", text: camera.why ?? "The recording came to its end." };
    case "refused":
      return { title: "This camera does not start", text: camera.why ?? "It has no valid notice." };
    case "failed":
      return { title: since ? `Failed at ${since}` : "Failed", text: camera.why ?? "The reason stands in the node's log." };
    case "watching":
      return null;
  }
}

/** "3 of 4 cameras watching" and what the others do. */
export function tally(cameras: { state: State; health?: Health }[]): { tone: Tone; text: string }[] {
  const of = (state: State) => cameras.filter((one) => one.state === state).length;
  const pills: { tone: Tone; text: string }[] = [
    {
      tone: of("watching") > 0 ? "ok" : "off",
      text: `${of("watching")} of ${cameras.length} camera${cameras.length === 1 ? "" : "s"} watching`,
    },
  ];
  const behind = cameras.filter((one) => one.health && strained(one.state, one.health)).length;
  if (behind) pills.push({ tone: "watch", text: `${behind} of them not keeping up` });
  for (const state of ["failed", "refused", "lost", "learning", "starting", "ended"] as const) {
    if (of(state)) pills.push({ tone: STATES[state].tone, text: `${of(state)} ${STATES[state].word}` });
  }
  return pills;
}

/** The sector a camera sees, as a ring of [longitude, latitude] for GeoJSON. */
export function sector(position: Position): [number, number][] {
  const { latitude_deg, longitude_deg, bearing_deg, angle_deg, range_m } = position;
  const north_deg = 1 / 111_195; // per metre; R1 of WGS 84
  const east_deg = north_deg / Math.cos((latitude_deg * Math.PI) / 180);
  const ring: [number, number][] = [[longitude_deg, latitude_deg]];
  const steps = Math.max(6, Math.ceil(angle_deg / 6));
  for (let step = 0; step <= steps; step++) {
    const bearing = ((bearing_deg + angle_deg * (step / steps - 0.5)) * Math.PI) / 180;
    ring.push([
      longitude_deg + Math.sin(bearing) * range_m * east_deg,
      latitude_deg + Math.cos(bearing) * range_m * north_deg,
    ]);
  }
  ring.push([longitude_deg, latitude_deg]);
  return ring;
}
