/** A TCP proxy that passes bytes on, and changes or holds some when a test says so. */
import type { LinkAddress } from "../../../../src/wire/link/index.ts";

export interface Proxy extends Disposable {
  readonly address: LinkAddress;
  /** Bytes that have passed, from the dialer and back. */
  readonly passed: { up: number; down: number };
  /** Flips the lowest bit of the byte at this place of what goes up; -1 for none. */
  flipUpAt: number;
  /** Flips one bit of the next bytes that go down. */
  flipNextDown: boolean;
  /** What goes up is held, once something has come down. */
  isHeld: boolean;
  /** Passes on what was held, and holds nothing more. */
  release(): void;
}

export function openProxy({ host, port }: LinkAddress): Proxy {
  const passed = { up: 0, down: 0 };
  const held: (() => void)[] = [];
  const listener = Bun.listen<{ target: Promise<Bun.Socket<undefined>> }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        const target = Bun.connect({
          hostname: host,
          port,
          socket: {
            data(_, bytes) {
              if (proxy.flipNextDown) bytes[bytes.length >> 1]! ^= 1;
              proxy.flipNextDown = false;
              passed.down += bytes.length;
              socket.write(bytes);
            },
            close: () => void socket.end(),
            error: () => {},
          },
        });
        socket.data = { target };
      },
      data(socket, bytes) {
        const at = proxy.flipUpAt - passed.up;
        if (at >= 0 && at < bytes.length) bytes[at]! ^= 1;
        passed.up += bytes.length;
        const copy = Uint8Array.from(bytes);
        const pass = (): void => void socket.data.target.then((target) => target.write(copy));
        if (proxy.isHeld && passed.down > 0) held.push(pass);
        else pass();
      },
      close: (socket) => void socket.data.target.then((target) => target.end()),
      error: () => {},
    },
  });
  const proxy: Proxy = {
    address: { host: "127.0.0.1", port: listener.port },
    passed,
    flipUpAt: -1,
    flipNextDown: false,
    isHeld: false,
    release() {
      proxy.isHeld = false;
      for (const pass of held.splice(0)) pass();
    },
    [Symbol.dispose]: () => listener.stop(true),
  };
  return proxy;
}
