/**
 * What signals do to a run: SIGINT and SIGTERM drain it, a second one gives up; the checkpoint says where either way. SIGHUP
 * reads the pipeline file again, as for any service; but when it comes because the terminal has gone away, it drains as well.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import type { RunHandle } from "../app/run-pipeline.ts";
import { EXIT } from "./command.ts";

const EXIT_CODES = { SIGHUP: EXIT.sighup, SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm } as const;
type DrainSignal = keyof typeof EXIT_CODES;

export interface SignalListener {
  /** The exit code of the signal that came. */
  readonly code: number | undefined;
  close(): void;
}

export interface SignalActions extends Pick<RunHandle, "stop" | "abort"> {
  reload(): void;
  note(text: string): void;
  /** Whether the terminal that the program was started from is gone. */
  terminalIsGone(): boolean;
}

export function listenForSignals(actions: SignalActions): SignalListener {
  const state: { code: number | undefined; close(): void } = { code: undefined, close() {} };
  const drain = (signal: DrainSignal): void => {
    if (state.code !== undefined) return actions.abort(`a second ${signal}`);
    state.code = EXIT_CODES[signal];
    actions.note(`${signal}: finishing what is under way; once more gives up at once`);
    actions.stop();
  };
  const on = (signal: DrainSignal): void => {
    if (signal !== "SIGHUP") return drain(signal);
    if (actions.terminalIsGone() && !hangupWasIgnored) drain(signal);
    else actions.reload();
  };
  const hangupWasIgnored = hangupIsIgnored();
  const listeners = (["SIGHUP", "SIGINT", "SIGTERM"] as const).map((signal) => [signal, () => on(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  state.close = () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
  return state;
}

/** Asks later whether the terminal of now is gone; always false without one. */
export function watchTerminal(): () => boolean {
  const had = canOpenTerminal();
  return () => had && !canOpenTerminal();
}

/** The controlling terminal of this session; after a hang-up there is none. */
function canOpenTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/** Under nohup the run shall outlive its terminal. Known on Linux only. */
function hangupIsIgnored(): boolean {
  try {
    return ignoresHangup(readFileSync("/proc/self/status", "utf8"));
  } catch {
    return false; // no /proc
  }
}

/** SigIgn is a mask in hexadecimal; SIGHUP, number 1, is its lowest bit. */
export function ignoresHangup(status: string): boolean {
  const lowest = /^SigIgn:\s*[0-9a-f]*([0-9a-f])$/im.exec(status)?.[1];
  return lowest !== undefined && (Number.parseInt(lowest, 16) & 1) === 1;
}
