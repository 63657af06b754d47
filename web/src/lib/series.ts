// Profiles added up for the pages. A gap stays a gap: null is unknown, never zero.

import type { Kind, Profile } from "./api";
import { MOTOR } from "./words";

export type Column = (number | null)[];

/** Counts a step of `line` (all lines when null), of the kinds that `of` names, both ways. */
export function column(profile: Profile, line: string | null, of: (kind: Kind) => boolean): Column {
  return profile.at.map((_, step) => {
    if (!profile.coverage_s[step]) return null;
    let sum = 0;
    for (const series of profile.series) {
      if ((line === null || series.line === line) && of(series.kind)) sum += series.count[step] ?? 0;
    }
    return sum;
  });
}

export const sum = (values: Column): number => values.reduce<number>((all, value) => all + (value ?? 0), 0);
export const seen_s = (profile: Profile): number => profile.coverage_s.reduce<number>((all, s) => all + (s ?? 0), 0);

/** How long `profile` is, up to now: the step that is still running counts as far as it has come. */
export function span_s(profile: Profile, now_ms: number): number {
  const first = profile.at[0];
  const last = profile.at.at(-1);
  if (!first || !last) return 0;
  const end_ms = Math.min(now_ms, Date.parse(last) + profile.step_s * 1000);
  return Math.max(0, (end_ms - Date.parse(first)) / 1000);
}

export const isMotor = (kind: Kind): boolean => MOTOR.has(kind);
