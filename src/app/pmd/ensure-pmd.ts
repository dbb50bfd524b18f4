/**
 * Sees to it that a port mapper runs: uses the one that does, or starts this program once more in the background, in a
 * session of its own, so that it outlives whoever needed it first. Several may do so at once: the port decides who serves.
 */
import { closeSync, lstatSync, openSync, rmSync } from "node:fs";
import { pause, systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { NOT_RUNNING, PMD_HOST, type PmdClient, type PmdIdentity } from "../../cluster/pmd/index.ts";
import { selfArgv, stateDirectory } from "../self.ts";
import { openPmdClient, type PmdPlace } from "./open-pmd.ts";
import { openForOutput, pmdLogFile, sizeOf, tailOf } from "./pmd-log.ts";

export interface EnsuredPmd extends PmdIdentity {
  /** By this call or another one at the same time. */
  readonly wasStarted: boolean;
}

/** It starts within a tenth of a second; a machine under load may take much longer. */
const START_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 20;
/** A start takes far less: who made this mark has died before it could remove it. */
const MARK_MS_MAX = 5_000;

/**
 * `program` is how this program is started. Fails with `pmd.port_taken_by_epmd`, `pmd.port_taken` or `pmd.other_key` when the
 * port is somebody else's, with `pmd.clock`, and with `pmd.cannot_start`.
 */
export async function ensurePmd(place: PmdPlace, program: readonly string[] = selfArgv()): Promise<EnsuredPmd> {
  const client = openPmdClient(place);
  const running = await identityOf(client);
  if (running) return { ...running, wasStarted: false };
  const mark = `${pmdLogFile(place.port, place.dataDir)}.starting`;
  const logFrom = sizeOf(pmdLogFile(place.port, place.dataDir));
  const endMs = systemClock.monotonic() + START_TIMEOUT_MS;
  let child: Bun.Subprocess | undefined;
  try {
    for (;;) {
      child ??= takeMark(mark) ? spawnPmd(place, program) : undefined;
      const isOver = child?.exitCode !== null && child !== undefined;
      const identity = await identityOf(client);
      if (identity) return { ...identity, wasStarted: true };
      const isLate = systemClock.monotonic() > endMs;
      if (isOver || isLate) throw cannotStart(place, isLate, logFrom);
      await pause(systemClock, LOOK_EVERY_MS);
    }
  } finally {
    if (child) rmSync(mark, { force: true });
  }
}

/** Undefined when there is none and the port is free. */
async function identityOf(client: PmdClient): Promise<PmdIdentity | undefined> {
  try {
    return await client.identify();
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === NOT_RUNNING) return undefined;
    throw thrown;
  }
}

/** Nothing of ours goes with it but the key's directory: no descriptors, no directory, no terminal, and not our end. */
function spawnPmd({ port, dataDir }: PmdPlace, program: readonly string[]): Bun.Subprocess {
  const directory = stateDirectory(dataDir);
  const log = pmdLogFile(port, dataDir);
  const output = openForOutput(log);
  const words = [
    "pmd",
    "start",
    "--foreground",
    "--quiet",
    "--port",
    String(port),
    "--data-dir",
    directory,
    "--log",
    log,
  ];
  try {
    const child = Bun.spawn([...program, ...words], {
      cwd: "/",
      env: process.env,
      detached: true,
      stdin: "ignore",
      stdout: output,
      stderr: output,
    });
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

/**
 * Whether it is on us to start it. A hundred nodes that lose their port mapper at once need not start a hundred; without the
 * mark, or with a stale one, only more than one is started, which does no harm.
 */
function takeMark(path: string): boolean {
  try {
    closeSync(openSync(path, "wx", 0o600));
    return true;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code !== "EEXIST") return true; // no directory yet: then nobody else is at it
    const stats = lstatSync(path, { throwIfNoEntry: false });
    // A mark from the future is stale too: the clock was set back behind it.
    if (stats && Math.abs(systemClock.now() - stats.mtimeMs) > MARK_MS_MAX) rmSync(path, { force: true });
    return false;
  }
}

function cannotStart({ port, dataDir }: PmdPlace, isLate: boolean, logFrom: number): Failure {
  const log = pmdLogFile(port, dataDir);
  const words = tailOf(log, logFrom);
  const what = isLate ? `does not answer after ${START_TIMEOUT_MS} ms` : "ended at once";
  const message = `the port mapper started for ${PMD_HOST}:${port} ${what}${words === "" ? "" : `; it said: ${words}`}; its log is ${log}`;
  return new Failure("pmd.cannot_start", message, { retryable: isLate });
}
