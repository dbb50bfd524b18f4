/**
 * A port mapper that listens: the registry, its watchers and the contract behind one port of the loopback address. It
 * belongs to one user, and its state is in memory only: nodes register again within a heart-beat after a restart.
 */
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import type { EndReason } from "./contract.ts";
import { changeText, createHandler, endText } from "./handler.ts";
import type { PmdAuth } from "./identity.ts";
import { BODY_BYTES_MAX, CLOSE_DRAIN_MS, IDLE_SECONDS_MAX, PMD_HOST } from "./limits.ts";
import type { Peer, PeerChange } from "./peer.ts";
import { Registrar } from "./registrar.ts";
import { WatchHub } from "./watch-hub.ts";

export interface PmdServerOptions {
  /** 0 for any that is free. */
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  /** Random, another one for each start. */
  readonly life: string;
  readonly auth: PmdAuth;
  readonly clock: Clock;
  /** Whether the process with the peer's number and start time is alive, as seen from here. */
  readonly sees: (peer: Peer) => boolean;
  /** Hears of every change. */
  readonly changed?: (change: PeerChange) => void;
  /** Hears of defects. */
  readonly report?: (what: string, thrown: unknown) => void;
}

export interface PmdServer {
  readonly port: number;
  /** Somebody called `kill`: whoever started the server closes it then. */
  readonly killed: Promise<void>;
  /** Watchers are told why, calls under way get their answers. */
  close(reason: EndReason): Promise<void>;
}

type Handle = (request: Request, server: Bun.Server<undefined>) => Promise<Response>;

/** Fails with `pmd.port_in_use`: somebody listens there, who has to be asked. */
export function startPmdServer(options: PmdServerOptions): PmdServer {
  const { auth, clock, life, pid, report, version } = options;
  let handle: Handle | undefined;
  const server = listen(options.port, (request, self) => handle!(request, self));
  const port = server.port!; // it listens on a port
  const killed = Promise.withResolvers<void>();
  const hub = new WatchHub({ clock, tooSlow: endText("slow") });
  const registrar = new Registrar({
    clock,
    sees: options.sees,
    changed: (change) => {
      options.changed?.(change);
      hub.publish(changeText(change));
    },
    failed: (thrown) => report?.("the registry", thrown),
  });
  const self = { pid, version, life, port };
  const answer = createHandler({ registrar, hub, auth, clock, self, report, kill: killed.resolve });
  handle = (request, { timeout }) => {
    // A watcher may be silent for long; one that was dropped has little time left to read why.
    if (new URL(request.url).pathname === "/watch") timeout.call(server, request, 0);
    return answer(request, { letGo: () => server.timeout(request, IDLE_SECONDS_MAX) });
  };
  const end = async (reason: EndReason): Promise<void> => {
    hub.end(endText(reason));
    await drain(server, clock);
    registrar.close();
  };
  let closed: Promise<void> | undefined;
  const close = (reason: EndReason): Promise<void> => {
    closed ??= end(reason);
    return closed;
  };
  return { port, killed: killed.promise, close };
}

function listen(port: number, handle: Handle): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname: PMD_HOST,
      port,
      idleTimeout: IDLE_SECONDS_MAX,
      maxRequestBodySize: BODY_BYTES_MAX,
      fetch: handle,
    });
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code; // the system's errors carry one
    const inUse = code === "EADDRINUSE";
    throw new Failure(
      inUse ? "pmd.port_in_use" : "pmd.cannot_listen",
      `cannot listen on ${PMD_HOST}:${port}: ${inUse ? "another program does" : messageOf(thrown)}; a free port is required`,
      { cause: thrown },
    );
  }
}

/** Takes no more, lets what is under way end for a moment. */
async function drain(server: Bun.Server<undefined>, clock: Clock): Promise<void> {
  const drained = new AbortController();
  const stopped = server.stop().finally(() => drained.abort());
  await pause(clock, CLOSE_DRAIN_MS, drained.signal);
  if (!drained.signal.aborted) await server.stop(true);
  await stopped;
}
