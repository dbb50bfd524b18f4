import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { exited } from "../../../../src/process/service/failures.ts";
import { CALL, CREDIT, ERROR, HELLO, ITEM, RESULT, STREAM } from "../../../../src/process/service/frames.ts";
import { Inbox } from "../../../../src/process/service/inbox.ts";
import type { Incoming } from "../../../../src/process/service/incoming.ts";
import {
  CALLS_MAX,
  FLUSH_MESSAGES,
  MESSAGE_BYTES_MAX,
  STREAM_WINDOW_BYTES,
} from "../../../../src/process/service/limits.ts";
import { Outbox } from "../../../../src/process/service/outbox.ts";
import type { Asked } from "../../../../src/process/service/peer.ts";
import { PeerPair } from "../../../support/peer-pair.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function asked(more: Partial<Asked> = {}): Asked {
  return { what: "users.get", operation: CALL, head: "get", body: "{}", timeoutMs: 1_000, ...more };
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure; // as was just looked at
}

/** All microtasks that follow from what is under way. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve));
}

describe("Inbox.push()", () => {
  test("push() gives the same messages when the bytes are cut anywhere", () => {
    const messages = fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(2 ** 32 - 1), fc.uint8Array()));
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 40 }));
    fc.assert(
      fc.property(messages, cuts, (sent, sizes) => {
        const written: Buffer[] = [];
        const outbox = new Outbox((bytes) => {
          written.push(Buffer.from(bytes));
          return bytes.length;
        });
        for (const [kind, id, body] of sent) outbox.send(kind, id, body);
        outbox.flush();
        const seen: [number, number, Uint8Array][] = [];
        const inbox = new Inbox({
          message: (kind, id, bytes, from, to) => void seen.push([kind, id, new Uint8Array(bytes.subarray(from, to))]),
          broken: (reason) => expect.unreachable(reason),
        });
        const all = Buffer.concat(written);
        for (let at = 0; at < all.length; ) {
          const size = sizes.next().value as number; // it is infinite
          inbox.push(Buffer.from(all.subarray(at, at + size)));
          at += size;
        }
        expect(seen).toEqual(sent);
      }),
    );
  });

  for (const length of [0, 4, MESSAGE_BYTES_MAX + 1, 2 ** 32 - 1]) {
    test(`push() finds the stream broken when a message says that it has ${length} bytes`, () => {
      const reasons: string[] = [];
      const inbox = new Inbox({ message: () => expect.unreachable(), broken: (reason) => void reasons.push(reason) });
      const head = Buffer.alloc(16);
      head.writeUInt32LE(length);
      inbox.push(head);
      inbox.push(head);
      expect(reasons).toEqual([expect.stringContaining(`${length} bytes`)]);
    });
  }
});

describe("Outbox", () => {
  for (const [messages, writes] of [
    [FLUSH_MESSAGES - 1, 1],
    [4 * FLUSH_MESSAGES, 4],
    [4 * FLUSH_MESSAGES + 1, 5],
  ] as const) {
    test(`send() writes ${writes} times when ${messages} messages are sent in one turn`, async () => {
      const written: number[] = [];
      const outbox = new Outbox((bytes) => written.push(bytes.length) && bytes.length);
      for (let id = 0; id < messages; id++) outbox.send(RESULT, id, "{}");
      expect(written).toHaveLength(Math.floor(messages / FLUSH_MESSAGES));
      await settled();
      expect(written).toHaveLength(writes);
    });
  }

  test("send() writes nothing while the line is full, however many messages come", () => {
    let writes = 0;
    const outbox = new Outbox(() => {
      writes++;
      return 0;
    });
    for (let id = 0; id < 4 * FLUSH_MESSAGES; id++) outbox.send(RESULT, id, "{}");
    expect(writes).toBe(1);
  });

  test("send() refuses a message when it is larger than one may be, and later ones still leave whole", async () => {
    const pair = new PeerPair({ serve: (request) => request.answer(request.parts.body) });
    const large = "x".repeat(MESSAGE_BYTES_MAX);
    expect((await failureOf(pair.near.ask(asked({ body: large })))).code).toBe("rpc.too_large");
    expect(text(await pair.near.ask(asked({ body: "small" })))).toBe("small");
    expect(pair.near.inFlight).toBe(0);
  });
});

describe("Peer.ask()", () => {
  test("ask() brings body, head, trace and time to the other side and the answer back when bytes trickle", async () => {
    const seen: Incoming["parts"][] = [];
    const serve = (request: Incoming): void => {
      seen.push(request.parts);
      request.answer(`<${text(request.parts.body)}>`);
    };
    const pair = new PeerPair({ serve, bytesPerWrite: 7 });
    const body = JSON.stringify("grüße".repeat(50));
    expect(text(await pair.near.ask(asked({ body, head: "hä", trace: "00-1", timeoutMs: 12.5 })))).toBe(`<${body}>`);
    expect(seen[0]).toMatchObject({ operation: CALL, timeoutMs: 13, trace: "00-1" });
  });

  test("ask() fails with code, data and retryable when the other side fails so", async () => {
    const failure = new Failure("users.not_found", "no user 7", { data: { id: 7 }, retryable: true });
    const pair = new PeerPair({ serve: (request) => request.fail(failure) });
    expect((await failureOf(pair.near.ask(asked()))).toJSON()).toEqual(failure.toJSON());
  });

  test("ask() is cancelled on the other side when its signal aborts, and a late answer goes nowhere", async () => {
    const held: Incoming[] = [];
    const pair = new PeerPair({ serve: (request) => void held.push(request) });
    const controller = new AbortController();
    const failure = failureOf(pair.near.ask(asked({ signal: controller.signal })));
    await settled();
    const { signal } = held[0]!;
    controller.abort();
    expect((await failure).code).toBe("rpc.cancelled");
    await settled();
    expect(signal.aborted).toBe(true);
    held[0]!.answer("late");
    await settled();
    expect([pair.near.inFlight, pair.far.serving, pair.broken.length]).toEqual([0, 0, 0]);
  });

  test("ask() hears of the deadline from the other side when the handler is late", async () => {
    const held: Incoming[] = [];
    const pair = new PeerPair({ serve: (request) => void held.push(request) });
    const failure = failureOf(pair.near.ask(asked({ timeoutMs: 100 })));
    await settled();
    pair.clock.advance(100);
    expect((await failure).code).toBe("rpc.deadline_exceeded");
    expect(held[0]!.signal.aborted).toBe(true);
    expect(pair.near.inFlight).toBe(0);
  });

  test("ask() gives up by itself when the other side does nothing at all, and its place stays taken", async () => {
    const pair = new PeerPair({ serve: () => {} });
    pair.far.close((what) => exited(what, "stands still"));
    const failure = failureOf(pair.near.ask(asked({ timeoutMs: 100 })));
    await settled();
    pair.clock.advance(1_000);
    expect((await failure).code).toBe("rpc.deadline_exceeded");
    expect(pair.near.inFlight).toBe(1);
  });

  test("ask() refuses without sending when too many calls are under way", async () => {
    const pair = new PeerPair({ serve: () => {} });
    for (let call = 0; call < CALLS_MAX; call++) pair.near.ask(asked()).catch(() => {});
    const failure = await failureOf(pair.near.ask(asked()));
    expect(failure).toMatchObject({ code: "service.overloaded", retryable: true, data: { begun: false } });
    pair.near.close((what) => exited(what, "was killed"));
  });

  test("close() fails all that is under way at once when the process is gone", async () => {
    const held: Incoming[] = [];
    const pair = new PeerPair({ serve: (request) => void held.push(request) });
    const failures = [1, 2, 3].map(() => failureOf(pair.near.ask(asked())));
    await settled();
    pair.near.close((what) => exited(what, "was killed by SIGKILL"));
    for (const failure of await Promise.all(failures))
      expect(failure).toMatchObject({ code: "service.exited", retryable: true, data: { begun: true } });
    pair.far.close((what) => exited(what, "has gone"));
    expect(held[0]!.signal.aborted).toBe(true);
    expect(pair.clock.timers).toBe(0);
    expect((await failureOf(pair.near.ask(asked()))).code).toBe("service.exited");
  });
});

describe("Peer.askStream()", () => {
  const counting = (count: number, made: { items: number; isEnded: boolean }) =>
    async function* items(): AsyncGenerator<string> {
      try {
        for (let item = 0; item < count; item++) {
          made.items++;
          yield `${item}`.padStart(1_000, "0");
        }
      } finally {
        made.isEnded = true;
      }
    };

  function streaming(count: number) {
    const made = { items: 0, isEnded: false };
    const serve = (request: Incoming): void =>
      void request.write(counting(count, made)(), (item) => item).catch((thrown: unknown) => request.fail(thrown));
    return { made, pair: new PeerPair({ serve }), stream: asked({ operation: STREAM }) };
  }

  test("askStream() gives every item in order when there are far more than the window holds", async () => {
    const { pair, stream } = streaming(2_000);
    let next = 0;
    for await (const item of pair.near.askStream(stream)) expect(Number(text(item))).toBe(next++);
    expect(next).toBe(2_000);
    expect([pair.near.inFlight, pair.far.serving, pair.broken.length]).toEqual([0, 0, 0]);
  });

  test("askStream() holds the writer back when nobody reads", async () => {
    const { made, pair, stream } = streaming(2_000);
    const reader = pair.near.askStream(stream);
    await reader.next();
    await settled();
    await settled();
    expect(made.items * 1_000).toBeLessThan(STREAM_WINDOW_BYTES + 2_000);
    expect(made.items).toBeGreaterThan(100);
    await reader.return(undefined);
    await settled();
    expect(made.isEnded).toBe(true);
    expect([pair.near.inFlight, pair.far.serving]).toEqual([0, 0]);
  });

  test("askStream() hands out what came first when the writer fails later", async () => {
    async function* failing(): AsyncGenerator<string> {
      yield "one";
      throw new Failure("prices.gone", "no more prices");
    }
    const serve = (request: Incoming): void =>
      void request.write(failing(), (item) => item).catch((thrown: unknown) => request.fail(thrown));
    const reader = new PeerPair({ serve }).near.askStream(asked({ operation: STREAM }));
    expect(text((await reader.next()).value as Uint8Array)).toBe("one"); // it is not done
    expect((await failureOf(reader.next())).code).toBe("prices.gone");
  });

  test("askStream() has no deadline any more when the first item has come", async () => {
    const release = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<string> {
      yield "one";
      await release.promise;
      yield "two";
    }
    const pair = new PeerPair({ serve: (request) => void request.write(slow(), (item) => item) });
    const reader = pair.near.askStream(asked({ operation: STREAM, timeoutMs: 100 }));
    await reader.next();
    pair.clock.advance(10_000);
    release.resolve();
    expect(text((await reader.next()).value as Uint8Array)).toBe("two"); // it is not done
    expect((await reader.next()).done).toBe(true);
  });
});

describe("Peer.received()", () => {
  const raw = (kind: number, id: number, body: string | Uint8Array): Buffer => {
    const written: Buffer[] = [];
    const outbox = new Outbox((bytes) => {
      written.push(Buffer.from(bytes));
      return bytes.length;
    });
    outbox.send(kind, id, body);
    outbox.flush();
    return Buffer.concat(written);
  };

  for (const [what, bytes, says] of [
    ["an answer to nothing", raw(RESULT, 77, "{}"), "request 77, which is not under way"],
    ["a failure of nothing", raw(ERROR, 78, "{}"), "request 78"],
    ["an unknown kind", raw(99, 1, ""), "message 99"],
    ["a request that is too short", raw(1, 1, "abc"), "lengths do not fit"],
    ["a request whose head is too long", raw(1, 1, Buffer.alloc(10, 0xff)), "lengths do not fit"],
    ["credit of no size", raw(CREDIT, 1, "abc"), "credit of no size"],
    ["an empty note", raw(8, 0, ""), "an empty note"],
  ] as const) {
    test(`received() ends the conversation with a reason when ${what} comes`, () => {
      const pair = new PeerPair({ serve: () => {} });
      pair.near.received(bytes);
      expect(pair.broken).toEqual([expect.stringContaining(says)]);
    });
  }

  test("received() ends the conversation when more of a stream comes than was allowed", async () => {
    const pair = new PeerPair({ serve: () => {} });
    const reader = pair.near.askStream(asked({ operation: STREAM }));
    const first = reader.next();
    await settled();
    const item = raw(ITEM, 1, new Uint8Array(STREAM_WINDOW_BYTES));
    pair.near.received(item); // is taken
    pair.near.received(item); // waits, and there is no credit left
    expect(pair.broken).toEqual([]);
    pair.near.received(item);
    expect(pair.broken).toEqual([expect.stringContaining("more of a stream")]);
    expect((await first).done).toBe(false);
  });

  test("received() never throws when the bytes are chance", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const pair = new PeerPair({ serve: (request) => request.answer("") });
        pair.near.received(Buffer.from(bytes));
        expect(pair.broken.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("note() reaches the other side when it is sent", async () => {
    const pair = new PeerPair({ serve: () => {} });
    pair.near.note(HELLO, "grüße");
    await settled();
    expect(pair.notes).toEqual(["grüße"]);
  });
});
