// The site as it is now: asked for once, then kept true by the node's events.

import { node, NodeError, type Camera, type CameraNews, type CrossingNews, type SceneNews, type Session, type Site } from "./api";

const SILENCE_S = 6; // the node speaks each second; this long without a word, it is away
const RETRY_S = [1, 2, 4, 8, 15];

type Listeners = {
  scene: Set<(news: SceneNews, camera: string) => void>;
  crossing: Set<(news: CrossingNews) => void>;
  /** Null: any camera may have been set up anew. */
  setup: Set<(camera: string | null) => void>;
};

class Live {
  session = $state<Session | null>(null);
  site = $state<Omit<Site, "cameras"> | null>(null);
  cameras = $state<Camera[]>([]);
  /** Why nothing could be loaded at all; null once something was. */
  failure = $state<NodeError | null>(null);
  /** False while the node is silent; pages then say that what they show is old. */
  answering = $state(true);
  heard = $state<number | null>(null);
  /** The node's clock in ms as of now: the browser's own may be wrong. */
  now = $state(Date.now());

  #stream: EventSource | null = null;
  #following: string | null = null;
  #followed: string | null = null;
  #turning: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #last = 0;
  #skew_ms = 0;
  #listeners: Listeners = { scene: new Set(), crossing: new Set(), setup: new Set() };

  constructor() {
    setInterval(() => this.#tick(), 1000);
    document.addEventListener("visibilitychange", () => {
      // A hidden page asks for nothing; browsers grant a host only six connections.
      if (document.hidden) this.#close();
      else if (this.signedIn && this.site) this.#open();
    });
  }

  get signedIn(): boolean {
    return this.session !== null && (!this.session.required || this.session.user !== null);
  }

  get maySetUp(): boolean {
    return this.session?.role === "technician";
  }

  camera(id: string): Camera | undefined {
    return this.cameras.find((one) => one.id === id);
  }

  async start(): Promise<void> {
    try {
      this.session = await node.session();
      if (this.signedIn) await this.load();
      this.failure = null;
      this.#attempts = 0;
    } catch (error) {
      this.failure = error instanceof NodeError ? error : new NodeError(0, String(error));
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.start(), this.#pause_ms());
    }
  }

  /** The whole site afresh. */
  async load(): Promise<void> {
    const { cameras, ...site } = await node.site();
    this.site = site;
    this.cameras = cameras;
    this.#setClock(site.at);
    this.#last = performance.now();
    if (!this.#stream && !document.hidden) this.#open();
  }

  async refresh(id: string): Promise<Camera> {
    const camera = await node.camera(id);
    this.take(camera);
    return camera;
  }

  take(camera: Camera): void {
    const index = this.cameras.findIndex((one) => one.id === camera.id);
    if (index >= 0) this.cameras[index] = camera;
    else this.cameras.push(camera);
  }

  async signIn(user: string, password: string): Promise<void> {
    this.session = await node.signIn(user, password);
    await this.load();
  }

  async signOut(): Promise<void> {
    this.#close();
    this.session = await node.signOut();
    this.site = null;
    this.cameras = [];
    if (this.signedIn) await this.load();
  }

  /** Whose scene is wanted: one camera at a time, so that one connection is enough. */
  follow(id: string | null): void {
    if (id === this.#following) return;
    this.#following = id;
    // Going from page to page asks twice in a row; the stream is opened once.
    clearTimeout(this.#turning);
    this.#turning = setTimeout(() => {
      if (this.#stream && this.#followed !== this.#following) this.#open();
    }, 20);
  }

  on<K extends keyof Listeners>(event: K, listener: Listeners[K] extends Set<infer L> ? L : never): () => void {
    const listeners = this.#listeners[event] as Set<typeof listener>;
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  #open(): void {
    this.#close();
    const followed = (this.#followed = this.#following);
    const stream = new EventSource(followed ? `/api/events?camera=${encodeURIComponent(followed)}` : "/api/events");
    this.#stream = stream;
    this.#last = performance.now();
    const hear = <T>(event: string, take: (news: T) => void) =>
      stream.addEventListener(event, (message) => {
        if (this.#stream !== stream) return;
        this.#last = performance.now();
        take(JSON.parse((message as MessageEvent<string>).data) as T);
      });
    let first = true;
    hear<{ at: string; cameras: CameraNews[] }>("cameras", (news) => {
      if (first) {
        // What was saved between two streams was told to nobody here.
        if (followed && this.camera(followed)) void this.refresh(followed).catch(() => undefined);
        for (const listener of this.#listeners.setup) listener(null);
        first = false;
      }
      this.answering = true;
      this.#attempts = 0;
      this.#setClock(news.at);
      this.heard = this.now;
      this.#merge(news.cameras);
    });
    hear<SceneNews>("scene", (news) => {
      if (followed) for (const listener of this.#listeners.scene) listener(news, followed);
    });
    hear<CrossingNews>("crossing", (news) => {
      for (const listener of this.#listeners.crossing) listener(news);
    });
    hear<{ camera: string }>("setup", (news) => {
      void this.refresh(news.camera).catch(() => undefined);
      for (const listener of this.#listeners.setup) listener(news.camera);
    });
    stream.onerror = () => {
      if (this.#stream === stream) this.#lose();
    };
  }

  #merge(news: CameraNews[]): void {
    let stranger = false;
    for (const { backdrop_at, ...fresh } of news) {
      const camera = this.camera(fresh.id);
      if (!camera) {
        stranger = true;
        continue;
      }
      const known = camera.width_px !== null;
      const fell = backdrop_at !== (camera.backdrop?.at ?? null);
      Object.assign(camera, fresh);
      if (fell) camera.backdrop = backdrop_at ? { at: backdrop_at, known_share: camera.backdrop?.known_share ?? 0 } : null;
      // The picture's size and the share that is known only stand in the whole answer.
      if (fell || (!known && camera.state === "watching")) void this.refresh(camera.id).catch(() => undefined);
    }
    if (stranger || news.length !== this.cameras.length) void this.load().catch(() => undefined);
  }

  #lose(): void {
    this.#close();
    this.answering = false;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#recover(), this.#pause_ms());
  }

  /** The stream broke: is the node away, or did the session end? */
  async #recover(): Promise<void> {
    if (document.hidden) return;
    try {
      this.session = await node.session();
      if (this.signedIn) await this.load();
      if (this.signedIn && !this.#stream) this.#open();
    } catch {
      this.#lose();
    }
  }

  #tick(): void {
    this.now = Date.now() + this.#skew_ms;
    if (this.#stream && performance.now() - this.#last > SILENCE_S * 1000) this.#lose();
  }

  #setClock(at: string): void {
    const told = Date.parse(at);
    if (Number.isNaN(told)) return;
    this.#skew_ms = told - Date.now();
    this.now = told;
  }

  #pause_ms(): number {
    const pause_s = RETRY_S[Math.min(this.#attempts++, RETRY_S.length - 1)] ?? 15;
    return pause_s * 1000 * (0.8 + 0.4 * Math.random());
  }

  #close(): void {
    this.#stream?.close();
    this.#stream = null;
  }
}

export const live = new Live();
