/** Peers that misbehave: upgrade requests and frames written byte by byte, and a proxy that changes what passes. */
import { Packr } from "msgpackr";
import type { LinkAddress } from "../../../../src/wire/link/index.ts";
import { HELLO } from "../../../../src/wire/link/message.ts";

const packr = new Packr({ useRecords: false, mapsAsObjects: true });

export const NONCE = "AAAAAAAAAAAAAAAAAAAAAA";
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const;

export function pack(value: unknown): Uint8Array {
  return Uint8Array.from(packr.pack(value));
}

export const hello = (more: object = {}): Uint8Array => pack([[HELLO, 1, { instance: "raw", ...more }]]);

export function upgradeText(headers: Readonly<Record<string, string>>, path = "/link"): string {
  const all = {
    host: "127.0.0.1",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    "link-nonce": NONCE,
    "link-version": "1",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, text]) => `${name}: ${text}`);
  return [`GET ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

/** A client's frame, masked with zeros: the payload stands as it is. */
export function frame(
  payload: Uint8Array,
  opcode: number = OPCODE.binary,
  { isLast = true, reserved = 0 } = {},
): Uint8Array {
  const { byteLength: size } = payload;
  const first = (isLast ? 0x80 : 0) | reserved | opcode;
  const length = size < 126 ? [size] : size < 65_536 ? [126, size >> 8, size & 255] : longLength(size);
  length[0]! |= 0x80;
  return Buffer.concat([Uint8Array.from([first, ...length, 0, 0, 0, 0]), payload]);
}

function longLength(size: number): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size));
  return [127, ...bytes];
}

/** A TCP connection whose bytes a test writes itself. */
export class RawPeer implements Disposable {
  readonly #socket: Bun.Socket<undefined>;
  readonly #chunks: Uint8Array[];
  #out: Uint8Array = new Uint8Array(0);
  isClosed = false;

  private constructor(socket: Bun.Socket<undefined>, chunks: Uint8Array[]) {
    this.#socket = socket;
    this.#chunks = chunks;
  }

  static async open({ host, port }: LinkAddress): Promise<RawPeer> {
    let peer: RawPeer | undefined;
    const chunks: Uint8Array[] = [];
    const socket = await Bun.connect({
      hostname: host,
      port,
      socket: {
        data: (_, bytes) => void chunks.push(bytes),
        drain: () => peer?.write(new Uint8Array(0)),
        close: () => {
          if (peer) peer.isClosed = true;
        },
        error: () => {},
      },
    });
    peer = new RawPeer(socket, chunks);
    return peer;
  }

  /** Everything that has come, as latin1. */
  get received(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause();
  }

  write(data: string | Uint8Array): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    this.#out = Buffer.concat([this.#out, bytes]);
    const taken = this.#socket.write(this.#out);
    this.#out = this.#out.subarray(Math.max(0, taken));
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
