/** What every component may use: the live data, who looks, and the way to act. */
import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Overview } from "../../words.ts";
import type { Identity } from "../logic/access.ts";
import type { Action } from "../logic/actions.ts";
import type { Live } from "./live.ts";

export interface Board {
  readonly live: Live;
  readonly overview: Overview;
  readonly identity: Identity;
  /** How far back plots go. */
  readonly windowMs: number;
  /** By this machine's clock: of the last answer, so that a page that stands still shows no time going by. */
  readonly nowMs: number;
  /** Shows a dialog first. */
  readonly act: (action: Action) => void;
}

/** Set by the shell around all views. */
export const BoardContext = createContext<Board | undefined>(undefined);

export function useBoard(): Board {
  const board = useContext(BoardContext);
  if (!board) throw new Error("a component of the board stands outside of it");
  return board;
}

/** Draws the component again whenever the live data change. */
export function useLive(live: Live): void {
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => live.onChange(() => draw(undefined)), [live]);
}
