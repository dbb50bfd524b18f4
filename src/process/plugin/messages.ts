/**
 * The words between the daemon and a plugin host, over the socket that the host inherits as descriptor 3. The host opens
 * with one handshake line, `distributed-system|PROTOCOL|API|PID|json`; from then on each side sends JSON objects, one a
 * line. Batches never travel here: they lie in shared memory (descriptors 4 and 5) and only their place is named; state on
 * its way to or from a host lies in a segment of its own (6). Any language that can read lines and map a file can be a host.
 */
import type { FailureJson } from "../../base/errors.ts";
import type { ParamFault, ParamSchema, PluginInfo, SelectRequest } from "../../sdk/index.ts";

export const PROTOCOL_VERSION = 1;
export const HANDSHAKE_NAME = "distributed-system";

export const CONTROL_FD = 3;
export const INPUT_FD = 4;
export const OUTPUT_FD = 5;
export const STATE_FD = 6;

/** Longest control line. A state or a batch that its segment has no room for travels base64 in one; all else is under a kilobyte. */
export const MESSAGE_BYTES_MAX = 128 * 2 ** 20;

/** A place in a segment: [offset, length] in bytes. */
export type Place = readonly [offset: number, length: number];

/** Bytes outside of the edges: a place in the state segment, or the bytes themselves as base64 where that has no room. */
export type Carried = Place | string;

/** Half-open range of row numbers. */
export type RowRange = readonly [from: number, to: number];

/** A record that goes no further, for the reason given. */
export interface DeadRow {
  readonly row: number;
  readonly reason: string;
  readonly attempts: number;
}

export interface LoadMessage {
  readonly t: "load";
  /** Absolute path of the plugin's module, or `builtin:identity`. */
  readonly library: string;
  readonly pipeline: string;
  readonly run: string;
  readonly stage: string;
  readonly lane: number;
}

export interface CheckMessage {
  readonly t: "check";
  readonly params: Readonly<Record<string, unknown>>;
}

export interface StartMessage {
  readonly t: "start";
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Left out where nothing is ever carried. */
  readonly stateBytes?: number;
}

/** Between `start` and the first batch: the state that a host of this stage gave before. */
export interface RestoreMessage {
  readonly t: "restore";
  readonly state: Carried;
}

/** Asks for the state between two batches. The answer is `state`, in the room given if it fits there. */
export interface SnapshotMessage {
  readonly t: "snapshot";
  readonly request: number;
  readonly room?: Place;
}

/**
 * A batch that has passed this stage: an idle host goes over it as in a probe, to be quick later and to show that it can. A plugin
 * whose batches depend on each other does not run. The answer is `warmed`; other work that comes meanwhile ends it early.
 */
export interface WarmMessage {
  readonly t: "warm";
  readonly batch: Carried;
  readonly encoding: ProcessMessage["encoding"];
}

/** Runs the plugin's `health`. The answer is `healthy`. */
export interface HealthMessage {
  readonly t: "health";
  readonly request: number;
}

/** Runs the `select` of a balancer plugin. The answer is `selected`. */
export interface SelectMessage {
  readonly t: "select";
  readonly request: number;
  readonly choice: SelectRequest;
}

export interface ProcessMessage {
  readonly t: "process";
  /** Number of this request, echoed in the answer; unique per host process. */
  readonly request: number;
  readonly input: Place;
  readonly output: Place;
  /** Rows to hand to the plugin; all of them when left out. */
  readonly rows?: readonly RowRange[];
  /** Rows that become dead letters; never among `rows`. */
  readonly dead?: readonly DeadRow[];
  /** Finished records to add behind the others: NDJSON text. */
  readonly rescued?: string;
  /** Look for a poison record: the output is made, for it may be what fails, and thrown away. */
  readonly probe: boolean;
  readonly encoding: "ndjson" | "batch";
  readonly snapshot: boolean;
  /** The input has ended and this is its last, empty batch. */
  readonly finish: boolean;
  /** Malformed source lines fail the batch instead of becoming dead letters. */
  readonly strict: boolean;
  /** ISO time to write into dead letters. */
  readonly time: string;
}

/** A batch that was processed before the host's predecessor died; it only rebuilds state. */
export interface ReplayMessage {
  readonly t: "replay";
  readonly request: number;
  readonly batch: Carried;
  readonly rows?: readonly RowRange[];
}

export interface GrantMessage {
  readonly t: "grant";
  readonly request: number;
  readonly output: Place;
}

export interface StopMessage {
  readonly t: "stop";
}

export type ToHost =
  | LoadMessage
  | CheckMessage
  | StartMessage
  | RestoreMessage
  | WarmMessage
  | ProcessMessage
  | SnapshotMessage
  | HealthMessage
  | SelectMessage
  | ReplayMessage
  | GrantMessage
  | StopMessage;

export interface LoadedMessage {
  readonly t: "loaded";
  readonly info: PluginInfo;
  readonly params: ParamSchema;
  readonly sequential: boolean;
  readonly stateful: boolean;
  /** One process at a time may be initialised. */
  readonly exclusive: boolean;
  /** The plugin can be asked how it is. */
  readonly health: boolean;
  /** The plugin has more to say about its parameters: see `check`. */
  readonly checks: boolean;
  /** It is a balancer: see the SDK. */
  readonly selects?: boolean;
}

export interface CheckedMessage {
  readonly t: "checked";
  readonly faults: readonly ParamFault[];
}

export interface ReadyMessage {
  readonly t: "ready";
}

export interface WarmedMessage {
  readonly t: "warmed";
  /** What the plugin threw over it. */
  readonly error?: FailureJson;
}

export interface RestoredMessage {
  readonly t: "restored";
}

export interface StateMessage {
  readonly t: "state";
  readonly request: number;
  /** Its length at the start of the room given, or the bytes themselves as base64. */
  readonly state: number | string;
}

export interface HealthyMessage {
  readonly t: "healthy";
  readonly request: number;
  /** What `health` threw. */
  readonly error?: FailureJson;
}

export interface Counts {
  /** Rows in the batch before `rows` chose among them. */
  readonly total: number;
  readonly malformed: number;
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly rejected: number;
  readonly added: number;
}

export interface DoneMessage {
  readonly t: "done";
  readonly request: number;
  /** Lengths of what lies in the output slot one behind another, each on an 8-byte border: batch, dead letters, state. */
  readonly sizes: readonly [main: number, dead: number, state: number];
  readonly counts: Counts;
}

export interface SelectedMessage {
  readonly t: "selected";
  readonly request: number;
  /** What `select` gave; left out when it gave nothing. */
  readonly id?: string;
  /** What it threw. */
  readonly error?: FailureJson;
}

export interface NeedMessage {
  readonly t: "need";
  readonly request: number;
  readonly bytes: number;
}

export interface FailedMessage {
  readonly t: "failed";
  /** The request that failed; left out when loading or starting did. */
  readonly request?: number;
  readonly error: FailureJson;
}

export interface LogMessage {
  readonly t: "log";
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
}

export type FromHost =
  | LoadedMessage
  | CheckedMessage
  | ReadyMessage
  | WarmedMessage
  | RestoredMessage
  | DoneMessage
  | StateMessage
  | HealthyMessage
  | SelectedMessage
  | NeedMessage
  | FailedMessage
  | LogMessage;

export function handshakeLine(api: number, pid: number): string {
  return [HANDSHAKE_NAME, PROTOCOL_VERSION, api, pid, "json"].join("|");
}

/** What is wrong with a handshake, or undefined. */
export function handshakeFault(line: string, api: number): string | undefined {
  const [name, protocol, hostApi, , encoding] = line.split("|");
  if (name !== HANDSHAKE_NAME)
    return `the host opened with ${JSON.stringify(line.slice(0, 80))} instead of a handshake`;
  if (protocol !== String(PROTOCOL_VERSION)) return `the host speaks protocol ${protocol}, this is ${PROTOCOL_VERSION}`;
  if (hostApi !== String(api)) return `the host serves plugin API ${hostApi}, this is ${api}`;
  if (encoding !== "json") return `the host encodes as ${encoding}, known is json`;
  return undefined;
}

/** Sections of an output slot begin on 8-byte borders. */
export function alignedBytes(bytes: number): number {
  return (bytes + 7) & ~7;
}
