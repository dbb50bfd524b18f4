/**
 * Lines over one inherited socket. Incoming bytes are cut at newlines, bounded by MESSAGE_BYTES_MAX; outgoing lines that
 * the kernel does not take at once wait here, bounded by the requests that the owner keeps in flight.
 */
import type { Socket } from "bun";
import { MESSAGE_BYTES_MAX } from "./messages.ts";

export interface LineHandlers {
  line(text: string): void;
  closed(): void;
}

export class LineChannel {
  readonly #handlers: LineHandlers;
  readonly #decoder = new TextDecoder();
  #socket: Socket | undefined;
  #parts: string[] = [];
  #partsChars = 0;
  #unsent: Uint8Array[] = [];
  #closed = false;

  private constructor(handlers: LineHandlers) {
    this.#handlers = handlers;
  }

  static async open(fd: number, handlers: LineHandlers): Promise<LineChannel> {
    const channel = new LineChannel(handlers);
    const options: unknown = {
      fd, // taken at run time; the types know host and unix only
      socket: {
        data: (_socket: Socket, data: Uint8Array) => channel.#receive(data),
        drain: () => channel.#flush(),
        close: () => channel.#end(),
        error: () => channel.#end(),
      },
    };
    channel.#socket = (await Bun.connect(options as Parameters<typeof Bun.connect>[0])) as Socket;
    channel.#flush();
    return channel;
  }

  /** What the kernel has not taken yet. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const each of this.#unsent) bytes += each.byteLength;
    return bytes;
  }

  send(text: string): void {
    if (this.#closed) return;
    this.#unsent.push(Buffer.from(`${text}\n`));
    this.#flush();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.end();
  }

  #flush(): void {
    while (this.#socket && this.#unsent.length > 0) {
      const chunk = this.#unsent[0]!;
      const taken = this.#socket.write(chunk);
      if (taken < 0) return this.#end();
      if (taken < chunk.byteLength) {
        this.#unsent[0] = chunk.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
  }

  #receive(data: Uint8Array): void {
    const text = this.#decoder.decode(data, { stream: true });
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      this.#parts.push(text.slice(from, at));
      const line = this.#parts.length === 1 ? this.#parts[0]! : this.#parts.join("");
      this.#parts = [];
      this.#partsChars = 0;
      from = at + 1;
      this.#handlers.line(line);
      if (this.#closed) return;
    }
    if (from < text.length) {
      this.#parts.push(text.slice(from));
      this.#partsChars += text.length - from;
      if (this.#partsChars > MESSAGE_BYTES_MAX) this.#overflow();
    }
  }

  /** A peer that never ends its line has lost its mind; the owner sees a closed channel and ends the process. */
  #overflow(): void {
    this.#socket?.end();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent = [];
    this.#handlers.closed();
  }
}
