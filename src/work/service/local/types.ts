/** What the services of a node are given, and what is told of them. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type {
  LoadedService,
  ServiceHandlers,
  ServiceLogLine,
  ServiceProcessPort,
} from "../../../process/service/index.ts";
import type { ServiceDoor } from "../words/index.ts";

/** What is different for each process; how processes are started at all is settled by whoever gives `load`. */
export interface HostRequest {
  /** Absolute path of the module. */
  readonly file: string;
  readonly timeoutMs: number;
  readonly handlers: ServiceHandlers;
  spawned(process: { readonly pid: number; kill(reason: string): void }): void;
}

export type LoadHost = (request: HostRequest) => Promise<LoadedService<ServiceProcessPort>>;

export interface CachedUnder {
  readonly ttlMs: number;
  readonly tags: readonly string[];
  /** How long a `…not_found` failure is kept; not at all when left out. */
  readonly negativeTtlMs?: number | undefined;
}

/** Where answers of methods are kept. Values are the bytes of JSON texts. */
export interface ServiceCache {
  get(key: string, load: () => Promise<Uint8Array>, under: CachedUnder): Promise<Uint8Array>;
  /** Everywhere. */
  invalidate(what: { readonly tags?: readonly string[]; readonly keys?: readonly string[] }): void | Promise<void>;
}

/** Which service or process something is said of: `users@1.2.0`, or the file while that is not known. */
export type ServiceLabel = string;

/** What happens, for logs and events. */
export type ServiceNotice =
  | { readonly kind: "serves"; readonly service: ServiceLabel; readonly file: string; readonly processes: number }
  | { readonly kind: "swapped"; readonly service: ServiceLabel; readonly from: ServiceLabel; readonly file: string }
  | {
      readonly kind: "process_ended";
      readonly service: ServiceLabel;
      readonly pid: number | undefined;
      readonly reason: string;
    }
  | { readonly kind: "unhealthy"; readonly service: ServiceLabel; readonly pid: number; readonly reason: string }
  | { readonly kind: "failed"; readonly service: ServiceLabel; readonly file: string; readonly reason: string }
  | { readonly kind: "stopped"; readonly service: ServiceLabel; readonly file: string };

export interface LocalSettings {
  /** Absolute paths. */
  readonly directories: readonly string[];
  /** Names that no service may have: those of this program's own contracts. */
  readonly reserved: readonly string[];
  /** Look at the files once in a while, and do what `rescan` does when they have changed. */
  readonly watch?: boolean;
  /** What calls under way get to end in when their process is replaced or stopped. */
  readonly drainMs?: number;
}

export interface LocalPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly load: LoadHost;
  /** For what services ask of others. Not there before the node is put together. */
  readonly door: () => ServiceDoor | undefined;
  readonly cache?: ServiceCache | undefined;
  /** What a service logs, and what its process prints. */
  readonly log: (service: ServiceLabel, line: ServiceLogLine) => void;
  readonly output: (service: ServiceLabel, stream: "stdout" | "stderr", line: string) => void;
  readonly notice: (notice: ServiceNotice) => void;
}

/** One process, for people and metrics. */
export interface ProcessStatus {
  readonly pid: number | undefined;
  /** `unhealthy` serves still, and is not offered. */
  readonly state: "starting" | "serving" | "unhealthy" | "draining" | "ended";
  readonly inFlight: number;
}

export type ServiceState = "starting" | "running" | "restarting" | "failed" | "stopping";

/** One file with a service in it. */
export interface ServiceStatus {
  readonly file: string;
  /** Left out until its module has been loaded once. */
  readonly name?: string;
  readonly version?: string;
  readonly state: ServiceState;
  /** Why it is failed. */
  readonly fault?: string;
  /** Processes started again since the service was found. */
  readonly restarts: number;
  readonly processes: readonly ProcessStatus[];
  /** Calls that wait for a process. */
  readonly waiting: number;
  /** Calls that were handed to a process, since the service was found. */
  readonly calls: number;
}

export interface FaultOfFile {
  readonly file: string;
  readonly message: string;
}

export interface RescanReport {
  readonly started: readonly ServiceLabel[];
  readonly swapped: readonly ServiceLabel[];
  readonly stopped: readonly ServiceLabel[];
  readonly unchanged: readonly ServiceLabel[];
  /** Still at it; what becomes of them is told as it happens. */
  readonly starting: readonly ServiceLabel[];
  readonly faults: readonly FaultOfFile[];
}
