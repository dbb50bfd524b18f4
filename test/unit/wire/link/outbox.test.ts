/** The outbox alone, over a socket that a test drains: what leaves when, who waits, and what is refused. */
import { describe, expect, test } from "bun:test";
import { messageOf } from "../../../../src/base/errors.ts";
import { Decoder } from "../../../../src/wire/codec/index.ts";
import { FRAME_BYTES_MAX, LINK_LIMITS, type LinkLimits } from "../../../../src/wire/link/limits.ts";
import { BEAT, CHUNK, type Message, NOTIFY, notifyMessage, requestMessage } from "../../../../src/wire/link/message.ts";
import { Outbox } from "../../../../src/wire/link/outbox.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { turns } from "../rpc/support.ts";
import { failureOf } from "./support.ts";

/** A socket that keeps what it gets until a test takes some. */
async function openOutbox(more: Partial<LinkLimits> = {}) {
  const sent: Uint8Array[] = [];
  const refused: string[] = [];
  const stuck: number[] = [];
  const socket = { bufferedBytes: 0, isSlow: false };
  const clock = new SteppedClock();
  const outbox = new Outbox({
    wire: {
      send: (bytes) => {
        sent.push(Uint8Array.from(bytes));
        if (socket.isSlow) socket.bufferedBytes += bytes.byteLength;
      },
      get bufferedBytes() {
        return socket.bufferedBytes;
      },
      tellsDrain: false,
      close: () => {},
      terminate: () => {},
    },
    clock,
    limits: { ...LINK_LIMITS, ...more },
    refused: (message, why) => void refused.push(`${message[0]} ${why.code}`),
    stuck: (bytes) => void stuck.push(bytes),
    caughtUp: () => {},
  });
  return { outbox, sent, refused, stuck, socket, clock };
}

/** What the frames hold: messages by kind, chunks by size. */
function story(frames: readonly Uint8Array[]): string[] {
  const decoder = new Decoder();
  let isChunk = false;
  return frames.map((bytes) => {
    if (isChunk) {
      isChunk = false;
      return `chunk ${bytes.byteLength}`;
    }
    const kinds = (decoder.decodeFrame(bytes).values as Message[]).map(([kind]) => kind as number);
    isChunk = kinds.at(-1) === CHUNK;
    return kinds.join(" ");
  });
}

const small = (payload: unknown = 1): Message => notifyMessage("topic", payload, undefined);
const asked = (payload: unknown, id = 1): Message => requestMessage(id, "topic", 1000, payload, undefined);

describe("Outbox", () => {
  test("push() collects what is said in one turn into one frame, also behind some awaits", async () => {
    const { outbox, sent } = await openOutbox();
    outbox.push(small());
    void Promise.resolve().then(() => outbox.push(small()));
    void (async () => {
      await null;
      await null;
      outbox.push(small());
    })();
    await turns();
    expect(story(sent)).toEqual(["5 5 5"]);
    outbox.push(small());
    await turns();
    expect(story(sent)).toEqual(["5 5 5", "5"]);
  });

  test("push() sends a full frame at once when very many messages are said in one turn", async () => {
    const { outbox, sent } = await openOutbox();
    for (let count = 0; count < 2500; count++) outbox.push(small());
    expect(sent.length).toBe(2);
    await turns();
    expect(story(sent).map((kinds) => kinds.split(" ").length)).toEqual([1024, 1024, 452]);
  });

  test("push() refuses a payload that cannot be encoded and sends the others", async () => {
    const { outbox, sent, refused } = await openOutbox();
    outbox.push(small());
    outbox.push(small({ big: 2n ** 70n }));
    outbox.push([BEAT]);
    await turns();
    expect(refused).toEqual([`${NOTIFY} link.unencodable`]);
    expect(story(sent)).toEqual([`${NOTIFY} ${BEAT}`]);
  });

  test("push() refuses a payload that is too large, after the call", async () => {
    const { outbox, sent, refused } = await openOutbox({ payloadBytesMax: 100_000 });
    outbox.push(small(new Uint8Array(100_001)));
    expect(refused).toEqual([]);
    await turns();
    expect(refused).toEqual([`${NOTIFY} link.too_large`]);
    expect(sent).toEqual([]);
  });

  test("push() sends a large value as a transfer, so that no frame is larger than the bound", async () => {
    const { outbox, sent } = await openOutbox();
    outbox.push(asked("x".repeat(3 * FRAME_BYTES_MAX)));
    outbox.push(small());
    await turns();
    expect(Math.max(...sent.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(FRAME_BYTES_MAX);
    expect(story(sent)).toEqual([
      "5 14 13",
      "chunk 1048576",
      "13",
      "chunk 1048576",
      "13",
      "chunk 1048576",
      "13",
      "chunk 5",
    ]);
  });

  test("push() lets small messages overtake a large payload that the socket does not take yet", async () => {
    const { outbox, sent, socket, clock } = await openOutbox({ sendBufferBytes: 64 * FRAME_BYTES_MAX });
    socket.isSlow = true;
    outbox.push(small(new Uint8Array(8 * FRAME_BYTES_MAX)));
    await turns();
    const before = sent.length;
    outbox.push([BEAT]);
    await turns();
    expect(story(sent).slice(before)).toEqual([`${BEAT}`]);
    expect(socket.bufferedBytes).toBeLessThanOrEqual(3 * FRAME_BYTES_MAX + 1024);
    for (let look = 0; look < 20; look++) {
      socket.bufferedBytes = 0;
      clock.advance(20);
    }
    const chunks = story(sent).filter((each) => each.startsWith("chunk"));
    expect(chunks).toEqual(new Array(8).fill(`chunk ${FRAME_BYTES_MAX}`));
  });

  test("push() sends chunks of several large payloads in turn, of no more than four at a time", async () => {
    const { outbox, sent, clock, socket } = await openOutbox({ sendBufferBytes: 64 * FRAME_BYTES_MAX });
    for (let count = 0; count < 6; count++) outbox.push(asked(new Uint8Array(2 * FRAME_BYTES_MAX), count));
    await turns();
    socket.bufferedBytes = 0;
    clock.advance(20);
    const decoder = new Decoder();
    const ids: number[] = [];
    let [open, most, isChunk] = [0, 0, false];
    for (const bytes of sent) {
      if (isChunk) {
        isChunk = false;
        continue;
      }
      for (const [kind, id] of decoder.decodeFrame(bytes).values as [number, number][]) {
        if (kind === CHUNK) ids.push(id);
        if (kind === CHUNK && ids.filter((each) => each === id).length === 2) open--;
        if (kind === 14) most = Math.max(most, ++open);
        isChunk = kind === CHUNK;
      }
    }
    expect(most).toBe(4);
    expect(ids.slice(0, 6)).toEqual([1, 2, 3, 4, 1, 2]);
    expect(ids.toSorted()).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
  });

  test("drained() resolves at once when there is room, and when the socket has taken some otherwise", async () => {
    const { outbox, socket, clock } = await openOutbox({ sendBufferBytes: 100 });
    await outbox.drained();
    socket.isSlow = true;
    outbox.push(small("x".repeat(200)));
    await turns();
    expect(outbox.isFull).toBe(true);
    let isDrained = false;
    const wait = outbox.drained().then(() => {
      isDrained = true;
    });
    clock.advance(1000);
    await turns();
    expect(isDrained).toBe(false);
    socket.bufferedBytes = 0;
    clock.advance(20);
    await wait;
    expect(outbox.isFull).toBe(false);
  });

  test("whenRoom() lets one after the other go on while there is room, not all at once", async () => {
    const { outbox, socket, clock } = await openOutbox({ sendBufferBytes: 100_000 });
    socket.isSlow = true;
    socket.bufferedBytes = 200_000;
    outbox.push([BEAT]);
    await turns();
    let gone = 0;
    for (let count = 0; count < 5; count++) {
      void outbox.whenRoom(() => {
        gone++;
        outbox.push(small(new Uint8Array(70_000)));
      });
    }
    socket.bufferedBytes = 0;
    clock.advance(20);
    expect(gone).toBe(2);
    await turns();
    socket.bufferedBytes = 0;
    clock.advance(20);
    expect(gone).toBe(4);
  });

  test("drained() fails with link.overloaded when too many wait, and with the signal's reason", async () => {
    const { outbox, socket } = await openOutbox({ sendBufferBytes: 100, waitingMax: 1 });
    socket.bufferedBytes = 200;
    outbox.push([BEAT]);
    await turns();
    const end = new AbortController();
    const first = outbox.drained(end.signal);
    expect((await failureOf(outbox.drained())).code).toBe("link.overloaded");
    end.abort(new Error("enough"));
    expect(await first.catch(messageOf)).toBe("enough");
    const next = outbox.drained(new AbortController().signal); // the place is free again
    outbox.close(await failureOf(outbox.drained()));
    expect((await failureOf(next)).code).toBe("link.overloaded");
  });

  test("push() tells when the peer does not read", async () => {
    const { outbox, socket, stuck } = await openOutbox({ sendBufferBytesMax: 1000 });
    socket.isSlow = true;
    outbox.push(small("x".repeat(2000)));
    await turns();
    expect(stuck).toEqual([socket.bufferedBytes]);
  });
});
