/** What the node's side of a service host is given and tells: the options of `ServiceProcess.load` and the calls that come out of it. */
import type { Clock } from "../../base/clock.ts";
import type { HostLimits } from "../limits/index.ts";
import type { HostCommand, HostExit } from "../plugin/index.ts";
import type { BroadcastAnswer, OutgoingServiceCall, ServiceCall, ServiceDescription, ServicePlace } from "./words.ts";

export type ServiceLogLevel = "debug" | "info" | "warn" | "error";

export interface ServiceLogLine {
  readonly level: ServiceLogLevel;
  readonly message: string;
  /** Of the call that said it. */
  readonly traceId?: string | undefined;
}

/** What caches shall forget, everywhere. */
export interface Invalidation {
  readonly tags: readonly string[];
  readonly keys: readonly string[];
}

export interface DiscoverQuery {
  readonly service?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** What the service asks of its node, and what becomes of it. */
export interface ServiceHandlers {
  /** The JSON text of the result. The signal aborts when the asking handler has been given up. */
  outgoing(call: OutgoingServiceCall, signal: AbortSignal): Promise<Uint8Array>;
  /** The JSON text of each item. */
  outgoingStream(call: OutgoingServiceCall, signal: AbortSignal): AsyncIterable<Uint8Array>;
  broadcast(call: OutgoingServiceCall, signal: AbortSignal): Promise<readonly BroadcastAnswer[]>;
  discover(query: DiscoverQuery): readonly ServicePlace[] | Promise<readonly ServicePlace[]>;
  invalidate(what: Invalidation): void | Promise<void>;
  log(line: ServiceLogLine): void;
  /** What the process printed on its own. */
  output(stream: "stdout" | "stderr", line: string): void;
  /** Once, when the process is gone. Calls under way have failed by then. */
  exit(exit: HostExit): void;
}

export interface ServiceLoadOptions {
  /** Absolute path of the module: `.ts`, or a built `.js`. */
  readonly file: string;
  readonly command: HostCommand;
  readonly clock: Clock;
  /** For the process to start and the module to load. */
  readonly timeoutMs: number;
  readonly handlers: ServiceHandlers;
  /** `ctx.node`. */
  readonly node: string;
  readonly limits?: HostLimits | undefined;
  readonly passEnv?: readonly string[] | undefined;
  readonly workDirectory?: string | undefined;
  /** The process is there, though nothing is loaded yet: from now on it can be killed. */
  spawned?(process: { readonly pid: number; kill(reason: string): void }): void;
}

export interface LoadedService<Process> {
  readonly process: Process;
  readonly description: ServiceDescription;
}

/** What those who use a service process rely on. */
export interface ServiceProcessPort {
  readonly pid: number;
  readonly exited: Promise<HostExit>;
  /** Calls and streams that the process has not ended, also those that nobody waits for any more. */
  readonly inFlight: number;
  start(timeoutMs: number): Promise<void>;
  call(call: ServiceCall, signal?: AbortSignal): Promise<Uint8Array>;
  stream(call: ServiceCall, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  health(timeoutMs: number): Promise<void>;
  stop(timeoutMs: number): Promise<HostExit>;
  kill(reason: string): void;
}

export type LoadServiceProcess = (options: ServiceLoadOptions) => Promise<LoadedService<ServiceProcessPort>>;
