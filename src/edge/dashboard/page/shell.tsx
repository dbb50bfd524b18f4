/** The frame around the views: header, tabs, the view that is chosen, the dialog of an action, and what is told of it afterwards. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { systemClock } from "../../../base/clock.ts";
import { Header } from "./header.tsx";
import type { Identity } from "./logic/access.ts";
import type { Action } from "./logic/actions.ts";
import { ActionDialog } from "./parts/action-dialog.tsx";
import { TabList, type TabName, tabOf } from "./parts/tabs.tsx";
import type { Call } from "./state/api.ts";
import { type Board, BoardContext, useLive } from "./state/board.ts";
import type { Live } from "./state/live.ts";
import { View } from "./views/view.tsx";

interface ShellProps {
  readonly live: Live;
  readonly call: Call;
  readonly identity: Identity | undefined;
  readonly signOut: () => void;
}

/** What was done is told for as long as it takes to read it. */
const TOLD_MS = 6_000;
const WINDOW_MS = 5 * 60_000;

const NOBODY: Identity = { name: "", role: "", mayOperate: false };

export function Shell({ live, call, identity, signOut }: ShellProps) {
  useLive(live);
  const [tab, choose] = useTab();
  const [action, setAction] = useState<Action>();
  const [told, tell] = useTold();
  const [windowMs, setWindowMs] = useState(WINDOW_MS);
  const { overview, tookMs } = live;
  const board = useMemo<Board | undefined>(
    () => overview && { live, overview, identity: identity ?? NOBODY, windowMs, nowMs: tookMs, act: setAction },
    [live, overview, identity, windowMs, tookMs],
  );
  const done = useCallback(
    (text: string) => {
      setAction(undefined);
      tell(text);
      live.look();
    },
    [live, tell],
  );
  return (
    <>
      <button type="button" class="skip" onClick={skip}>
        Skip to content
      </button>
      <Header live={live} identity={identity} windowMs={windowMs} setWindowMs={setWindowMs} signOut={signOut} />
      <TabList chosen={tab} choose={choose} overview={overview} />
      <main id="main" tabIndex={-1}>
        {board ? (
          <BoardContext.Provider value={board}>
            <View tab={tab} />
          </BoardContext.Provider>
        ) : (
          <FirstLook live={live} />
        )}
      </main>
      <p class={told === undefined ? "told" : "told shown"} role="status">
        {told}
      </p>
      {action && <ActionDialog action={action} call={call} cancel={() => setAction(undefined)} done={done} />}
    </>
  );
}

/** No link: the address names the tab. */
function skip(): void {
  document.getElementById("main")?.focus();
}

function FirstLook({ live }: { readonly live: Live }) {
  const { state } = live;
  return <p class="empty">{state.kind === "failing" ? state.problem : "Looking at the cluster…"}</p>;
}

function useTab(): readonly [TabName, (tab: TabName) => void] {
  const [tab, setTab] = useState(() => tabOf(location.hash));
  useEffect(() => {
    const follow = (): void => setTab(tabOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const choose = useCallback((next: TabName) => {
    history.replaceState(null, "", `#${next}`);
    setTab(next);
  }, []);
  return [tab, choose];
}

function useTold(): readonly [string | undefined, (text: string) => void] {
  const [told, tell] = useState<string>();
  useEffect(() => {
    if (told === undefined) return;
    const timer = systemClock.after(TOLD_MS, () => tell(undefined));
    return () => timer.cancel();
  }, [told]);
  return [told, tell];
}
