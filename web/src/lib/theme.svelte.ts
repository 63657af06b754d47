// Light and dark: the system's, unless somebody chose.

export type Theme = "system" | "light" | "dark";
const KEY = "placewatch.theme";

function stored(): Theme {
  try {
    const chosen = localStorage.getItem(KEY);
    return chosen === "light" || chosen === "dark" ? chosen : "system";
  } catch {
    return "system";
  }
}

class Light {
  chosen = $state<Theme>(stored());
  dark = $state(document.documentElement.dataset.theme === "dark");
  #system = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    this.#system.addEventListener("change", () => this.#apply());
  }

  choose(theme: Theme): void {
    this.chosen = theme;
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // Storage may be blocked; the choice then lasts until the page is closed.
    }
    this.#apply();
  }

  #apply(): void {
    this.dark = this.chosen === "dark" || (this.chosen === "system" && this.#system.matches);
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
  }
}

export const light = new Light();
