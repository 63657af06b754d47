// What the node answers, and how to ask it. The contract is docs/spec/console-api.md.

export type Kind =
  | "pedestrian" | "bicycle" | "motorcycle" | "car" | "van" | "bus" | "truck" | "unknown";
export type Direction = "left_to_right" | "right_to_left";
export type State =
  | "starting" | "learning" | "watching" | "lost" | "ended" | "refused" | "failed";
export type PointPx = [number, number];
export type KindCounts = Partial<Record<Kind, number>>;

export interface Health {
  fps: number | null;
  /** Those of them that are analysed. */
  analysed_fps?: number | null;
  lateness_s: number | null;
  frames: number;
  frames_dropped: number;
  packets_corrupt: number;
  timestamps_repaired: number;
  gaps: number;
  losses: number;
  last_loss: string | null;
  last_loss_why: string | null;
  /** How much of the stream is decoded just now, and what that may miss. */
  decoded?: string;
  /** What people should know who rely on the camera, a sentence each. */
  notes?: string[];
  /** Of the frames of the last half minute, those that were skipped because the machine was late. */
  skipped_share?: number | null;
}

export interface LineTotals {
  name: string;
  left_to_right: KindCounts;
  right_to_left: KindCounts;
  speed_m_s_p85: number | null;
  truth: { left_to_right: KindCounts; right_to_left: KindCounts } | null;
}

export interface Totals {
  since: string;
  lines: LineTotals[];
}

export interface CountingLine {
  name: string;
  from_px: PointPx;
  to_px: PointPx;
  arm?: string | null;
}

export interface WatchedArea {
  name: string;
  corners_px: PointPx[];
}

/** A way up to a stop line: by four corners, or where it bends by its middle and its width. */
export interface Approach {
  name: string;
  corners_px: PointPx[];
  middle_px: PointPx[];
  width_m: number | null;
  lanes: number;
  signal: boolean;
  free_m_s: number | null;
}

/** A piece of road between two kerbs, and the crossings that are painted on it. */
export interface Carriageway {
  name: string;
  corners_px: PointPx[];
  middle_px: PointPx[];
  crossings: WatchedArea[];
}

export interface GroundPoint {
  x_px: number;
  y_px: number;
  x_m?: number;
  y_m?: number;
  latitude_deg?: number;
  longitude_deg?: number;
}

export interface Position {
  latitude_deg: number;
  longitude_deg: number;
  bearing_deg: number;
  angle_deg: number;
  range_m: number;
}

/** What changes by the second. */
export interface CameraNews {
  id: string;
  state: State;
  why: string | null;
  since: string | null;
  retry_in_s: number | null;
  backdrop_at: string | null;
  health: Health;
  totals: Totals;
}

export interface Camera {
  id: string;
  place: string;
  state: State;
  why: string | null;
  since: string | null;
  retry_in_s: number | null;
  position: Position | null;
  width_px: number | null;
  height_px: number | null;
  notice: Partial<Record<"purpose" | "legal_basis" | "owner" | "contact" | "until", string>> | null;
  detector: string | null;
  lines: CountingLine[];
  areas: WatchedArea[];
  ground: { points: GroundPoint[] } | null;
  approaches?: Approach[];
  carriageways?: Carriageway[];
  backdrop: { at: string; known_share: number } | null;
  health: Health;
  totals: Totals;
  /** Stands for lines, areas and ground as they are. */
  revision?: string | null;
}

export interface Site {
  site: string;
  version: string;
  demo: boolean;
  at: string;
  map: GeoJSON.FeatureCollection | null;
  cameras: Camera[];
}

/** One vehicle of public transport, by its own word. `id` dies with its trip. */
export interface Vehicle {
  id: string;
  line: string | null;
  latitude_deg: number;
  longitude_deg: number;
  bearing_deg: number | null;
  /** Late is positive. */
  delay_s: number | null;
  at: string;
}

/** One operator's feed of vehicles; `attribution` must stand where they are shown. */
export interface Feed {
  name: string;
  operator: string;
  attribution: string;
  state: "starting" | "fresh" | "silent";
  since: string;
  why: string | null;
  notes: string[];
  every_s: number;
  old_after_s: number;
  gone_after_s: number;
  vehicles: Vehicle[];
}

export interface Session {
  required: boolean;
  user: string | null;
  role: string | null;
}

export interface Series {
  line: string;
  kind: Kind;
  direction: Direction;
  count: (number | null)[];
  speed_m_s_p85: (number | null)[];
}

export interface Profile {
  step_s: number;
  at: string[];
  coverage_s: number[];
  series: Series[];
}

export interface MovementSum {
  from_arm: string | null;
  to_arm: string;
  count: number;
}

export interface ConflictSpot {
  x_px: number;
  y_px: number;
  share: number;
}

/** Queues of a lane of an approach; of all its lanes where `lane` is null. */
export interface QueueSum {
  approach: string;
  lane: number | null;
  watched_s: number;
  /** With somebody who waited. Each lane has its own: of all lanes, that which had most, and fewest. */
  cycles: number;
  cycles_min: number;
  vehicles_max: number;
  vehicles_max_mean: number | null;
  back_m_max: number;
  at_least: boolean;
  reached_share: number | null;
  departures: number;
  delay_s: number | null;
  level: string | null;
  /** Why the delay is not known. */
  delay_why?: string | null;
}

/** People who crossed on a marked crossing; off them where `crossing` is null. */
export interface FootSum {
  carriageway: string;
  crossing: string | null;
  watched_s: number;
  count: number;
  wait_s: number | null;
  speed_m_s: number | null;
  yielding_rate: number | null;
}

/** How long a link took in the hour to `end`, with its interval; or why that is not known. */
export interface JourneyWindow {
  end: string;
  window_s: number;
  coverage_s: number;
  time_s: number | null;
  time_s_low: number | null;
  time_s_high: number | null;
  mean_s: number | null;
  why: string | null;
  sentence: string | null;
  /** By counts: how many arrived of those that left; above 1 where the first line misses more. */
  through_share?: number | null;
  through_share_low?: number | null;
  through_share_high?: number | null;
}

/** A link that begins or ends at a place. */
export interface Journey {
  link: string;
  how: "counts" | "view" | "parts";
  from_camera: string;
  from_place: string;
  to_camera: string;
  to_place: string;
  length_m: number;
  windows: JourneyWindow[];
}

/** Lines of several places that are added up, by the hour: a sum is null, unknown, where a part was not watched. */
export interface Screenline {
  name: string;
  parts: { camera: string; place: string; line: string; reversed: boolean }[];
  profile: Profile;
}

/** Sums of a time: movements, speeds, conflicts, the road. A spot stands for five conflicts at least. */
export interface PlaceTold {
  since: string;
  until: string;
  coverage_s: number;
  movements: MovementSum[];
  speeds: { line: string; direction: Direction; speed_m_s_from: number; speed_m_s_to: number; count: number; free: number }[];
  conflicts: { type: string; severity: number; count: number }[];
  spots: ConflictSpot[];
  queues: QueueSum[];
  crossings_on_foot: FootSum[];
  journeys?: Journey[];
  screenlines?: Screenline[];
}

export interface HealthHistory {
  at: string[];
  coverage_s: (number | null)[];
}

export interface GroundCheck {
  usable: boolean;
  why: string | null;
  error_m_rms: number | null;
  points: { error_px: number | null; error_m: number | null }[];
  grid_px: [PointPx, PointPx][];
  /** The point that alone is wrong; errors of the others are then without it. */
  suspect?: number | null;
  /** Where the points put the camera, as words. */
  camera?: string | null;
}

/** What a shape is on the ground, as words, or why it is none. `outline_px`: that of an approach, the middle of a carriageway. */
export interface ShapeCheck {
  why: string | null;
  hint: string | null;
  told: string | null;
  note: string | null;
  outline_px: PointPx[];
  width_m: number | null;
}

export interface RoadCheck {
  approaches: ShapeCheck[];
  carriageways: ShapeCheck[];
}

export interface Road {
  approaches: Approach[];
  carriageways: Carriageway[];
}

/** A link between two lines, `camera/line`; or a route `through` links. */
export interface Link {
  name: string;
  from_line: string | null;
  from_direction: Direction | null;
  to_line: string | null;
  to_direction: Direction | null;
  length_m: number | null;
  speed_m_s_min: number;
  speed_m_s_max: number;
  through: string[];
  /** How near to each other the two lines lie on the ground, and what is odd about it. */
  straight_m?: number | null;
  note?: string | null;
}

export interface Links {
  links: Link[];
  /** The last hour of each link that has one, by name. */
  times?: Record<string, JourneyWindow>;
  /** A sentence, where the times cannot be read. */
  missing?: string | null;
  revision?: string | null;
}

export interface Setup extends Partial<Road> {
  lines: CountingLine[];
  areas: WatchedArea[];
  ground: { points: GroundPoint[] } | null;
  revision?: string | null;
}

export interface Shape {
  id: string;
  kind: Kind;
  box: [number, number, number, number];
  heading_deg: number | null;
  speed_m_s: number | null;
  seen: boolean;
}

export interface SceneNews {
  at: string;
  media_s: number;
  late_s: number;
  shapes: Shape[];
}

export interface CrossingNews {
  camera: string;
  line: string;
  kind: Kind;
  direction: Direction;
  at: string;
  speed_m_s: number | null;
}

/** The node said no. `status` 0: it said nothing at all. `path` names the value that is wrong. */
export class NodeError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint: string = "",
    readonly path: string | null = null,
  ) {
    super(message);
  }
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Placewatch"] = "console";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new NodeError(0, "The node does not answer.", "Is it running, and is the network there?");
  }
  const text = await answer.text();
  let told: unknown = null;
  try {
    told = text ? JSON.parse(text) : null;
  } catch {
    throw new NodeError(answer.status, `The node answered ${answer.status} without JSON.`);
  }
  if (answer.ok) return told as T;
  const said = (told as { error?: { message?: string; hint?: string; path?: string | null } } | null)?.error;
  throw new NodeError(
    answer.status,
    said?.message || `The node answered ${answer.status}.`,
    said?.hint ?? "",
    said?.path ?? null,
  );
}

const camera = (id: string) => `/api/cameras/${encodeURIComponent(id)}`;

export const node = {
  session: () => ask<Session>("GET", "/api/session"),
  signIn: (user: string, password: string) => ask<Session>("POST", "/api/session", { user, password }),
  signOut: () => ask<Session>("DELETE", "/api/session"),
  site: () => ask<Site>("GET", "/api/site"),
  transit: (signal?: AbortSignal) => ask<{ at: string; feeds: Feed[] }>("GET", "/api/transit", undefined, signal),
  camera: (id: string) => ask<Camera>("GET", camera(id)),
  profile: (id: string, hours: number, step_min: number, signal?: AbortSignal) =>
    ask<Profile>("GET", `${camera(id)}/profile?hours=${hours}&step_min=${step_min}`, undefined, signal),
  place: (id: string, hours: number, signal?: AbortSignal) =>
    ask<PlaceTold>("GET", `${camera(id)}/place?hours=${hours}`, undefined, signal),
  /** Where the report of a place is fetched from, as a file. */
  report: (id: string, hours: number) => `${camera(id)}/report?hours=${hours}`,
  health: (id: string, hours: number, step_min: number, signal?: AbortSignal) =>
    ask<HealthHistory>("GET", `${camera(id)}/health?hours=${hours}&step_min=${step_min}`, undefined, signal),
  checkGround: (id: string, points: GroundPoint[]) => ask<GroundCheck>("POST", `${camera(id)}/ground`, { points }),
  checkRoad: (id: string, road: Road, points: GroundPoint[]) =>
    ask<RoadCheck>("POST", `${camera(id)}/road`, { ...road, ground: points.length ? { points } : null }),
  links: () => ask<Links>("GET", "/api/links"),
  saveLinks: (links: Links) => ask<Links>("PUT", "/api/links", links),
  saveSetup: (id: string, setup: Setup) => ask<Camera>("PUT", `${camera(id)}/setup`, setup),
  /** Where the empty street's picture is; `at` makes it a new address when there is a newer one. */
  backdrop: (id: string, at: string) => `${camera(id)}/backdrop.jpg?at=${encodeURIComponent(at)}`,
};
