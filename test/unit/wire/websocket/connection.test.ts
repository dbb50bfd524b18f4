/** A WebSocket of either side over a stream in memory: messages, answers to pings, back-pressure, and its end. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import type { BodySink } from "../../../../src/wire/http/index.ts";
import { OPCODE, WebSocketConnection, writeFrame } from "../../../../src/wire/websocket/index.ts";

const MASK = Uint8Array.of(1, 2, 3, 4);

class Rig {
  readonly sent: Uint8Array[] = [];
  readonly events: string[] = [];
  isFull = false;
  isEnded = false;
  source!: BodySink;
  readonly sink: BodySink = {
    onReady: undefined,
    onCancel: undefined,
    write: (chunk) => this.sent.push(chunk) > 0 && !this.isFull,
    end: () => {
      this.isEnded = true;
    },
    abort: (cause) => void this.events.push(`abort ${cause.code}`),
  };
  readonly socket: WebSocketConnection;

  /** `tellsAll`: events, too, that most tests do not care for. */
  constructor(side: "server" | "client" = "server", tellsAll = false) {
    const source = { length: undefined, start: (sink: BodySink) => this.#start(sink), cancel: () => {} };
    this.socket = new WebSocketConnection(
      { source, sink: this.sink },
      {
        onMessage: (data, isText) =>
          void this.events.push(`${isText ? "text" : "binary"} ${Buffer.from(data).toString()}`),
        onReady: () => void this.events.push("ready"),
        onPong: (data) => void this.events.push(`pong ${Buffer.from(data).toString()}`),
        onClosing: () => tellsAll && this.events.push("closing"),
        onGone: () => tellsAll && this.events.push("gone"),
        onClose: (code, reason, isClean) => void this.events.push(`close ${code} ${reason} ${isClean}`),
      },
      { side, messageBytesMax: 1_000, mask: () => MASK },
    );
  }

  #start(sink: BodySink): void {
    this.source = sink;
  }

  hear(opcode: number, payload: string | Uint8Array = ""): boolean {
    return this.source.write(writeFrame(opcode, typeof payload === "string" ? Buffer.from(payload) : payload, MASK));
  }
}

const goodbye = (code: number, reason = ""): Uint8Array =>
  Buffer.concat([Uint8Array.of(code >> 8, code & 255), Buffer.from(reason)]);
const plain = (opcode: number, payload: string | Uint8Array = ""): Uint8Array =>
  writeFrame(opcode, typeof payload === "string" ? Buffer.from(payload) : payload, undefined);

describe("messages", () => {
  test("send() writes one frame, with a mask when it is a client's", () => {
    const [server, client] = [new Rig("server"), new Rig("client")];
    server.socket.send("hi");
    client.socket.send(Buffer.from("hi"));
    expect(server.sent).toEqual([plain(OPCODE.text, "hi")]);
    expect(client.sent).toEqual([writeFrame(OPCODE.binary, Buffer.from("hi"), MASK)]);
  });

  test("write() answers a ping with its payload when it comes", () => {
    const rig = new Rig();
    rig.hear(OPCODE.ping, "abc");
    expect(rig.sent).toEqual([plain(OPCODE.pong, "abc")]);
  });

  test("write() answers only the last ping when the peer does not read", () => {
    const rig = new Rig();
    rig.isFull = true;
    expect(rig.socket.send("x")).toBe(false);
    for (let at = 0; at < 100; at++) rig.hear(OPCODE.ping, String(at));
    expect(rig.sent.length).toBe(1);
    rig.isFull = false;
    rig.sink.onReady!();
    expect(rig.sent.slice(1)).toEqual([plain(OPCODE.pong, "99")]);
    expect(rig.events).toEqual(["ready"]);
  });

  test("pause() holds messages and the peer back when its owner is busy", () => {
    const rig = new Rig();
    let isReady = 0;
    rig.source.onReady = () => void isReady++;
    rig.socket.pause();
    expect(rig.hear(OPCODE.text, "a")).toBe(false);
    expect(rig.events).toEqual([]);
    rig.socket.resume();
    expect([rig.events, isReady]).toEqual([["text a"], 1]);
  });
});

describe("the end", () => {
  test("write() answers a close with its code when the peer says good-bye", () => {
    const rig = new Rig();
    rig.hear(OPCODE.close, goodbye(1001, "off"));
    expect(rig.sent).toEqual([plain(OPCODE.close, goodbye(1001, "off"))]);
    expect(rig.events).toEqual(["close 1001 off true"]);
    expect(rig.isEnded).toBe(true);
  });

  test("close() is over when the peer has answered", () => {
    const rig = new Rig();
    rig.socket.close(1000, "done");
    expect(rig.sent).toEqual([plain(OPCODE.close, goodbye(1000, "done"))]);
    expect(rig.socket.send("late")).toBe(false);
    rig.hear(OPCODE.text, "on its way");
    rig.hear(OPCODE.close, goodbye(1000));
    expect(rig.events).toEqual(["close 1000  true"]);
    expect(rig.sent.length).toBe(1);
  });

  test("close() cuts its reason between characters when it is too long", () => {
    const rig = new Rig();
    rig.socket.close(1000, "é".repeat(100));
    expect(Buffer.from(rig.sent[0]!.subarray(4)).toString()).toBe("é".repeat(61));
  });

  test("write() says what was wrong and ends when the peer breaks the rules", () => {
    const rig = new Rig();
    let isCancelled = 0;
    rig.source.onCancel = () => void isCancelled++;
    rig.source.write(plain(OPCODE.text, "no mask"));
    expect(rig.sent[0]!.slice(2, 4)).toEqual(Uint8Array.of(1002 >> 8, 1002 & 255));
    expect(rig.events).toEqual(["close 1002 a frame without a mask false"]);
    expect([rig.isEnded, rig.hear(OPCODE.text, "more"), rig.hear(OPCODE.text, "more"), isCancelled]).toEqual([
      true,
      false,
      false,
      1,
    ]);
  });

  test("end() and abort() are told as 1006 when nobody said good-bye", () => {
    const [ended, broken] = [new Rig(), new Rig()];
    ended.source.end();
    broken.source.abort(new Failure("test.gone", "gone"));
    broken.source.end();
    expect(ended.events).toEqual(["close 1006  false"]);
    expect(broken.events).toEqual(["close 1006 gone false"]);
  });
});

describe("the end of the connection", () => {
  test("onClosing() and onGone() are told once each, around onClose()", () => {
    const rig = new Rig("server", true);
    rig.socket.close(1001, "bye");
    rig.hear(OPCODE.close, goodbye(1001));
    rig.socket.close(1000);
    rig.source.end();
    rig.source.abort(new Failure("x.y", "z"));
    expect(rig.events).toEqual(["closing", "close 1001  true", "gone"]);
  });

  test("onGone() comes without a close when the connection breaks", () => {
    const rig = new Rig("server", true);
    rig.source.abort(new Failure("x.y", "z"));
    expect(rig.events).toEqual(["gone", "close 1006 z false"]);
  });

  test("giveUp() ends both ways, ours in order, or the one that is left, and nothing when none is", () => {
    const cause = new Failure("x.y", "z");
    const whole = new Rig();
    whole.source.onCancel = ({ code }) => void whole.events.push(`cancel ${code}`);
    whole.socket.giveUp(cause);
    expect(whole.events).toEqual(["close 1006 z false", "cancel x.y"]);
    expect([whole.isEnded, whole.hear(OPCODE.text, "more")]).toEqual([true, false]);
    const half = new Rig();
    half.source.onCancel = ({ code }) => void half.events.push(`cancel ${code}`);
    half.hear(OPCODE.close, goodbye(1000));
    half.socket.giveUp(cause);
    expect(half.events.at(-1)).toBe("cancel x.y");
    const none = new Rig();
    none.source.end();
    const { length } = none.events;
    none.socket.giveUp(cause);
    expect(none.events.length).toBe(length);
  });

  test("heardBytes grows with all that comes, and isHeld tells who is waited for", () => {
    const rig = new Rig();
    rig.hear(OPCODE.pong, "x");
    expect([rig.socket.heardBytes, rig.socket.isHeld]).toEqual([7, false]);
    rig.socket.pause();
    expect(rig.socket.isHeld).toBe(true);
    rig.socket.resume();
    rig.isFull = true;
    rig.socket.send("x");
    expect(rig.socket.isHeld).toBe(true);
    rig.sink.onReady!();
    expect(rig.socket.isHeld).toBe(false);
  });
});
