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

export type NetworkKind = "local" | "lan" | "wan";

export interface MembershipOptions {
  /** What an update takes, and how much fits a datagram, the membership puts in itself. */
  readonly swim: Omit<SwimOptions, "sizeOf" | "gossipBytesMax">;
  readonly partition: PartitionOptions;
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

/** Options for a network of this kind and about so many nodes; the majority goes on after a split. */
export function membershipOptions(kind: NetworkKind, nodesExpected?: number): MembershipOptions {
  return {
    swim: PRESETS[kind](nodesExpected),
    partition: { strategy: { kind: "keep-majority" }, stableAfterMs: stableAfterMsFor(nodesExpected ?? 16) },
    phi: defaultPhiOptions,
    phiSilentAt: PHI_SILENT_AT,
    phiLookIntervalMs: PHI_LOOK_INTERVAL_MS,
  };
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
