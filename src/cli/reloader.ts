/** Reloads a run when it is asked to, one reload at a time, and tells people what came of it. */
import type { ChangeReport, RunHandle, WatchedFile } from "../app/run-pipeline.ts";
import { messageOf } from "../base/errors.ts";
import { printableLines } from "../base/printable.ts";

export interface ReloadPorts {
  note(text: string): void;
  /** The files that make the run may be others now. */
  follow(files: readonly WatchedFile[]): void;
}

/** Calls while a reload is under way become one more after it. */
export function reloader(handle: Pick<RunHandle, "reload" | "files">, ports: ReloadPorts): () => void {
  let asked = false;
  let working = false;
  const work = async (): Promise<void> => {
    working = true;
    while (asked) {
      asked = false;
      ports.note(await reloaded(handle));
      ports.follow(handle.files());
    }
    working = false;
  };
  return () => {
    asked = true;
    if (!working) void work();
  };
}

async function reloaded(handle: Pick<RunHandle, "reload">): Promise<string> {
  try {
    return `reloaded: ${changeText(await handle.reload())}`;
  } catch (thrown) {
    return printableLines(`not reloaded, the stages stay as they were: ${messageOf(thrown)}`);
  }
}

export function changeText({ added, changed, moved, removed }: ChangeReport): string {
  const parts = [
    ["added", added],
    ["removed", removed],
    ["changed", changed],
    ["with other neighbours", moved],
  ] as const;
  const told = parts.filter(([, names]) => names.length > 0).map(([word, names]) => `${word} ${names.join(", ")}`);
  return told.length > 0 ? told.join("; ") : "nothing has changed";
}
