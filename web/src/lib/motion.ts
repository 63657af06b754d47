// How this works: scene events arrive up to 12 times a second, unevenly. They are kept for two
// seconds and drawn a little late (150 ms or more), so that between two of them every road user can
// be placed on the straight line from one to the other. Time is the node's; how far it lies from
// the browser's is learnt from the events that came quickest.

import type { Kind, SceneNews, Shape } from "./api";

const DELAY_MS = 150;
const DELAY_MS_MAX = 600;
const KEEP_MS = 3000;
const FADE_MS = 220;
const STALE_MS = 2500; // after this without an event nothing is drawn: it would be a lie
const TRAIL_S = 2.4;

export interface Drawn {
  id: string;
  kind: Kind;
  /** Shares 0..1 of the picture. */
  left: number;
  top: number;
  right: number;
  bottom: number;
  heading_deg: number | null;
  speed_m_s: number | null;
  /** 0..1: appearing and going fade, hidden ones are faint. */
  opacity: number;
  /** Where it stood on the picture lately, oldest first. */
  trail: [number, number][];
}

interface Moment {
  at_ms: number;
  shapes: Map<string, Shape>;
}

interface Memory {
  born_ms: number;
  heading_deg: number | null;
  presence: number;
  drawn_ms: number;
}

export class Motion {
  #moments: Moment[] = [];
  #offset_ms: number | null = null;
  #interval_ms = 90;
  #memory = new Map<string, Memory>();
  #arrived_ms = Number.NEGATIVE_INFINITY;

  /** Takes an event in; `now_ms` is the browser's monotonic time. */
  take(news: SceneNews, now_ms: number): void {
    const at_ms = Date.parse(news.at);
    if (Number.isNaN(at_ms)) return;
    const last = this.#moments.at(-1);
    // A source that started again may step back; what was before it is then of another time.
    if (last && (at_ms < last.at_ms - 1000 || at_ms > last.at_ms + KEEP_MS)) this.#moments = [];
    else if (last && at_ms <= last.at_ms) return;
    else if (last) this.#interval_ms += 0.1 * (at_ms - last.at_ms - this.#interval_ms);

    const offset_ms = now_ms - at_ms;
    if (this.#offset_ms === null || offset_ms < this.#offset_ms || offset_ms > this.#offset_ms + 1500) {
      this.#offset_ms = offset_ms;
    } else {
      this.#offset_ms += 0.02 * (offset_ms - this.#offset_ms);
    }
    this.#arrived_ms = now_ms;
    this.#moments.push({ at_ms, shapes: new Map(news.shapes.map((shape) => [shape.id, shape])) });
    while (this.#moments.length > 2 && (this.#moments[0] as Moment).at_ms < at_ms - KEEP_MS) this.#moments.shift();
  }

  forget(): void {
    this.#moments = [];
    this.#memory.clear();
    this.#offset_ms = null;
    this.#arrived_ms = Number.NEGATIVE_INFINITY;
  }

  /** True while there is something to draw or to fade away. */
  alive(now_ms: number): boolean {
    return now_ms - this.#arrived_ms < STALE_MS + FADE_MS;
  }

  /** Everybody in the picture at `now_ms`. `steps`: the newest places as they are, without trails. */
  at(now_ms: number, steps = false): Drawn[] {
    if (this.#offset_ms === null || !this.alive(now_ms)) return [];
    const delay_ms = Math.min(DELAY_MS_MAX, Math.max(DELAY_MS, 1.6 * this.#interval_ms));
    const time_ms = now_ms - this.#offset_ms - delay_ms;

    let after = this.#moments.findIndex((moment) => moment.at_ms > time_ms);
    if (after < 0 || steps) after = this.#moments.length - 1;
    const newer = this.#moments[after];
    const older = steps ? newer : this.#moments[Math.max(0, after - 1)];
    if (!newer || !older) return [];
    const span_ms = newer.at_ms - older.at_ms;
    const share = span_ms > 0 ? Math.min(1, Math.max(0, (time_ms - older.at_ms) / span_ms)) : 1;

    const stale = now_ms - this.#arrived_ms > STALE_MS;
    const drawn: Drawn[] = [];
    const ids = new Set([...older.shapes.keys(), ...newer.shapes.keys()]);
    for (const id of ids) {
      const from = older.shapes.get(id);
      const to = newer.shapes.get(id);
      const shape = to ?? from;
      if (!shape) continue;
      const a = (from ?? shape).box;
      const b = (to ?? shape).box;
      let memory = this.#memory.get(id);
      if (!memory) {
        memory = { born_ms: time_ms, heading_deg: shape.heading_deg, presence: steps ? 1 : 0, drawn_ms: now_ms };
        this.#memory.set(id, memory);
      }
      const wanted = stale || (!to && share >= 1) ? 0 : (shape.seen ? 1 : 0.4) * (to ? 1 : 1 - share);
      const step = steps ? 1 : Math.min(1, (now_ms - memory.drawn_ms) / FADE_MS);
      memory.presence += (wanted - memory.presence) * step;
      memory.drawn_ms = now_ms;
      // Who stands keeps facing the way they came; a car does not turn because it stopped.
      if (shape.heading_deg !== null) memory.heading_deg = turn(memory.heading_deg, shape.heading_deg, steps ? 1 : 0.18);
      drawn.push({
        id,
        kind: shape.kind,
        left: mix(a[0], b[0], share),
        top: mix(a[1], b[1], share),
        right: mix(a[2], b[2], share),
        bottom: mix(a[3], b[3], share),
        heading_deg: memory.heading_deg,
        speed_m_s: shape.speed_m_s,
        opacity: memory.presence,
        trail: steps ? [] : this.#trail(id, time_ms),
      });
    }
    for (const [id, memory] of this.#memory) if (now_ms - memory.drawn_ms > 4000) this.#memory.delete(id);
    return drawn;
  }

  #trail(id: string, time_ms: number): [number, number][] {
    const trail: [number, number][] = [];
    for (const moment of this.#moments) {
      if (moment.at_ms >= time_ms || moment.at_ms < time_ms - TRAIL_S * 1000) continue;
      const shape = moment.shapes.get(id);
      if (shape) trail.push([(shape.box[0] + shape.box[2]) / 2, shape.box[1] * 0.25 + shape.box[3] * 0.75]);
    }
    return trail;
  }
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

/** From one angle towards another by the shorter way. */
function turn(from: number | null, to: number, share: number): number {
  if (from === null) return to;
  const difference = ((to - from + 540) % 360) - 180;
  return from + difference * share;
}
