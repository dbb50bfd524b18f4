/** A connection under test, with the bytes of a peer written by hand and its answers read by a plain parser. */
import type { Failure } from "../../../../src/base/errors.ts";
import type { HeaderList, ReplyHead, RequestHead } from "../../../../src/wire/http/index.ts";
import {
  defaultHttp2Limits,
  HpackDecoder,
  HpackEncoder,
  Http2Connection,
  type Http2Handler,
  type Http2Limits,
  type Http2Stream,
  Output,
} from "../../../../src/wire/http2/index.ts";

export type Field = readonly [string, string];
export const PREFACE: Uint8Array = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const GET: Field[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "example.com"],
];
export const POST: Field[] = [[":method", "POST"], ...GET.slice(1)];

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;

export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  const { length } = payload;
  const head = [length >> 16, length >> 8, length, type, flags, id >> 24, id >> 16, id >> 8, id];
  return Uint8Array.from([...head.map((byte) => byte & 255), ...payload]);
}

export function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

export function settings(...pairs: readonly (readonly [number, number])[]): Uint8Array {
  return frame(
    TYPE.settings,
    0,
    0,
    pairs.flatMap(([id, value]) => [id >> 8, id & 255, ...uint32(value)]),
  );
}

/** Literals that go into no table: any number of them, for any connection. */
export function block(fields: readonly Field[]): number[] {
  return fields.flatMap(([name, value]) => [0, ...string(name), ...string(value)]);
}

function string(text: string): number[] {
  const bytes = [...Buffer.from(text, "latin1")];
  const { length } = bytes;
  if (length < 127) return [length, ...bytes];
  const head = [127];
  let left = length - 127;
  for (; left >= 128; left = Math.floor(left / 128)) head.push((left % 128) + 128);
  return [...head, left, ...bytes];
}

/** HEADERS with END_HEADERS. */
export function headers(id: number, fields: readonly Field[], isEnd = true): Uint8Array {
  return frame(TYPE.headers, isEnd ? 5 : 4, id, block(fields));
}

export interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

export function framesOf(bytes: Uint8Array): Seen[] {
  const frames: Seen[] = [];
  for (let at = 0; at < bytes.length; ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    const length = view.getUint32(0) >>> 8;
    frames.push({
      type: view.getUint8(3),
      flags: view.getUint8(4),
      id: view.getUint32(5),
      payload: bytes.slice(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}

/** Everything that a connection tells, as text. */
export class Log implements Http2Handler<string> {
  readonly events: string[] = [];
  readonly streams = new Map<number, Http2Stream<string>>();
  readonly heads: (RequestHead | ReplyHead)[] = [];
  readonly data = new Map<number, Uint8Array[]>();
  over: Failure | undefined;
  outputs = 0;
  request: (stream: Http2Stream<string>, head: RequestHead, isEnded: boolean) => void = () => {};
  reply: (stream: Http2Stream<string>, head: ReplyHead, isEnded: boolean) => void = () => {};
  onChunk: (stream: Http2Stream<string>, chunk: Uint8Array) => void = () => {};
  ready: (stream: Http2Stream<string>) => void = () => {};

  bytesOf(id: number): Buffer {
    return Buffer.concat(this.data.get(id) ?? []);
  }

  onOutput(): void {
    this.outputs++;
  }
  onRequest(stream: Http2Stream<string>, head: RequestHead, isEnded: boolean): void {
    this.events.push(`request ${stream.id}${isEnded ? " end" : ""}`);
    this.streams.set(stream.id, stream);
    this.heads.push(head);
    this.request(stream, head, isEnded);
  }
  onInform(stream: Http2Stream<string>, head: ReplyHead): void {
    this.events.push(`inform ${stream.id} ${head.status}`);
  }
  onReply(stream: Http2Stream<string>, head: ReplyHead, isEnded: boolean): void {
    this.events.push(`reply ${stream.id} ${head.status}${isEnded ? " end" : ""}`);
    this.heads.push(head);
    this.reply(stream, head, isEnded);
  }
  onData(stream: Http2Stream<string>, chunk: Uint8Array): void {
    this.data.set(stream.id, [...(this.data.get(stream.id) ?? []), chunk]);
    this.onChunk(stream, chunk);
  }
  onEnd(stream: Http2Stream<string>, trailers: HeaderList | undefined): void {
    this.events.push(`end ${stream.id}${trailers === undefined ? "" : ` ${trailers.join(" ")}`}`);
  }
  onReady(stream: Http2Stream<string>): void {
    this.events.push(`ready ${stream.id}`);
    this.ready(stream);
  }
  onReset(stream: Http2Stream<string>, failure: Failure, isUnsent: boolean): void {
    this.events.push(`reset ${stream.id}${isUnsent ? " unsent" : ""} ${failure.code}`);
  }
  onReplied(stream: Http2Stream<string>): void {
    this.events.push(`replied ${stream.id}`);
  }
  onStreamClosed(stream: Http2Stream<string>): void {
    this.events.push(`closed ${stream.id}`);
  }
  onPeer(): void {}
  onRoom(): void {
    this.events.push("room");
  }
  onPong(): void {
    this.events.push("pong");
  }
  onOver(failure: Failure): void {
    this.over = failure;
  }
}

/** A connection of one side, spoken to by hand. */
export class Hand {
  readonly log = new Log();
  readonly connection: Http2Connection<string>;
  readonly decoder = new HpackDecoder(4096);
  /** What it has written. */
  sent: Seen[] = [];
  nowMs = 0;

  constructor(side: "server" | "client", limits: Partial<Http2Limits> = {}, takesConnect = false) {
    const options = { side, limits: { ...defaultHttp2Limits, ...limits }, takesConnect };
    this.connection = new Http2Connection<string>(this.log, options);
    this.connection.start();
  }

  /** A server that has heard preface and settings. */
  static server(limits: Partial<Http2Limits> = {}, ...pairs: readonly (readonly [number, number])[]): Hand {
    const hand = new Hand("server", limits, true);
    hand.hear(PREFACE, settings(...pairs));
    hand.sent = [];
    return hand;
  }

  static client(limits: Partial<Http2Limits> = {}, ...pairs: readonly (readonly [number, number])[]): Hand {
    const hand = new Hand("client", limits);
    hand.pull();
    hand.hear(settings(...pairs));
    hand.sent = [];
    return hand;
  }

  hear(...pieces: Uint8Array[]): this {
    for (const piece of pieces) this.connection.receive(piece.slice(), this.nowMs);
    return this.pull();
  }

  pull(): this {
    for (let bytes = this.connection.pull(); bytes !== undefined; bytes = this.connection.pull()) {
      const isPreface = Buffer.from(bytes.subarray(0, PREFACE.length)).equals(PREFACE);
      this.sent.push(...framesOf(isPreface ? bytes.subarray(PREFACE.length) : bytes));
    }
    return this;
  }

  /** Code of the GOAWAY that says what is wrong. */
  get goaway(): number | undefined {
    const last = this.sent.filter(({ type }) => type === TYPE.goaway).at(-1);
    return last === undefined ? undefined : Buffer.from(last.payload).readUInt32BE(4);
  }

  /** Codes of RST_STREAM by stream. */
  get resets(): Map<number, number> {
    const resets = this.sent.filter(({ type }) => type === TYPE.reset);
    return new Map(resets.map(({ id, payload }) => [id, Buffer.from(payload).readUInt32BE(0)]));
  }

  of(type: number, id?: number): Seen[] {
    return this.sent.filter((seen) => seen.type === type && (id === undefined || seen.id === id));
  }

  /** Fields of a head that it has sent; to be asked in their order, for the table's sake. */
  fields(seen: Seen): Field[] {
    const fields: Field[] = [];
    this.decoder.decode(seen.payload, 0, seen.payload.length, {
      field: (name, value) => void fields.push([name, value]),
    });
    return fields;
  }
}

/** Two connections of ours, each the other's peer. */
export class Pair {
  readonly server = new Log();
  readonly client = new Log();
  readonly serverSide: Http2Connection<string>;
  readonly clientSide: Http2Connection<string>;
  /** Bytes of each piece that is handed over; all at once by default. */
  cut = Number.POSITIVE_INFINITY;

  constructor(limits: Partial<Http2Limits> = {}) {
    const all = { ...defaultHttp2Limits, ...limits };
    this.serverSide = new Http2Connection<string>(this.server, { side: "server", limits: all, takesConnect: true });
    this.clientSide = new Http2Connection<string>(this.client, { side: "client", limits: all });
    this.serverSide.start();
    this.clientSide.start();
    this.flow();
  }

  flow(): this {
    for (;;) {
      const up = this.clientSide.pull();
      if (up !== undefined) this.#hand(this.serverSide, up);
      const down = this.serverSide.pull();
      if (down !== undefined) this.#hand(this.clientSide, down);
      if (up === undefined && down === undefined) return this;
    }
  }

  #hand(to: Http2Connection<string>, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += this.cut) to.receive(bytes.slice(at, at + this.cut), 0);
  }
}

export function requestHead(method = "GET", target = "/", fields: HeaderList = []): RequestHead {
  return { method, target, scheme: "http", authority: "example.com", headers: fields, version: "2" };
}

export function encoded(fields: readonly Field[], encoder = new HpackEncoder(4096)): Uint8Array {
  const out = new Output();
  for (const [name, value] of fields) encoder.field(out, name, value);
  return out.take();
}
