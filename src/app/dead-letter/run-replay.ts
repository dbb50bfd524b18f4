/** Where the pipeline of a replay runs: on the master of this node while that leads, else in a process of its own beside the node. */
import { printable } from "../../base/printable.ts";
import { selfArgv } from "../self.ts";

export interface ReplayState {
  readonly state: string;
  readonly detail?: string | undefined;
}

/** A pipeline under way. */
export interface ReplayRun {
  readonly by: "master" | "process";
  readonly id: string;
  state(): ReplayState;
  /** The node ends: a process goes with it, a submission stays. */
  close(): void;
}

export type BeginReplay = (path: string) => Promise<ReplayRun>;

/** What is asked of a master that leads. */
export interface ReplayMaster {
  submit(request: { readonly path: string }): Promise<{ readonly entry: { readonly id: string } }>;
  find(which: string): { view(): { readonly state: string; readonly detail?: string | undefined } };
}

export function replayOnMaster(master: ReplayMaster): BeginReplay {
  return async (path) => {
    const { entry } = await master.submit({ path });
    return {
      by: "master",
      id: entry.id,
      state() {
        const { detail, state } = master.find(entry.id).view();
        return { state, detail };
      },
      close: () => {},
    };
  };
}

/** The end of what a process says of its failure. */
const SAID_CHARS_MAX = 2_000;

/** As anybody would run it on the command line: `ps` shows it, `stop` ends it. */
export function replayInProcess(dataDir: string): BeginReplay {
  return async (path) => {
    const child = Bun.spawn([...selfArgv(), "run", path, "--data-dir", dataDir, "--quiet"], {
      env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    let state: ReplayState = { state: "running" };
    const said = new Response(child.stderr).text().catch(() => "");
    void child.exited.then(async (code) => {
      const detail = printable((await said).trim().slice(-SAID_CHARS_MAX));
      if (code === 0) state = { state: "ended" };
      else state = { state: "failed", detail: detail || `the process ended with code ${code}` };
    });
    return { by: "process", id: String(child.pid), state: () => state, close: () => child.kill() };
  };
}
