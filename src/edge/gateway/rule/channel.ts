/** The socket between a gateway and a host of rules. What the kernel does not take at once waits here, bounded by how much is asked. */
import type { Socket } from "bun";

export interface ChannelHandlers {
  data(bytes: Buffer): void;
  closed(): void;
}

export class Channel {
  #socket: Socket | undefined;
  #waiting: Uint8Array[] = [];

  /** The inherited descriptor. */
  static async open(fd: number, handlers: ChannelHandlers): Promise<Channel> {
    const channel = new Channel();
    const options: unknown = {
      fd, // taken at run time; the types know host and unix only
      socket: {
        binaryType: "buffer",
        data: (_socket: Socket, bytes: Buffer) => handlers.data(bytes),
        drain: () => channel.#drain(),
        close: () => handlers.closed(),
        error: () => handlers.closed(),
      },
    };
    channel.#socket = (await Bun.connect(options as Parameters<typeof Bun.connect>[0])) as Socket;
    return channel;
  }

  write(bytes: Uint8Array): void {
    if (this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      return;
    }
    const taken = this.#socket?.write(bytes) ?? 0;
    if (taken >= 0 && taken < bytes.byteLength) this.#waiting.push(bytes.subarray(taken));
  }

  close(): void {
    this.#waiting = [];
    this.#socket?.end();
  }

  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.write(bytes);
  }
}
