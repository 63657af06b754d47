// Profiles added up for the pages. A gap stays a gap: null is unknown, never zero.

import type { Direction, Kind, Profile } from "./api";
import { MOTOR } from "./words";

export type Column = (number | null)[];

/** Counts a step of `line` (all lines when null), of the kinds that `of` names, one way or both. */
export function column(profile: Profile, line: string | null, of: (kind: Kind) => boolean, way: Direction | null = null): Column {
  return profile.at.map((_, step) => {
    if (!profile.coverage_s[step]) return null;
    let sum = 0;
    for (const series of profile.series) {
      if ((line === null || series.line === line) && (way === null || series.direction === way) && of(series.kind)) sum += series.count[step] ?? 0;
    }
    return sum;
  });
}

export const sum = (values: Column): number => values.reduce<number>((all, value) => all + (value ?? 0), 0);
export const seen_s = (profile: Profile): number => profile.coverage_s.reduce<number>((all, s) => all + (s ?? 0), 0);

// A minute is stored when it is over, and nobody calls the running one a gap.
const SETTLES_MS = 100_000;

/** How much of the step was not seen though it is over, in seconds. */
export function unseen_s(profile: Profile, step: number, now_ms: number): number {
  const start_ms = Date.parse(profile.at[step] ?? "");
  const due_s = Math.min(profile.step_s, (now_ms - SETTLES_MS - start_ms) / 1000);
  const gone_s = due_s - (profile.coverage_s[step] ?? 0);
  return due_s > 0 && gone_s > 0.01 * profile.step_s ? gone_s : 0;
}

export const isMotor = (kind: Kind): boolean => MOTOR.has(kind);
