/** Light, dark, or as the system has it: kept by the browser, shown by an attribute that the style sheet looks at. */

export type Theme = "auto" | "light" | "dark";

const KEY = "distributed_system.theme";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

export function storedTheme(): Theme {
  const stored = readStored();
  return THEMES.find((each) => each === stored) ?? "auto";
}

export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // a browser that keeps nothing shows it until the page is left
  }
}

function readStored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // as if nothing had been kept
  }
}
