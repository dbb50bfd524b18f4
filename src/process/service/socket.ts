/** The inherited socket between a node and a host, as something to write to. */
import type { Socket } from "bun";

export interface SocketHandlers {
  data(bytes: Buffer): void;
  drained(): void;
  closed(): void;
}

/** What the conversation needs of it; tests give another one. */
export interface Pipe {
  /** The bytes that were taken; what was not comes again after `drained`. */
  write(bytes: Uint8Array): number;
  close(): void;
}

export async function openSocket(fd: number, handlers: SocketHandlers): Promise<Pipe> {
  const options: unknown = {
    fd, // taken at run time; the types know host and unix only
    socket: {
      binaryType: "buffer",
      data: (_socket: Socket, bytes: Buffer) => handlers.data(bytes),
      drain: () => handlers.drained(),
      close: () => handlers.closed(),
      error: () => handlers.closed(),
    },
  };
  const socket = (await Bun.connect(options as Parameters<typeof Bun.connect>[0])) as Socket;
  return { write: (bytes) => socket.write(bytes), close: () => void socket.end() };
}
