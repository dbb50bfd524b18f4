/** What the machine can be told, and the check of it: all faults at once, in words. Options are data and may come from a file. */
import { Failure } from "../../base/errors.ts";
import type { Strategy } from "./strategies.ts";

export interface PartitionOptions {
  /** The same on every node. */
  readonly strategy: Strategy;
  /** The view must have stood still for so long before it is judged. Longer than news needs to reach all nodes of a side. */
  readonly stableAfterMs: number;
  /**
   * Whom this side gives up it says so much later: by then the other side, which may find out later, has gone down. 0 when left
   * out. Nothing else waits for it, and nothing does with the strategy `off`.
   */
  readonly marginMs?: number | undefined;
}

export interface OptionFault {
  readonly path: string;
  /** The actual value, and what is required. */
  readonly message: string;
}

const KINDS = ["keep-majority", "static-quorum", "keep-oldest", "down-all", "off"];

/** Beyond an hour nobody waits for a decision. */
const MS_MAX = 3_600_000;
/** What news needs to reach a handful of nodes at one gossip a fifth of a second, and twice a probe's time-out. */
const STABLE_AFTER_MS_LEAST = 3_000;
/** News needs some more rounds for each doubling of the cluster: 3 s for one node, 10 s for 16, 20 s for 1,000. */
const STABLE_AFTER_MS_DOUBLING = 1_700;

/** A wait that fits a cluster of about `nodes` on one network. */
export function stableAfterMsFor(nodes: number): number {
  return STABLE_AFTER_MS_LEAST + Math.round(STABLE_AFTER_MS_DOUBLING * Math.log2(Math.max(1, nodes)));
}

/** Everything that is wrong with these options; nothing when they will do. */
export function validatePartition(options: unknown): readonly OptionFault[] {
  if (!isFields(options)) return [{ path: "options", message: `${shown(options)}, an object is required` }];
  const { marginMs = 0, stableAfterMs, strategy } = options;
  const isTime = isWithin(stableAfterMs) && stableAfterMs > 0;
  const time = `${shown(stableAfterMs)}, milliseconds from above 0 to ${MS_MAX} are required`;
  const margin = `${shown(marginMs)}, milliseconds from 0 to ${MS_MAX} are required`;
  return [
    ...(isTime ? [] : [{ path: "stableAfterMs", message: time }]),
    ...(isWithin(marginMs) ? [] : [{ path: "marginMs", message: margin }]),
    ...strategyFaults(strategy),
  ];
}

function isWithin(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= MS_MAX;
}

function strategyFaults(strategy: unknown): OptionFault[] {
  if (!isFields(strategy)) return [{ path: "strategy", message: `${shown(strategy)}, an object is required` }];
  const { downIfAlone, kind, role, size } = strategy;
  if (typeof kind !== "string" || !KINDS.includes(kind)) {
    return [{ path: "strategy.kind", message: `${shown(kind)}, one of ${KINDS.join(", ")} is required` }];
  }
  const faults: OptionFault[] = [];
  if (kind === "static-quorum" && !(Number.isSafeInteger(size) && Number(size) >= 1)) {
    faults.push({ path: "strategy.size", message: `${shown(size)}, a whole number from 1 is required` });
  }
  if (kind === "keep-oldest" && typeof downIfAlone !== "boolean") {
    faults.push({ path: "strategy.downIfAlone", message: `${shown(downIfAlone)}, true or false is required` });
  }
  if (role !== undefined && (typeof role !== "string" || role === "")) {
    faults.push({ path: "strategy.role", message: `${shown(role)}, the name of a role is required` });
  }
  return faults;
}

export function assertValidPartition(options: unknown): void {
  const faults = validatePartition(options);
  if (faults.length === 0) return;
  const text = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new Failure("partition.invalid_options", `cannot resolve partitions: ${text}`, { data: { faults } });
}

function shown(value: unknown): string {
  if (value === undefined) return "is missing";
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
