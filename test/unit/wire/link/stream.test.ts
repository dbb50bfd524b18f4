/** Byte streams of a link: order, windows, and every way to end. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { type ByteStream, STREAM_WINDOW_BYTES, type TopicHandler } from "../../../../src/wire/link/index.ts";
import { until } from "../../../support/until.ts";
import { failureOf, openNode } from "./support.ts";

async function readAll(stream: ByteStream): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Gives everything back, then ends. */
const mirror: TopicHandler = {
  async stream(stream) {
    for await (const piece of stream) await stream.write(piece);
    stream.end();
  },
};

const holding = (streams: ByteStream[]): TopicHandler => ({ stream: (stream) => void streams.push(stream) });

describe("openStream()", () => {
  test("openStream() carries bytes both ways in order, however they are cut", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { mirror } });
    const link = await a.dial(b);
    const sizes = fc.array(fc.integer({ min: 0, max: 400_000 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const stream = link.openStream("mirror", null);
        const parts = lengths.map((length, at) => new Uint8Array(length).map((_, index) => index * 7 + at));
        const writing = (async () => {
          for (const part of parts) await stream.write(part);
          stream.end();
        })();
        const back = await readAll(stream);
        await writing;
        expect(Buffer.compare(back, Buffer.concat(parts))).toBe(0);
      }),
      { numRuns: 15 },
    );
    await link.close();
  });

  test("openStream() hands the payload and the peer to the handler", async () => {
    const heard: unknown[] = [];
    const topic: TopicHandler = {
      stream: (_, payload, { peer, traceparent }) => void heard.push(payload, peer.id, traceparent),
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { topic } });
    const link = await a.dial(b);
    link.openStream("topic", { from: 7 }, { traceparent: "00-trace" });
    await until("the stream", () => heard.length > 0);
    expect(heard).toEqual([{ from: 7 }, "a", "00-trace"]);
  });

  test("write() waits when the reader is a window behind, and goes on when it reads", async () => {
    const streams: ByteStream[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { hold: holding(streams) } });
    const link = await a.dial(b);
    const stream = link.openStream("hold", null);
    await stream.write(new Uint8Array(STREAM_WINDOW_BYTES));
    let isWritten = false;
    const more = stream.write(new Uint8Array(1)).then(() => {
      isWritten = true;
      stream.end();
    });
    await link.request("nothing", 1).catch(() => {}); // a round trip: everything before it has arrived
    expect(isWritten).toBe(false);
    expect(await readAll(streams[0]!)).toHaveLength(STREAM_WINDOW_BYTES + 1);
    await more;
    expect(isWritten).toBe(true);
  });

  test("write() copies: bytes may be changed as soon as it has resolved", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { mirror } });
    const stream = (await a.dial(b)).openStream("mirror", null);
    const bytes = new Uint8Array(1000).fill(1);
    await stream.write(bytes);
    bytes.fill(2);
    stream.end();
    expect((await readAll(stream)).every((byte) => byte === 1)).toBe(true);
  });

  test("abort() fails the other side's reads and writes with the same failure", async () => {
    const streams: ByteStream[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { hold: holding(streams) } });
    const stream = (await a.dial(b)).openStream("hold", null);
    await until("the stream", () => streams.length === 1);
    const read = failureOf(readAll(streams[0]!));
    stream.abort(new Failure("disk.full", "no room", { data: { left: 0 } }));
    expect((await read).toJSON()).toMatchObject({ code: "disk.full", data: { left: 0 } });
    expect((await failureOf(streams[0]!.write(new Uint8Array(1)))).code).toBe("disk.full");
    expect(streams[0]!.signal.aborted).toBe(true);
  });

  test("a reader that leaves early aborts the writer", async () => {
    const leave: TopicHandler = {
      async stream(stream) {
        for await (const _ of stream) break;
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { leave } });
    const stream = (await a.dial(b)).openStream("leave", null);
    const writing = (async () => {
      for (;;) await stream.write(new Uint8Array(50_000));
    })();
    expect((await failureOf(writing)).code).toBe("link.cancelled");
  });

  test("openStream() takes its listener off the signal when the stream has ended", async () => {
    const finish: TopicHandler = {
      async stream(stream) {
        await readAll(stream);
        stream.end();
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { finish } });
    const link = await a.dial(b);
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    const stream = link.openStream("finish", null, { signal });
    expect(listeners).toBe(1);
    stream.end();
    await readAll(stream);
    expect(listeners).toBe(0);
  });

  test("a stream of single bytes is read as it was written, in few pieces that keep no frames alive", async () => {
    const read = Promise.withResolvers<void>();
    const pieces: Uint8Array[] = [];
    const late: TopicHandler = {
      async stream(stream) {
        await read.promise;
        for await (const piece of stream) pieces.push(piece);
        stream.end();
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { late } });
    const link = await a.dial(b);
    const stream = link.openStream("late", null);
    const sizes = [...new Array<number>(3_000).fill(1), 900, 200, 5_000, 1, 1, 1_023, 1, 1_024, 3];
    const said = sizes.map((size, index) => new Uint8Array(size).fill(index));
    for (const each of said) await stream.write(each);
    await link.request("nobody", 1).catch(() => {}); // a round trip: all has arrived
    read.resolve();
    stream.end();
    await readAll(stream);
    expect(Buffer.compare(Buffer.concat(pieces), Buffer.concat(said))).toBe(0);
    expect(pieces.length).toBeLessThan(15);
    for (const piece of pieces) expect(piece.buffer.byteLength).toBeLessThanOrEqual(2 * piece.byteLength + 1_024);
  });

  test("abort() reaches the other side when the failure's data cannot be encoded", async () => {
    const leave: TopicHandler = {
      stream(stream) {
        stream.abort(new Failure("test.odd", "odd", { data: { odd: Symbol("odd") } }));
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { leave } });
    const stream = (await a.dial(b)).openStream("leave", null);
    expect((await failureOf(readAll(stream))).toJSON()).toEqual({ code: "test.odd", message: "odd", retryable: false });
  });

  test("a handler that throws aborts its stream, and a defect is reported", async () => {
    const broken: TopicHandler = {
      stream() {
        throw new TypeError("a bug");
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { broken } });
    const stream = (await a.dial(b)).openStream("broken", null);
    expect((await failureOf(readAll(stream))).toJSON()).toMatchObject({ code: "link.defect", message: "a bug" });
    expect(b.reports).toEqual(["broken"]);
  });

  test("openStream() fails with link.unknown_topic, link.overloaded, link.cancelled or link.closed as things are", async () => {
    await using a = openNode("a", { limits: { streamsMax: 1 } });
    await using b = openNode("b", { handlers: { hold: holding([]) } });
    const link = await a.dial(b);
    expect((await failureOf(readAll(link.openStream("nothing", null)))).code).toBe("link.unknown_topic");
    const end = new AbortController();
    const stream = link.openStream("hold", null, { signal: end.signal });
    expect(() => link.openStream("hold", null)).toThrow("1 streams are open");
    const read = failureOf(readAll(stream));
    end.abort();
    expect((await read).code).toBe("link.cancelled");
    const last = failureOf(readAll(link.openStream("hold", null)));
    b.accepted[0]!.destroy(new Failure("test.over", "over"));
    expect((await last).code).toBe("link.closed");
    expect(() => link.openStream("hold", null)).toThrow("has ended");
  });
});
