/** One WebSocket as a link sees it, whichever side opened it. */
export interface Wire {
  /** Bytes are copied or written before it returns. */
  send(bytes: Uint8Array): void;
  /** Accepted and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  /** Whether somebody calls the link when the buffer drains; otherwise it has to look. */
  readonly tellsDrain: boolean;
  close(code: number, reason: string): void;
  /** Without a word. */
  terminate(): void;
}

export function serverWire(socket: Bun.ServerWebSocket<unknown>): Wire {
  return {
    send: (bytes) => void socket.sendBinary(bytes as Uint8Array<ArrayBuffer>), // what is on its way out is in no shared memory
    get bufferedBytes() {
      return socket.getBufferedAmount();
    },
    tellsDrain: true,
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}

export function clientWire(socket: WebSocket): Wire {
  return {
    send: (bytes) => socket.send(bytes as Uint8Array<ArrayBuffer>), // as above
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    tellsDrain: false,
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}
