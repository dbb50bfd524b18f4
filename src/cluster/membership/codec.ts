/**
 * Membership messages as bytes: msgpack, fields by position. A datagram is a header and then as many updates as fit; a
 * push-pull is a header and members. A member's bytes are made once and kept as long as the member. With each message goes the
 * sender's standing in partitions. Decoding never throws: what is malformed comes back as a reason.
 */
import { Packr } from "msgpackr";
import type { Standing } from "../../protocol/partition/index.ts";
import type { DatagramMessage, Member, Peer, SwimMessage, SyncMessage, Update } from "../../protocol/swim/index.ts";
import { type Decoded, readMessage } from "./decode.ts";
import { bitsOf, KINDS, STATES, VERSION } from "./layout.ts";
import { SYNC_BYTES_MAX } from "./limits.ts";
import { Malformed } from "./reader.ts";

export interface Letter<Message extends SwimMessage = SwimMessage> {
  readonly message: Message;
  /** What the sender says of its side of a partition. */
  readonly standing: Standing;
}

export type DecodeResult =
  | { readonly ok: true; readonly letter: Letter }
  | { readonly ok: false; readonly reason: "malformed" | "version"; readonly what: string };

export class Codec {
  readonly #packr = new Packr({ useRecords: false });
  readonly #members = new WeakMap<Member, Uint8Array>();

  /** Bytes that an update takes on a message. */
  readonly sizeOf = (update: Update): number =>
    this.#bytesOf(update.member).length + this.#bytesOfText(update.by).length;

  sizeOfMember(member: Member): number {
    return this.#bytesOf(member).length;
  }

  /** Updates that do not fit into `bytesMax` are left out, the last first. */
  encodeDatagram({ message, standing }: Letter<DatagramMessage>, bytesMax: number): Uint8Array {
    const parts: Uint8Array[] = [this.#packr.pack(headerOf(message, standing))];
    let size = parts[0]!.length;
    for (const { by, member } of message.gossip) {
      const update = [this.#bytesOfText(by), this.#bytesOf(member)] as const;
      const more = update[0].length + update[1].length;
      if (size + more > bytesMax) break;
      parts.push(...update);
      size += more;
    }
    return Buffer.concat(parts, size);
  }

  encodeSync({ message, standing }: Letter<SyncMessage>): Uint8Array {
    const { digest, from, isJoin, isReply, members, seq } = message;
    const header = [VERSION, KINDS.indexOf("sync"), seq, peerOf(from), digest, isReply, isJoin, bitsOf(standing)];
    return Buffer.concat([this.#packr.pack(header), ...members.map((member) => this.#bytesOf(member))]);
  }

  decode(bytes: Uint8Array): DecodeResult {
    if (bytes.length > SYNC_BYTES_MAX) return { ok: false, reason: "malformed", what: `${bytes.length} bytes` };
    try {
      const read: Decoded = readMessage(bytes);
      if (read.version !== VERSION) return { ok: false, reason: "version", what: `version ${read.version}` };
      return { ok: true, letter: { message: read.message, standing: read.standing } };
    } catch (thrown) {
      if (thrown instanceof Malformed) return { ok: false, reason: "malformed", what: thrown.message };
      throw thrown;
    }
  }

  #bytesOf(member: Member): Uint8Array {
    const known = this.#members.get(member);
    if (known) return known;
    const { address, bornMs, id, incarnation, meta, state } = member;
    const { capacities, labels, name, roles } = meta;
    const fields = [id, address.host, address.port, bornMs, incarnation, STATES.indexOf(state), name];
    const bytes = this.#packr.pack([
      ...fields,
      roles,
      Object.entries(capacities).flat(),
      Object.entries(labels).flat(),
    ]);
    this.#members.set(member, bytes);
    return bytes;
  }

  #bytesOfText(text: string): Uint8Array {
    return this.#packr.pack(text);
  }
}

function headerOf(message: DatagramMessage, standing: Standing): unknown[] {
  const { from, to, type } = message;
  const seq = message.type === "gossip" ? 0 : message.seq;
  const other = message.type === "ack" ? message.of : message.type === "ping_req" ? message.target : undefined;
  const third = other === undefined ? null : peerOf(other);
  return [VERSION, KINDS.indexOf(type), seq, peerOf(from), to, third, bitsOf(standing)];
}

function peerOf({ address, bornMs, id }: Peer): unknown[] {
  return [id, address.host, address.port, bornMs];
}
