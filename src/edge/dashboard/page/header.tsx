/** Which node tells all this, how fresh it is, how far back plots go, and who looks. */
import { useEffect, useReducer, useState } from "preact/hooks";
import { systemClock } from "../../../base/clock.ts";
import type { Identity } from "./logic/access.ts";
import { age, plural } from "./logic/numbers.ts";
import type { Live } from "./state/live.ts";
import type { PollState } from "./state/poller.ts";
import { applyTheme, nextTheme, storedTheme } from "./state/theme.ts";

interface HeaderProps {
  readonly live: Live;
  readonly identity: Identity | undefined;
  readonly windowMs: number;
  readonly setWindowMs: (windowMs: number) => void;
  readonly signOut: () => void;
}

const WINDOWS = [1, 5, 15].map((minutes) => ({ minutes, windowMs: minutes * 60_000 }));

export function Header({ live, identity, windowMs, setWindowMs, signOut }: HeaderProps) {
  const { overview } = live;
  const alive = overview?.nodes.filter(({ state }) => state === "alive").length ?? 0;
  const count = overview?.nodes.length ?? 0;
  return (
    <header class="top">
      <h1 class="brand">distributed_system</h1>
      {overview && (
        <p class="asked">
          <span class="mono">{overview.node}</span>
          <span class="quiet"> {overview.version}</span>
          <span class="quiet">
            {" "}
            · {alive === count ? plural(count, "node") : `${alive} of ${plural(count, "node")} alive`}
          </span>
        </p>
      )}
      <Freshness live={live} />
      <span class="grow" />
      <label class="inline">
        <span class="hidden-narrow">Plots</span>
        <select
          aria-label="How far back plots go"
          value={String(windowMs)}
          onChange={(event) => setWindowMs(Number(event.currentTarget.value))}
        >
          {WINDOWS.map(({ minutes, windowMs: each }) => (
            <option key={each} value={String(each)}>
              {minutes} min
            </option>
          ))}
        </select>
      </label>
      <ThemeButton />
      {identity && (
        <span class="who" title={`signed in as ${identity.name}`}>
          {identity.role}
        </span>
      )}
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </header>
  );
}

const WORDS = {
  connecting: "connecting",
  live: "live",
  paused: "paused",
  failing: "stale",
  "signed-out": "signed out",
};

/** Says “stale since” itself, second by second, for nothing else does while nobody answers. */
function Freshness({ live }: { readonly live: Live }) {
  const { state, tookMs } = live;
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const isStale = state.kind === "failing";
  useEffect(() => {
    if (!isStale) return;
    let timer = systemClock.after(1_000, function again() {
      draw(undefined);
      timer = systemClock.after(1_000, again);
    });
    return () => timer.cancel();
  }, [isStale]);
  return (
    <p class={`freshness ${state.kind}`} title={titleOf(state)}>
      <span class="dot" aria-hidden="true" />
      <span aria-live="polite">{WORDS[state.kind]}</span>
      {isStale && tookMs > 0 && <span> since {age(systemClock.now() - tookMs)}</span>}
      {isStale && <span class="why hidden-narrow">: {state.problem}</span>}
    </p>
  );
}

function titleOf(state: PollState): string {
  return state.kind === "failing" || state.kind === "signed-out" ? state.problem : "asked once a second";
}

const THEME_WORDS = { auto: "Auto", light: "Light", dark: "Dark" } as const;

function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme);
  const change = (): void => {
    const next = nextTheme(theme);
    applyTheme(next);
    setTheme(next);
    dispatchEvent(new Event("theme"));
  };
  return (
    <button type="button" onClick={change} aria-label={`Colours: ${THEME_WORDS[theme]}. Change`}>
      <span aria-hidden="true">◐ </span>
      {THEME_WORDS[theme]}
    </button>
  );
}
