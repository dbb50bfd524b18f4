/**
 * The control socket of a running instance: HTTP on a unix socket that only this user can open, and beside it a file that
 * says who listens. What is answered is made when the first request comes, and is not its business.
 */
import { rmSync } from "node:fs";
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { type InstanceEntry, readEntries, removeOwnEntry, writeEntry } from "./entries.ts";
import { makePrivateDirectory, makePrivateSocket } from "./private-directory.ts";
import { ownIdentity } from "./process-identity.ts";
import { instancesDirectory, makeSocketPlace, type SocketSurroundings, socketSurroundings } from "./socket-place.ts";

export type Handler = (request: Request) => Promise<Response>;

export interface ControlServerOptions {
  readonly dataDir: string;
  readonly info: Pick<InstanceEntry, "command" | "pipeline" | "version" | "startedMs">;
  /** Makes what answers, at the first request: a run that nobody asks anything pays for a socket only. */
  readonly open: () => Promise<Handler>;
  readonly clock: Clock;
  readonly surroundings?: SocketSurroundings;
}

export interface ControlServer {
  /** Where it listens; undefined when it could not be opened. */
  readonly path: string | undefined;
  /** Takes no more calls, lets those under way end for a moment, and removes its files. */
  close(): Promise<void>;
}

/** For the answer to whoever asked for the end: written in far less, and nobody's reading may hold up the end. */
const CLOSE_DRAIN_MS = 2_000;

/** Records that are posted have 16 MiB at most; what answers calls has a limit of its own, below this one, and says so in words. */
const BODY_BYTES_MAX = 17 * 1024 * 1024;

/** Fails with `control.…` when it cannot be opened. One per process and data directory. */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { dataDir, clock, open } = options;
  const entry = place(options);
  const server = listen(entry.socket, open);
  const removeFiles = (): void => removeOwnEntry(dataDir, entry);
  try {
    makePrivateSocket(entry.socket);
    writeEntry(dataDir, entry);
  } catch (thrown) {
    await server.stop(true);
    rmSync(entry.socket, { force: true });
    throw toFailure(thrown, "control.cannot_open");
  }
  process.once("exit", removeFiles); // also where nobody closes: a second signal, a defect
  const end = async (): Promise<void> => {
    process.off("exit", removeFiles);
    removeFiles();
    const drained = new AbortController();
    const stopped = server.stop().finally(() => drained.abort());
    await pause(clock, CLOSE_DRAIN_MS, drained.signal);
    if (!drained.signal.aborted) await server.stop(true);
    await stopped;
  };
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= end();
    return closed;
  };
  return { path: entry.socket, close };
}

/** Clears what dead processes have left, one with this very number among them, and says where to listen. */
function place({ dataDir, info, surroundings }: ControlServerOptions): InstanceEntry {
  const identity = ownIdentity();
  const { command, pipeline, version, startedMs } = info;
  try {
    makePrivateDirectory(instancesDirectory(dataDir));
    const taken = readEntries(dataDir).find(({ pid }) => pid === identity.pid);
    const socket = makeSocketPlace(dataDir, identity.pid, surroundings ?? socketSurroundings());
    if (taken) {
      const whose =
        taken.startTime === identity.startTime ? "this process itself" : `process ${taken.pid} of ${taken.host}`;
      throw new Failure("control.in_use", `${taken.socket} is in use by ${whose}; one socket per process is possible`);
    }
    rmSync(socket, { force: true });
    return { ...identity, socket, command, pipeline, version, startedMs };
  } catch (thrown) {
    throw toFailure(thrown, "control.cannot_open");
  }
}

function listen(socket: string, open: () => Promise<Handler>): Bun.Server<undefined> {
  let handler: Promise<Handler> | undefined;
  try {
    const server = Bun.serve({
      unix: socket,
      maxRequestBodySize: BODY_BYTES_MAX,
      async fetch(request, self) {
        self.timeout(request, 0); // a call may take long without a byte; it has a deadline of its own
        handler ??= open();
        return (await handler)(request);
      },
    });
    server.unref();
    return server;
  } catch (thrown) {
    throw toFailure(thrown, "control.cannot_open");
  }
}
