/**
 * Messages to bytes to ports, and back: datagrams are sealed and bounded, push-pulls go over links. What cannot be read is
 * counted and dropped. Nothing here knows what messages mean.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import type { Standing } from "../../protocol/partition/index.ts";
import { type Address, addressText, type DatagramMessage, type SyncMessage } from "../../protocol/swim/index.ts";
import type { Codec, Letter } from "./codec.ts";
import { DATAGRAM_BYTES_MAX, SEAL_BYTES_MAX, SYNC_BYTES_MAX, SYNCS_MAX } from "./limits.ts";
import type { MembershipPorts } from "./ports.ts";
import type { Tally } from "./tally.ts";

export interface PostOptions {
  readonly codec: Codec;
  readonly tally: Tally;
  /** The address by which others know this node: datagrams are sealed for it. */
  readonly own: () => Address;
  readonly standing: () => Standing;
}

export class Post {
  readonly #ports: MembershipPorts;
  readonly #options: PostOptions;
  #underWay = 0;

  constructor(ports: MembershipPorts, options: PostOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  sendDatagram(to: Address, message: DatagramMessage): void {
    const { codec, standing, tally } = this.#options;
    const bytes = codec.encodeDatagram({ message, standing: standing() }, DATAGRAM_BYTES_MAX - SEAL_BYTES_MAX);
    if (bytes.length > DATAGRAM_BYTES_MAX - SEAL_BYTES_MAX) return tally.drop("oversized");
    const sealed = this.#ports.seal.seal(bytes, to);
    tally.numbers.datagramsOut++;
    tally.numbers.bytesOut += sealed.length;
    this.#ports.datagrams.send(to, sealed);
  }

  /** What a datagram says, or undefined when it is not to be taken. */
  openDatagram(bytes: Uint8Array): Letter<DatagramMessage> | undefined {
    const { codec, own, tally } = this.#options;
    tally.numbers.datagramsIn++;
    tally.numbers.bytesIn += bytes.length;
    if (bytes.length > DATAGRAM_BYTES_MAX) return void tally.drop("oversized");
    const opened = this.#ports.seal.open(bytes, own());
    if (!opened.ok) return void tally.drop(opened.reason);
    const read = codec.decode(opened.bytes);
    if (!read.ok) return void tally.drop(read.reason);
    const { message, standing } = read.letter;
    return message.type === "sync" ? void tally.drop("malformed") : { message, standing };
  }

  /** Asks for a push-pull; undefined when it came to nothing. Never rejects. */
  async sync(to: Address, message: SyncMessage): Promise<Letter<SyncMessage> | undefined> {
    const { tally } = this.#options;
    if (this.#underWay >= SYNCS_MAX) return void tally.drop("busy");
    this.#underWay++;
    try {
      const bytes = this.encodeSync(message);
      tally.numbers.syncsSent++;
      const answer = this.readSync(await this.#ports.syncs.sync(to, bytes));
      if (answer.message.isReply) return answer;
      throw new Failure("cluster.bad_sync", "the answer is no reply");
    } catch (thrown) {
      tally.numbers.syncsFailed++;
      this.#ports.warn(`no push-pull with ${addressText(to)}: ${messageOf(thrown)}`, { to: addressText(to) });
      return undefined;
    } finally {
      this.#underWay--;
    }
  }

  encodeSync(message: SyncMessage): Uint8Array {
    const { codec, standing, tally } = this.#options;
    const bytes = codec.encodeSync({ message, standing: standing() });
    if (bytes.length > SYNC_BYTES_MAX) {
      const told = `${message.members.length} members take ${bytes.length} bytes`;
      throw new Failure(
        "cluster.sync_too_large",
        `cannot tell the members: ${told}, at most ${SYNC_BYTES_MAX} are allowed`,
      );
    }
    tally.numbers.syncBytesOut += bytes.length;
    return bytes;
  }

  /** Throws a Failure when it is no push-pull. */
  readSync(bytes: Uint8Array): Letter<SyncMessage> {
    const { codec, tally } = this.#options;
    tally.numbers.syncBytesIn += bytes.length;
    const read = codec.decode(bytes);
    const message = read.ok ? read.letter.message : undefined;
    if (read.ok && message?.type === "sync") return { message, standing: read.letter.standing };
    tally.drop(read.ok ? "malformed" : read.reason);
    const what = read.ok ? `a ${message?.type} came over a link` : read.what;
    throw new Failure("cluster.bad_sync", `cannot read a push-pull of ${bytes.length} bytes: ${what}`);
  }
}
