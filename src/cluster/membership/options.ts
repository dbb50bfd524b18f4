/** How a membership behaves: the numbers of its machines, derived from the kind of network, and the check of what a node tells of itself. */
import { Failure } from "../../base/errors.ts";
import { type PartitionOptions, stableAfterMsFor } from "../../protocol/partition/index.ts";
import { defaultPhiOptions, type PhiOptions } from "../../protocol/phi/index.ts";
import {
  lanOptions,
  localOptions,
  type Member,
  type NodeMeta,
  type SelfDescription,
  type SwimOptions,
  wanOptions,
} from "../../protocol/swim/index.ts";
import type { Codec } from "./codec.ts";
import * as limits from "./limits.ts";
import { LOOKS_PER_SILENCE, roundsMs } from "./outlook.ts";

export type NetworkKind = "local" | "lan" | "wan";

export interface MembershipOptions {
  /** What an update takes, and how much fits a datagram, the membership puts in itself. */
  readonly swim: Omit<SwimOptions, "sizeOf" | "gossipBytesMax">;
  readonly partition: PartitionOptions;
  /** For how many nodes these options are: a shorter wait before decisions than fits them is warned of. */
  readonly nodesExpected: number;
  /**
   * Whoever hears nothing from anybody for so long holds all others for unreachable. So it does a suspect of which it hears
   * nothing for so long.
   */
  readonly silentMs: number;
  readonly phi: PhiOptions;
  /** From this phi on a linked peer is silent. */
  readonly phiSilentAt: number;
  readonly phiLookIntervalMs: number;
}

const PRESETS = { local: localOptions, lan: lanOptions, wan: wanOptions };

/** One wrong verdict in a hundred million beats, were they as regular as before. */
const PHI_SILENT_AT = 8;
/** A look costs a microsecond a link; half of a heart-beat's interval adds little to the time until silence is noticed. */
const PHI_LOOK_INTERVAL_MS = 500;

/** Most clusters are not larger than this. */
const NODES_USUAL = 16;

/** Options for a network of this kind and about so many nodes; the majority goes on after a split. */
export function membershipOptions(kind: NetworkKind, nodesExpected: number = NODES_USUAL): MembershipOptions {
  const swim = PRESETS[kind](nodesExpected);
  const silentMs = silentMsOf(swim);
  return {
    swim,
    partition: {
      strategy: { kind: "keep-majority" },
      stableAfterMs: stableAfterMsFor(nodesExpected),
      marginMs: marginMsOf(swim, silentMs, nodesExpected),
    },
    nodesExpected,
    silentMs,
    phi: defaultPhiOptions,
    phiSilentAt: PHI_SILENT_AT,
    phiLookIntervalMs: PHI_LOOK_INTERVAL_MS,
  };
}

type Pace = MembershipOptions["swim"];

/**
 * In each period a member is probed by one other, on average, and probes one: five periods are ten signs of life at least,
 * and all of them get lost once in 10^13 at 5 % loss. Health is left out: one that is cut off has bad health for that reason.
 */
const SILENT_PERIODS = 5;
/** A process that is starved for that long is nothing unusual. */
const SILENT_MS_LEAST = 4_000;

function silentMsOf({ probeIntervalMs }: Pace): number {
  return Math.max(SILENT_MS_LEAST, SILENT_PERIODS * probeIntervalMs);
}

/** A small side may probe each other first, at the end of one round and the beginning of the next; then a probe fails. */
const FIRST_DOUBT_PERIODS = 3;

/**
 * How much later the losing side may find out than the side that goes on.
 *
 * - The one that goes on, at the earliest: a probe has just begun, it fails after a period, and all confirm at once. Or it is
 *   one node: it finds that it is alone, and the last sign of life was a period old.
 * - The losing one, at the latest: whoever was not heard from in two rounds of probes is held for silent, once a first doubt
 *   has lasted. In a large cluster that takes longer than a suspicion that nobody confirms, found by one whose health is at
 *   its worst: that is the bound then. To that comes a look, and a period for all that delays.
 *
 * With `lan` and five nodes it is 7.6 s, with 16 29.6 s: it pays to name the number of nodes.
 */
function marginMsOf(swim: Pace, silentMs: number, nodes: number): number {
  const { healthMax, probeIntervalMs, suspicionMaxMult } = swim;
  const leastMs = suspicionLeastMs(swim, nodes);
  const earliestMs = Math.min(probeIntervalMs + leastMs, silentMs - probeIntervalMs);
  const unconfirmedMs = (1 + healthMax) * probeIntervalMs + suspicionMaxMult * leastMs;
  const silenceMs = Math.max(FIRST_DOUBT_PERIODS * probeIntervalMs + silentMs, roundsMs(nodes, probeIntervalMs));
  const latestMs = Math.min(silenceMs, unconfirmedMs) + silentMs / LOOKS_PER_SILENCE + probeIntervalMs;
  return Math.round(latestMs - earliestMs);
}

/** With all confirmations that are wanted, as SWIM's own rule has it. */
function suspicionLeastMs({ probeIntervalMs, suspicionMult }: Pace, nodes: number): number {
  return suspicionMult * Math.max(1, Math.log10(nodes)) * probeIntervalMs;
}

/** Throws when others would refuse what this node tells of itself. */
export function assertTellable(self: SelfDescription, codec: Codec): void {
  const faults = [...selfFaults(self), ...metaFaults(self.meta)];
  const member: Member = { ...self, incarnation: Number.MAX_SAFE_INTEGER, state: "alive" };
  const bytes = faults.length === 0 ? codec.sizeOfMember(member) : 0;
  if (bytes > limits.MEMBER_BYTES_MAX) {
    faults.push(`id, address and metadata take ${bytes} bytes, at most ${limits.MEMBER_BYTES_MAX} are allowed`);
  }
  if (faults.length === 0) return;
  const message = `cannot tell others of node ${JSON.stringify(self.id)}: ${faults.join("; ")}`;
  throw new Failure("cluster.invalid_self", message, { data: { faults } });
}

function selfFaults({ address, id }: SelfDescription): string[] {
  return [...textFault("id", id, 1, limits.ID_CHARS_MAX), ...textFault("host", address.host, 1, limits.HOST_CHARS_MAX)];
}

function metaFaults({ capacities, labels, name, roles }: NodeMeta): string[] {
  const [amounts, words] = [Object.entries(capacities), Object.entries(labels)];
  return [
    ...textFault("name", name, 0, limits.NAME_CHARS_MAX),
    ...countFault("roles", roles.length, limits.ROLES_MAX),
    ...roles.flatMap((role) => textFault("role", role, 1, limits.ROLE_CHARS_MAX)),
    ...countFault("capacities", amounts.length, limits.CAPACITIES_MAX),
    ...amounts.flatMap(([key, value]) => [
      ...textFault("capacity", key, 1, limits.KEY_CHARS_MAX),
      ...(Number.isFinite(value) ? [] : [`capacity ${key} is ${value}, a number is required`]),
    ]),
    ...countFault("labels", words.length, limits.LABELS_MAX),
    ...words.flatMap(([key, value]) => [
      ...textFault("label", key, 1, limits.KEY_CHARS_MAX),
      ...textFault(`label ${key}`, value, 0, limits.LABEL_CHARS_MAX),
    ]),
  ];
}

function textFault(what: string, text: string, min: number, max: number): string[] {
  if (text.length >= min && text.length <= max) return [];
  return [`${what} has ${text.length} characters, ${min} to ${max} are allowed`];
}

function countFault(what: string, count: number, max: number): string[] {
  return count <= max ? [] : [`${count} ${what}, at most ${max} are allowed`];
}
