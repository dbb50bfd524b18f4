/** What goes over the simulated network between Raft nodes, and what clients ask of them. */
import type { Entry, NodeId, RaftMessage, ReadMode, Refusal } from "../../../src/protocol/raft/index.ts";
import { textTag } from "../world/index.ts";

export type RaftWire =
  | { readonly kind: "raft"; readonly message: RaftMessage }
  /** From the node itself: its clients are on the same machine, and their requests wait while it is paused. */
  | { readonly kind: "request"; readonly request: RaftRequest };

export type RaftRequest = { readonly answer: (answer: Answer) => void } & (
  | { readonly type: "propose"; readonly data: readonly Uint8Array[] }
  | { readonly type: "read"; readonly key: number; readonly mode: ReadMode }
);

export type Answer =
  /** At this place in the history, or read in the state there. */
  | { readonly type: "ok"; readonly index: number; readonly value: number }
  | { readonly type: "refused"; readonly reason: Refusal; readonly leader: string | undefined }
  /** Another entry has its place. */
  | { readonly type: "lost" };

export function nameOf(index: number): NodeId {
  return `n${index}`;
}

export function indexOf(id: NodeId): number {
  return Number(id.slice(1));
}

/** A number made of an entry's content, kept: entries are shared by all nodes of the world. */
export function entryTag(entry: Entry): number {
  const known = tags.get(entry);
  if (known !== undefined) return known;
  const tag = contentTag(entry);
  tags.set(entry, tag);
  return tag;
}

const tags = new WeakMap<Entry, number>();

function contentTag(entry: Entry): number {
  if (entry.kind === "noop") return 1;
  if (entry.kind === "configuration") return textTag(JSON.stringify(entry.configuration));
  let tag = 0x811c9dc5 | 0;
  for (const byte of entry.data) tag = Math.imul(tag ^ byte, 0x01000193);
  return tag ^ (tag >>> 15);
}

export function tagOfRaft(wire: RaftWire): number {
  if (wire.kind === "request") return wire.request.type === "propose" ? wire.request.data.length : wire.request.key;
  const { message } = wire;
  return Math.imul(message.term, 31) ^ numberOf(message) ^ (message.type.length << 24);
}

function numberOf(message: RaftMessage): number {
  switch (message.type) {
    case "append":
      return message.prevIndex * 64 + message.entries.length + message.round * 4096;
    case "appendReply":
      return (message.match ?? -1 - (message.hint?.index ?? 0)) + message.round * 4096;
    case "snapshot":
    case "snapshotReply":
      return message.offset + message.round * 4096;
    case "preVote":
    case "vote":
      return message.lastIndex;
    case "preVoteReply":
    case "voteReply":
      return message.granted ? 1 : 0;
    case "timeoutNow":
      return 0;
  }
}

export function describeRaft(wire: RaftWire): string {
  if (wire.kind === "request") {
    const { request } = wire;
    return request.type === "read" ? `request ${request.mode} read of ${request.key}` : "request to propose";
  }
  const { type, term, ...rest } = wire.message;
  const words = Object.entries(rest).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${show(value)}`],
  );
  return `${type} in term ${term} ${words.join(" ")}`;
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (!Array.isArray(value)) return JSON.stringify(value);
  const entries = value as readonly Entry[];
  if (entries.length === 0) return "none";
  return entries.map(({ index, term, kind }) => `${index}:${term}${kind[0] === "c" ? kind[2] : "-"}`).join(",");
}
