/**
 * What the dashboard shows, as one answer: plain data that a node gathers and the page reads as JSON. Counters are totals since their
 * owner started: whoever looks computes rates from two answers. The page needs this form and no other; the contract that gives it lives
 * above and is checked against it.
 */

export interface Overview {
  /** Milliseconds since the epoch, by the node's clock. */
  readonly atMs: number;
  /** Never goes back while the node lives: what rates are computed with. */
  readonly monotonicMs: number;
  /** Another one in each life of the node's process: its counters start anew then. */
  readonly life: string;
  readonly node: string;
  readonly version: string;
  readonly nodes: readonly NodeView[];
  readonly links: readonly LinkView[];
  readonly pipelines: readonly PipelineView[];
  /** Who has told of the pipelines; none when nobody leads. */
  readonly master?: string | undefined;
  readonly services: readonly ServiceView[];
  readonly instances: readonly InstanceView[];
  readonly deadLetters: readonly DeadLettersView[];
  readonly groups: readonly GroupView[];
  readonly cache?: CacheView | undefined;
  /** Where the node is one. */
  readonly gateway?: GatewayView | undefined;
  /** Those behind the id that was asked for, oldest first. */
  readonly events: readonly EventView[];
  readonly lastEvent: number;
  /** Parts that could not be told, and why. */
  readonly missing: readonly MissingPart[];
  /** Lists that are longer than an answer may be. */
  readonly cut: readonly CutList[];
}

export interface MissingPart {
  readonly part: string;
  readonly reason: string;
}

export interface CutList {
  readonly list: string;
  readonly shown: number;
  readonly of: number;
}

export interface NodeView {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly roles: readonly string[];
  /** alive, suspect, dead or left. */
  readonly state: string;
  readonly isSelf: boolean;
  readonly isLeader: boolean;
  readonly ageMs: number;
  readonly capacities: Readonly<Record<string, number>>;
  /** Shares, 0 to 1; of workers that the master knows, and of the node itself. */
  readonly cpu?: number | undefined;
  readonly memory?: number | undefined;
  /** Batches that wait for it or are under way. */
  readonly queue?: number | undefined;
  readonly isDraining?: boolean | undefined;
}

/** Links of the node that was asked. */
export interface LinkView {
  readonly peer: string;
  readonly isOpen: boolean;
  readonly roundTripMs?: number | undefined;
  readonly bytesSent: number;
  readonly bytesTaken: number;
}

export interface PipelineView {
  readonly id: string;
  readonly name: string;
  /** starting, running, retrying, pausing, paused, ended, failed or cancelled. */
  readonly state: string;
  readonly detail?: string | undefined;
  readonly submittedMs: number;
  readonly read: number;
  readonly written: number;
  readonly deadLettered: number;
  readonly readBytes?: number | undefined;
  readonly totalBytes?: number | undefined;
  /** Of a batch, from its read to its write, since the run began. */
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
  readonly rewinds: number;
  readonly stages: readonly StageView[];
}

export interface StageView {
  readonly name: string;
  readonly library?: string | undefined;
  readonly in: number;
  readonly out: number;
  readonly retries: number;
  readonly restarts: number;
  /** Batches that wait or are under way, and how many there may be. */
  readonly queued?: number | undefined;
  readonly queueMax?: number | undefined;
  /** How long batches have waited for a process of it and for room behind it, all together. */
  readonly waitedMs?: number | undefined;
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
}

export interface ServiceView {
  readonly name: string;
  readonly versions: readonly string[];
  readonly nodes: readonly string[];
  /** Processes that take calls. */
  readonly healthy: number;
  /** As this node has counted them. */
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
}

/** A process of this user on the machine of the node that was asked. */
export interface InstanceView {
  readonly pid: number;
  readonly command: string;
  /** Its pipeline file, or its id as a node. */
  readonly name: string;
  readonly isSelf: boolean;
  readonly tree: TreeView;
}

export interface ExitView {
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: string;
  readonly atMs: number;
}

export interface TreeView {
  readonly name: string;
  readonly kind: "supervisor" | "worker";
  readonly state: string;
  readonly pid?: number | undefined;
  readonly uptimeMs?: number | undefined;
  readonly restarts: number;
  readonly lastExit?: ExitView | undefined;
  readonly memoryBytes?: number | undefined;
  readonly cpuMs?: number | undefined;
  readonly detail?: string | undefined;
  readonly children: readonly TreeView[];
}

export interface DeadLettersView {
  readonly pipeline: string;
  readonly total: number;
  /** The largest first. */
  readonly reasons: readonly LetterReason[];
}

export interface LetterReason {
  readonly stage: string;
  readonly reason: string;
  readonly count: number;
}

/** A Raft group as this node sees it. */
export interface GroupView {
  readonly group: string;
  readonly role: string;
  readonly term: number;
  readonly leader?: string | undefined;
  readonly commit: number;
  readonly applied: number;
  readonly logBytes: number;
  readonly members: number;
  readonly damage?: string | undefined;
}

export interface CacheView {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** up, down, or none when there is no Redis behind it. */
  readonly redis: string;
}

/** The way in from outside, as the gateway that was asked has it. */
export interface GatewayView {
  /** Where clients reach it. */
  readonly address: string;
  readonly tls: boolean;
  readonly processes: number;
  readonly file: string;
  /** When it was read last. */
  readonly loadedMs: number;
  readonly reloads: number;
  readonly connections: number;
  readonly requests: number;
  readonly inFlight: number;
  /** Requests that never reached a route, the most frequent reason first. */
  readonly malformed: readonly CodeCount[];
  readonly routes: readonly GatewayRouteView[];
  readonly wafs: readonly FirewallView[];
  readonly proposals: readonly ExclusionView[];
}

export interface CodeCount {
  readonly code: string;
  readonly count: number;
}

export interface GatewayRouteView {
  readonly id: string;
  readonly pattern: string;
  readonly targets: readonly RouteTargetView[];
  readonly requests: number;
  readonly inFlight: number;
  /** 2xx, 3xx, …; none where the client got no reply. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** What the gateway answered by itself and what broke, the most frequent first. */
  readonly refused: readonly CodeCount[];
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
}

export interface RouteTargetView {
  readonly target: string;
  /** healthy, unhealthy, ejected, open, half_open or unknown. */
  readonly state: string;
  readonly requests: number;
  readonly failures: number;
}

export interface FirewallView {
  readonly id: string;
  /** block or detect. */
  readonly mode: string;
  readonly rules: number;
  readonly unsupported: number;
  readonly requests: number;
  readonly blocked: number;
  readonly wouldBlock: number;
}

/** What detect mode proposes to leave out. */
export interface ExclusionView {
  readonly waf: string;
  readonly exclude: string;
  readonly message: string;
  readonly requests: number;
  readonly clients: number;
  /** 0 to 1, of the requests of those routes. */
  readonly share: number;
}

export type EventLevel = "info" | "warn" | "error";

export interface EventView {
  /** Ascending, from 1 in each life of the node. */
  readonly id: number;
  readonly atMs: number;
  readonly level: EventLevel;
  /** member, partition, pipeline, service, swap, … */
  readonly kind: string;
  /** What it is about: a node, a pipeline, a service. */
  readonly subject: string;
  readonly text: string;
}
