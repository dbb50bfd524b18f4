/**
 * The role: a port mapper in this process until somebody ends it. When the port is held by another one of this user, that
 * one does, and this process has nothing to do: of two that start at once one serves, and both starts are done.
 */
import { randomBytes } from "node:crypto";
import { version } from "../../../package.json";
import { pause, systemClock } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import {
  type EndReason,
  type Peer,
  PMD_HOST,
  type PmdIdentity,
  type PmdServer,
  startPmdServer,
} from "../../cluster/pmd/index.ts";
import { startTicksOf } from "../../process/limits/index.ts";
import { openPmdClient, type PmdPlace } from "./open-pmd.ts";
import { ownPmdAuth } from "./pmd-auth.ts";

export interface RunPmdOptions extends PmdPlace {
  readonly log: (text: string) => void;
}

export type PmdRun =
  | { readonly kind: "serving"; readonly port: number; readonly ended: Promise<EndReason>; stop(): void }
  | { readonly kind: "already"; readonly identity: PmdIdentity };

/** The one before may be about to end; its port is free a moment later. */
const BIND_TRIES = 5;
const BIND_PAUSE_MS = 100;

/** Fails as `PmdClient.identify` does when somebody else holds the port. */
export async function runPmd(options: RunPmdOptions): Promise<PmdRun> {
  for (let tries = 1; ; tries++) {
    try {
      return serve(options);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== "pmd.port_in_use") throw thrown;
      const identity = await openPmdClient(options).identify().catch(asFailure);
      if (!(identity instanceof Failure)) return { kind: "already", identity };
      if (identity.code !== "pmd.not_running") throw identity;
      if (tries >= BIND_TRIES) throw thrown;
      await pause(systemClock, BIND_PAUSE_MS);
    }
  }
}

function serve({ port, dataDir, log }: RunPmdOptions): PmdRun {
  const auth = ownPmdAuth(dataDir);
  const server = startPmdServer({
    port,
    pid: process.pid,
    version,
    life: randomBytes(12).toString("base64url"),
    auth,
    clock: systemClock,
    sees: ({ pid, startTime }) => startTime !== undefined && startTicksOf(pid) === startTime,
    changed: (change) =>
      log(`${change.kind} ${placeOf(change.peer)}${change.kind === "leave" ? ` (${change.reason})` : ""}`),
    report: (what, thrown) => log(`defect: ${what}: ${thrown instanceof Error ? thrown.stack : messageOf(thrown)}`),
  });
  log(`port mapper ${version} listens on ${PMD_HOST}:${server.port}, process ${process.pid}`);
  const keys = auth.followKeys(log);
  const stop = Promise.withResolvers<EndReason>();
  server.killed.then(() => stop.resolve("killed"));
  return {
    kind: "serving",
    port: server.port,
    ended: endOf(server, stop.promise).then((reason) => {
      keys.close();
      log(`ended: ${reason}`);
      return reason;
    }),
    stop: () => stop.resolve("stopping"),
  };
}

async function endOf(server: PmdServer, why: Promise<EndReason>): Promise<EndReason> {
  const reason = await why;
  await server.close(reason);
  return reason;
}

function placeOf({ alias, nodeId, host, port, pid }: Peer): string {
  return `${alias} (node ${nodeId}, process ${pid}) at ${host}:${port}`;
}

function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  throw thrown;
}
