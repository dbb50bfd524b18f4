/**
 * Our supervisor over the common children, as a program of its own: `src/process/supervise` with what a plugin host's process
 * gets at its start, a flag by which the kernel ends it together with its supervisor. ours-supervisor.ts WORDS, where
 * WORDS is JSON: one command line for each child, by name.
 */
import { systemClock } from "../../../../src/base/clock.ts";
import { type RunningChild, Supervision } from "../../../../src/process/supervise/index.ts";
import type { ExitReason } from "../../../../src/protocol/supervision/index.ts";

/** More than the bench ever kills. */
const RESTARTS_MAX = 1_000_000;
const PERIOD_MS = 60_000;
const SHUTDOWN_MS = 2_000;

const commands = JSON.parse(process.argv[2] ?? "{}") as Readonly<Record<string, readonly string[]>>;

const supervision = new Supervision(
  Object.keys(commands).map((id) => ({ id, shutdown: { timeoutMs: SHUTDOWN_MS } })),
  { maxRestarts: RESTARTS_MAX, restartPeriodMs: PERIOD_MS, startup: "together" },
  { clock: systemClock, spawn: (id) => spawn(commands[id]!), escalated: (id, reason) => console.error(id, reason) },
);

function spawn(argv: readonly string[]): RunningChild {
  const exited = Promise.withResolvers<ExitReason>();
  const child = Bun.spawn([...argv], {
    stdio: ["pipe", "ignore", "ignore"],
    env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
    onExit: (_child, exitCode, signal) => {
      exited.resolve({ kind: "crash", detail: `ended with ${signal ?? exitCode}`, exitCode });
    },
  });
  return {
    started: Promise.resolve(),
    exited: exited.promise,
    terminate: (how) => child.kill(how === "kill" ? "SIGKILL" : "SIGTERM"),
  };
}

process.on("SIGTERM", () => void supervision.stop().then(() => process.exit(0)));
await supervision.start();
