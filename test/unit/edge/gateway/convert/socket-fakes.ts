/** WebSocket clients and upstreams as tests play them. */
import type { HeaderList } from "../../../../../src/wire/http/index.ts";
import { acceptOf, OPCODE, writeFrame } from "../../../../../src/wire/websocket/index.ts";
import { type Rig, TestBody, type TestCall, type TestExchange, TestSink } from "./fakes.ts";

export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const HANDSHAKE: HeaderList = ["sec-websocket-version", "13", "sec-websocket-key", KEY];
export const MASK = new Uint8Array([1, 2, 3, 4]);
const OPEN = { protocol: "websocket" } as const;

export function open(rig: Rig, target: string, headers = HANDSHAKE): TestExchange {
  return rig.send("GET", target, headers, new TestBody([]), OPEN);
}

/** What a client says. */
export function say(exchange: TestExchange, text: string | Uint8Array): boolean {
  const opcode = typeof text === "string" ? OPCODE.text : OPCODE.binary;
  return exchange.raw!.source.sink!.write(writeFrame(opcode, Buffer.from(text), MASK));
}

export type Heard = readonly [opcode: number, content: string];

/** The frames that were written into a sink; content of a close is its code and reason. Unmasked where they are masked. */
export function heard(sink: TestSink): Heard[] {
  const all: Heard[] = [];
  for (let bytes = sink.bytes; bytes.length > 0; ) {
    const short = bytes[1]! & 127;
    const isMasked = (bytes[1]! & 128) !== 0;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    const headBytes = (short < 126 ? 2 : short === 126 ? 4 : 10) + (isMasked ? 4 : 0);
    const content = Buffer.from(bytes.subarray(headBytes, headBytes + length));
    if (isMasked) for (let at = 0; at < length; at++) content[at]! ^= bytes[headBytes - 4 + (at % 4)]!;
    const opcode = bytes[0]! & 15;
    all.push([
      opcode,
      opcode === OPCODE.close
        ? `${content.length > 0 ? content.readUInt16BE(0) : ""} ${content.subarray(2)}`
        : content.toString(opcode === OPCODE.text ? "utf8" : "hex"),
    ]);
    bytes = bytes.subarray(headBytes + length);
  }
  return all;
}

export const closing = (code: number): Uint8Array =>
  writeFrame(OPCODE.close, new Uint8Array([code >> 8, code & 255]), MASK);

/** The upstream's end of a socket. */
export class UpstreamSocket {
  readonly source = new TestBody();
  readonly sink = new TestSink();

  constructor(call: TestCall, accept = acceptOf(call.header("sec-websocket-key")!)) {
    call.events.onUpgrade!(
      { status: 101, headers: ["sec-websocket-accept", accept] },
      { source: this.source, sink: this.sink },
    );
  }

  say(text: string | Uint8Array, opcode: number = typeof text === "string" ? OPCODE.text : OPCODE.binary): void {
    this.source.sink!.write(writeFrame(opcode, Buffer.from(text), undefined));
  }

  close(code: number): void {
    this.source.sink!.write(writeFrame(OPCODE.close, new Uint8Array([code >> 8, code & 255]), undefined));
  }
}
