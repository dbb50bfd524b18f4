/** From bytes to messages, field by field with its bound. What the values mean (old, for another, made up) the machine judges. */
import type { Standing } from "../../protocol/partition/index.ts";
import type { Address, Member, NodeMeta, Peer, SwimMessage, Update } from "../../protocol/swim/index.ts";
import { KINDS, STANDING_MAX, STATES, standingOf, VERSION } from "./layout.ts";
import * as limits from "./limits.ts";
import { Malformed, Reader } from "./reader.ts";

export type Decoded =
  | { readonly version: typeof VERSION; readonly message: SwimMessage; readonly standing: Standing }
  | { readonly version: "unknown" };

const DATAGRAM_FIELDS = 7;
const SYNC_FIELDS = 8;
const SEQ_MAX = 2 ** 53 - 1;
const DIGEST_MAX = 2 ** 32 - 1;
const PORT_MAX = 65_535;
/** The last day that a Date can name. */
const BORN_MS_MAX = 8.64e15;
const INCARNATION_MAX = 2 ** 53 - 1;

export function readMessage(bytes: Uint8Array): Decoded {
  const reader = new Reader(bytes);
  const fields = reader.array(SYNC_FIELDS, "header");
  if (reader.whole(SEQ_MAX, "version") !== VERSION) return { version: "unknown" };
  const type = KINDS[reader.whole(KINDS.length - 1, "kind")]!;
  if (fields !== (type === "sync" ? SYNC_FIELDS : DATAGRAM_FIELDS)) throw new Malformed(`${type}: ${fields} fields`);
  const seq = reader.whole(SEQ_MAX, "seq");
  const from = readPeer(reader, "from");
  return type === "sync" ? readSync(reader, seq, from) : readDatagram(reader, type, seq, from);
}

type Kind = Exclude<SwimMessage["type"], "sync">;

function readDatagram(reader: Reader, type: Kind, seq: number, from: Peer): Decoded {
  const to = readId(reader, "to");
  const other = reader.nil() ? undefined : readPeer(reader, "other");
  const standing = readStanding(reader);
  const gossip: Update[] = [];
  while (!reader.isAtEnd) gossip.push({ by: readId(reader, "by"), member: readMember(reader) });
  return { version: VERSION, message: messageOf(type, { seq, from, to, gossip }, other), standing };
}

function messageOf(
  type: Kind,
  fields: { seq: number; from: Peer; to: string; gossip: readonly Update[] },
  other: Peer | undefined,
): SwimMessage {
  const { from, gossip, to } = fields;
  if ((other !== undefined) !== (type === "ping_req") && type !== "ack") throw new Malformed(`${type}: other peer`);
  if (type === "ping_req") return { type, ...fields, target: other! };
  if (type === "ack") return other === undefined ? { type, ...fields } : { type, ...fields, of: other };
  return type === "gossip" ? { type, from, to, gossip } : { type, ...fields };
}

function readSync(reader: Reader, seq: number, from: Peer): Decoded {
  const digest = reader.whole(DIGEST_MAX, "digest");
  const isReply = reader.flag("isReply");
  const isJoin = reader.flag("isJoin");
  const standing = readStanding(reader);
  const members: Member[] = [];
  while (!reader.isAtEnd) {
    if (members.length === limits.SYNC_MEMBERS_MAX) throw new Malformed("sync: too many members");
    members.push(readMember(reader));
  }
  return { version: VERSION, message: { type: "sync", seq, from, digest, members, isReply, isJoin }, standing };
}

function readMember(reader: Reader): Member {
  reader.tuple(10, "member");
  const id = readId(reader, "id");
  const address = readAddress(reader);
  const bornMs = reader.whole(BORN_MS_MAX, "bornMs");
  const incarnation = reader.whole(INCARNATION_MAX, "incarnation");
  const state = STATES[reader.whole(STATES.length - 1, "state")]!;
  return { id, address, bornMs, incarnation, state, meta: readMeta(reader) };
}

function readMeta(reader: Reader): NodeMeta {
  const name = reader.text(limits.NAME_CHARS_MAX, "name");
  const roles = Array.from({ length: reader.array(limits.ROLES_MAX, "roles") }, () =>
    reader.text(limits.ROLE_CHARS_MAX, "role", 1),
  );
  const capacities = readPairs(reader, limits.CAPACITIES_MAX, "capacities", () => reader.number("capacity"));
  const labels = readPairs(reader, limits.LABELS_MAX, "labels", () => reader.text(limits.LABEL_CHARS_MAX, "label"));
  return { name, roles, capacities, labels };
}

function readPairs<Value>(reader: Reader, max: number, what: string, value: () => Value): Record<string, Value> {
  const length = reader.array(2 * max, what);
  if (length % 2 !== 0) throw new Malformed(`${what}: a key without a value`);
  const pairs = Array.from(
    { length: length / 2 },
    () => [reader.text(limits.KEY_CHARS_MAX, what, 1), value()] as const,
  );
  return Object.fromEntries(pairs); // defines own properties, also one called __proto__
}

function readPeer(reader: Reader, what: string): Peer {
  reader.tuple(4, what);
  const id = readId(reader, what);
  return { id, address: readAddress(reader), bornMs: reader.whole(BORN_MS_MAX, "bornMs") };
}

function readAddress(reader: Reader): Address {
  const host = reader.text(limits.HOST_CHARS_MAX, "host", 1);
  const port = reader.whole(PORT_MAX, "port");
  if (port === 0) throw new Malformed("port: 0");
  return { host, port };
}

function readId(reader: Reader, what: string): string {
  return reader.text(limits.ID_CHARS_MAX, what, 1);
}

function readStanding(reader: Reader): Standing {
  return standingOf(reader.whole(STANDING_MAX, "standing"));
}
