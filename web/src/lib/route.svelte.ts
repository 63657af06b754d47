// Which page is shown. The node answers every address with the same document, so history works.

export type Route =
  | { page: "places" }
  | { page: "camera"; id: string }
  | { page: "setup"; id: string }
  | { page: "links" }
  | { page: "missing" };

export function parse(path: string): Route {
  const parts = path.split("/").filter(Boolean).map(decode);
  if (parts.length === 0) return { page: "places" };
  if (parts[0] === "links" && parts.length === 1) return { page: "links" };
  if (parts[0] === "cameras" && parts[1] && parts.length === 2) return { page: "camera", id: parts[1] };
  if (parts[0] === "cameras" && parts[1] && parts[2] === "setup" && parts.length === 3) {
    return { page: "setup", id: parts[1] };
  }
  return { page: "missing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  route = $state<Route>(parse(location.pathname));
  /** Counts the moves, so that a page can put the focus where a reader starts. */
  moves = $state(0);
  /** Asked before the page is left; false keeps it. The set-up page guards its changes with it. */
  mayLeave: ((to: string) => boolean) | null = null;
  #path = location.pathname;

  constructor() {
    addEventListener("popstate", () => {
      if (location.pathname === this.#path) return;
      if (this.mayLeave && !this.mayLeave(location.pathname)) {
        history.pushState(null, "", this.#path);
        return;
      }
      this.#show();
    });
    // Links stay links: they can be copied, opened in a tab, and read by whoever has no mouse.
    document.addEventListener("click", (event) => {
      if (event.defaultPrevented || event.button !== 0) return;
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const link = (event.target as Element | null)?.closest("a");
      if (!link || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
      if (link.hash && link.pathname === location.pathname) return;
      event.preventDefault();
      this.go(link.pathname);
    });
  }

  go(path: string): void {
    if (path === this.#path) return;
    if (this.mayLeave && !this.mayLeave(path)) return;
    history.pushState(null, "", path);
    this.#show();
    scrollTo(0, 0);
  }

  #show(): void {
    this.#path = location.pathname;
    this.route = parse(location.pathname);
    this.moves += 1;
  }
}

export const router = new Router();
export const to = {
  places: "/",
  links: "/links",
  camera: (id: string) => `/cameras/${encodeURIComponent(id)}`,
  setup: (id: string) => `/cameras/${encodeURIComponent(id)}/setup`,
};
