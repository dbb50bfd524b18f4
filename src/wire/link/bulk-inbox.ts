/** Large payloads as they arrive in chunks. What is kept is what has arrived: an announcement alone reserves nothing. */
import { malformed } from "../codec/index.ts";
import { FRAME_BYTES_MAX, TRANSFERS_MAX } from "./limits.ts";
import { FORM_BYTES, FORM_VALUE, type Message, PAYLOAD_AT, REQUEST } from "./message.ts";

interface Arriving {
  readonly id: number;
  readonly totalBytes: number;
  readonly form: number;
  readonly message: Message;
  readonly chunks: Uint8Array[];
  arrivedBytes: number;
}

export interface Arrived {
  readonly message: Message;
  readonly at: number;
  readonly form: number;
  readonly bytes: Uint8Array;
}

export class BulkInbox {
  readonly #payloadBytesMax: number;
  readonly #arriving = new Map<number, Arriving>();
  #next: { readonly arriving: Arriving; readonly sizeBytes: number } | undefined;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** The next frame is a chunk, no messages. */
  get expectsChunk(): boolean {
    return this.#next !== undefined;
  }

  /** The message has the form of its kind. */
  announce(id: number, totalBytes: number, form: number, message: Message): void {
    if (this.#arriving.has(id)) throw malformed(`transfer ${id} is under way already`);
    if (this.#arriving.size >= TRANSFERS_MAX) throw malformed(`more than ${TRANSFERS_MAX} large payloads at a time`);
    if (totalBytes > this.#payloadBytesMax) {
      throw malformed(`a payload of ${totalBytes} bytes is announced; at most ${this.#payloadBytesMax} are taken`);
    }
    if (form !== FORM_BYTES && form !== FORM_VALUE) throw malformed(`form ${form} of a large payload is not known`);
    if (totalBytes < 1 || message.length <= PAYLOAD_AT[message[0] as number]!) {
      throw malformed("a large payload is announced without its place");
    }
    this.#arriving.set(id, { id, totalBytes, form, message, chunks: [], arrivedBytes: 0 });
  }

  /** Nothing more comes of it. */
  cancel(requestId: number): void {
    for (const { id, message } of this.#arriving.values()) {
      if (message[0] === REQUEST && message[1] === requestId) this.#arriving.delete(id);
    }
  }

  expect(id: number, sizeBytes: number): void {
    const arriving = this.#arriving.get(id);
    if (!arriving || this.#next) throw malformed(`a chunk of transfer ${id} is announced out of turn`);
    if (sizeBytes < 1 || sizeBytes > FRAME_BYTES_MAX || arriving.arrivedBytes + sizeBytes > arriving.totalBytes) {
      throw malformed(`a chunk of ${sizeBytes} bytes does not fit into transfer ${id}`);
    }
    this.#next = { arriving, sizeBytes };
  }

  /** Gives the message with its payload when it is complete. */
  take(chunk: Uint8Array): Arrived | undefined {
    const { arriving, sizeBytes } = this.#next!;
    this.#next = undefined;
    if (chunk.byteLength !== sizeBytes) {
      throw malformed(`a chunk has ${chunk.byteLength} bytes where ${sizeBytes} were announced`);
    }
    arriving.chunks.push(chunk);
    arriving.arrivedBytes += sizeBytes;
    if (arriving.arrivedBytes < arriving.totalBytes) return undefined;
    this.#arriving.delete(arriving.id);
    const { message, form, chunks } = arriving;
    return { message, form, at: PAYLOAD_AT[message[0] as number]!, bytes: joined(chunks) };
  }
}

/** One chunk is given on as it came. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks as readonly [Uint8Array];
  if (chunks.length === 1) return new Uint8Array(first.buffer, first.byteOffset, first.byteLength);
  const whole = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
