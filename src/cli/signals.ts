/** What signals do to a run: the first drains it, a second gives up; the checkpoint says where either way. */
import { readFileSync } from "node:fs";
import type { RunHandle } from "../app/run-pipeline.ts";
import { EXIT } from "./command.ts";

const EXIT_CODES = { SIGHUP: EXIT.sighup, SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm } as const;
type DrainSignal = keyof typeof EXIT_CODES;

export interface SignalListener {
  /** The exit code of the signal that came. */
  readonly code: number | undefined;
  close(): void;
}

export function listenForSignals(
  handle: Pick<RunHandle, "stop" | "abort">,
  note: (text: string) => void,
): SignalListener {
  const state: { code: number | undefined; close(): void } = { code: undefined, close() {} };
  const on = (signal: DrainSignal) => (): void => {
    if (state.code !== undefined) return handle.abort(`a second ${signal}`);
    state.code = EXIT_CODES[signal];
    note(`${signal}: finishing what is under way; once more gives up at once`);
    handle.stop();
  };
  const heard: readonly DrainSignal[] = hangupIsIgnored() ? ["SIGINT", "SIGTERM"] : ["SIGHUP", "SIGINT", "SIGTERM"];
  const listeners = heard.map((signal) => [signal, on(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  state.close = () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
  return state;
}

/** Under nohup the run shall outlive its terminal: a listener would undo that. Known on Linux only. */
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
