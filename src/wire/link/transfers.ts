/**
 * Large payloads on their way out: announced, then sent in chunks, one of each in turn, a few at a time. Bytes that do not leave in
 * the turn in which they were said are copied: whoever said them may change them afterwards.
 */
import { byteLengthOf } from "../codec/index.ts";
import { FRAME_BYTES_MAX, TRANSFERS_MAX } from "./limits.ts";
import { BULK, CHUNK, FORM_BYTES, FORM_VALUE, type Message, REQUEST } from "./message.ts";

export interface Transfer {
  /** As it is announced: with an empty payload. */
  readonly message: Message;
  readonly form: typeof FORM_BYTES | typeof FORM_VALUE;
  readonly sizeBytes: number;
  id: number;
  /** What has not left yet. */
  rest: Uint8Array;
  isOwned: boolean;
}

export interface Chunk {
  readonly transfer: Transfer;
  readonly piece: Uint8Array;
  readonly announcement: Message;
}

/** What has become of a request that is taken back: nothing of it has left, it was cut off, or all of it has left. */
export type Withdrawn = "unsaid" | "cut" | "said";

const ID_MAX = 0xffffffff;

/** Bytes of a sender's are as they are until the turn ends; shared memory may change within it. */
export function transferOf(message: Message, at: number, bytes: Uint8Array, form: Transfer["form"]): Transfer {
  const isOwned = form === FORM_VALUE || bytes.buffer instanceof SharedArrayBuffer;
  const rest = isOwned && form === FORM_BYTES ? copyOf(bytes) : bytes;
  return { message: message.with(at, null), form, sizeBytes: byteLengthOf(rest), id: 0, rest, isOwned };
}

export class Transfers {
  #active: Transfer[] = [];
  #queued: Transfer[] = [];
  #lastId = 0;
  /** That have not left yet. */
  bytes = 0;

  get isEmpty(): boolean {
    return this.#active.length === 0 && this.#queued.length === 0;
  }

  add(transfer: Transfer): void {
    this.#queued.push(transfer);
    this.bytes += transfer.sizeBytes;
  }

  /** Announcements of those whose turn has come. */
  open(): readonly Message[] {
    const openings: Message[] = [];
    while (this.#active.length < TRANSFERS_MAX && this.#queued.length > 0) {
      const transfer = this.#queued.shift()!;
      transfer.id = this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
      this.#active.push(transfer);
      openings.push([BULK, transfer.id, transfer.sizeBytes, transfer.form, transfer.message]);
    }
    return openings;
  }

  next(): Chunk | undefined {
    const transfer = this.#active[0];
    if (!transfer) return undefined;
    const piece = transfer.rest.subarray(0, FRAME_BYTES_MAX);
    return { transfer, piece, announcement: [CHUNK, transfer.id, piece.byteLength] };
  }

  /** Whether it was the last one of its transfer. */
  sent({ transfer, piece }: Chunk): boolean {
    transfer.rest = transfer.rest.subarray(piece.byteLength);
    this.bytes -= piece.byteLength;
    this.#active.shift();
    if (transfer.rest.byteLength === 0) return true;
    this.#active.push(transfer);
    return false;
  }

  /** The turn is over. */
  own(): void {
    for (const transfer of [...this.#active, ...this.#queued]) {
      if (!transfer.isOwned) transfer.rest = copyOf(transfer.rest);
      transfer.isOwned = true;
    }
  }

  withdraw(requestId: number): Withdrawn {
    const isIt = ({ message: [kind, id] }: Transfer): boolean => kind === REQUEST && id === requestId;
    const found = this.#active.find(isIt) ?? this.#queued.find(isIt);
    if (!found) return "said";
    const isCut = this.#active.includes(found);
    this.#active = this.#active.filter((each) => each !== found);
    this.#queued = this.#queued.filter((each) => each !== found);
    this.bytes -= found.rest.byteLength;
    return isCut ? "cut" : "unsaid";
  }

  clear(): void {
    this.#active = [];
    this.#queued = [];
    this.bytes = 0;
  }
}

/** Buffer's own slice would be a view. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
