/** What is said on a link between two nodes: over real sockets. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import type { LinkHandlers, MessageContext, RequestContext } from "../../../../src/wire/link/index.ts";
import { until } from "../../../support/until.ts";
import { failureOf, openNode } from "./support.ts";

const echo: LinkHandlers = { echo: { request: (payload) => payload } };

describe("request()", () => {
  test("request() resolves with what the handler gives back, in both directions", async () => {
    await using a = openNode("a", { handlers: { name: { request: () => "a" } } });
    await using b = openNode("b", { handlers: { name: { request: async () => "b" } } });
    const link = await a.dial(b);
    expect(await link.request("name", undefined)).toBe("b");
    expect(await b.accepted[0]!.request("name", undefined)).toBe("a");
    expect(link.peer.id).toBe("b");
    expect(b.accepted[0]!.peer).toMatchObject({ id: "a", address: a.address });
  });

  test("request() carries values of every kind when they are echoed", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b);
    const value = {
      text: "grün 🌱",
      long: "x".repeat(70_000),
      numbers: [0, -1, 127, 128, 65_536, 2 ** 31, -(2 ** 31), 2 ** 53, 1.5, Number.MAX_VALUE],
      big: 2n ** 60n,
      nothing: null,
      missing: undefined,
      when: new Date(1_700_000_000_123),
      bytes: new Uint8Array([0, 1, 255]),
      nested: [{ a: { b: [[]] } }],
    };
    expect(await link.request("echo", value)).toEqual(value);
  });

  test("request() carries many requests at once in few frames, each answer to its own", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b);
    const before = link.counts.framesSent;
    const all = await Promise.all(Array.from({ length: 1000 }, (_, index) => link.request("echo", index)));
    expect(all).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(link.counts.framesSent - before).toBe(1);
  });

  test("request() rejects with the failure that the handler threw", async () => {
    const thrown = new Failure("shop.closed", "closed on Sundays", { data: { day: 7 }, retryable: true });
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { shop: { request: () => Promise.reject(thrown) } } });
    const link = await a.dial(b);
    expect((await failureOf(link.request("shop", 1))).toJSON()).toEqual(thrown.toJSON());
  });

  test("request() rejects with link.unknown_topic when nobody takes it, whatever objects have by nature", async () => {
    await using a = openNode("a");
    await using b = openNode("b");
    const link = await a.dial(b);
    for (const topic of ["nothing", "constructor", "__proto__", "toString"]) {
      expect((await failureOf(link.request(topic, 1))).code).toBe("link.unknown_topic");
    }
  });

  for (const sizeBytes of [65_535, 65_536, 1_048_576, 1_048_577, 5_000_000]) {
    test(`request() carries ${sizeBytes} bytes there and back unchanged`, async () => {
      await using a = openNode("a");
      await using b = openNode("b", { handlers: echo });
      const link = await a.dial(b);
      const bytes = new Uint8Array(sizeBytes).map((_, index) => index * 31);
      const back = (await link.request("echo", bytes)) as Uint8Array;
      expect(Buffer.compare(back, bytes)).toBe(0);
    });
  }

  test("request() aborts the handler's signal when the caller gives up", async () => {
    const signals: AbortSignal[] = [];
    const wait = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    await using a = openNode("a");
    await using b = openNode("b", {
      handlers: { wait: { request: (_, { signal }) => wait(signal) } },
    });
    const link = await a.dial(b);
    const end = new AbortController();
    const answer = failureOf(link.request("wait", 1, { signal: end.signal }));
    await until("the request to arrive", () => signals.length === 1);
    end.abort(new Error("enough"));
    expect((await answer).code).toBe("link.cancelled");
    await until("the handler's signal", () => signals[0]!.aborted);
  });
});

describe("request() at its limits", () => {
  test("request() rejects with link.overloaded when more wait for answers than may, and goes on afterwards", async () => {
    const ends: ((value: unknown) => void)[] = [];
    const wait = { request: () => new Promise((resolve) => ends.push(resolve)) };
    await using a = openNode("a", { limits: { pendingMax: 2 } });
    await using b = openNode("b", { handlers: { wait } });
    const link = await a.dial(b);
    const both = [link.request("wait", 1), link.request("wait", 2)];
    expect(await failureOf(link.request("wait", 3))).toMatchObject({ code: "link.overloaded", retryable: true });
    await until("the requests", () => ends.length === 2);
    for (const end of ends) end("done");
    expect(await Promise.all(both)).toEqual(["done", "done"]);
    const third = link.request("wait", 3);
    await until("the third", () => ends.length === 3);
    ends[2]!("done");
    expect(await third).toBe("done");
  });

  test("request() waits for room while the send buffer is full, and all of them arrive", async () => {
    let takenBytes = 0;
    const take = {
      request: (payload: unknown) => {
        takenBytes += (payload as Uint8Array).byteLength;
        return null;
      },
    };
    await using a = openNode("a", { limits: { sendBufferBytes: 1_000_000 } });
    await using b = openNode("b", { handlers: { take } });
    const link = await a.dial(b);
    const bytes = new Uint8Array(700_000);
    let mostBytes = 0;
    const all = Array.from({ length: 40 }, () => {
      const answer = link.request("take", bytes);
      mostBytes = Math.max(mostBytes, link.bufferedBytes);
      return answer;
    });
    expect(() => link.notify("take", bytes)).toThrow("wait already");
    await Promise.all(all);
    await link.drained();
    expect(takenBytes).toBe(40 * 700_000);
    expect(mostBytes).toBeLessThanOrEqual(1_700_000);
  });

  test("request() rejects with its deadline or its signal while it waits for room", async () => {
    await using a = openNode("a", { limits: { sendBufferBytes: 1_000_000 } });
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b);
    const first = link.request("echo", new Uint8Array(20_000_000));
    const end = new AbortController();
    const given = failureOf(link.request("echo", 1, { signal: end.signal }));
    const late = failureOf(link.request("echo", 1, { timeoutMs: 0 }));
    end.abort(new Error("enough"));
    expect([(await given).code, (await late).code]).toEqual(["link.cancelled", "link.deadline_exceeded"]);
    await first;
  });

  test("request() rejects with link.too_large or link.unencodable, and so does a request whose answer is", async () => {
    const answers = { huge: { request: () => new Uint8Array(200_000) }, odd: { request: () => ({ big: 2n ** 70n }) } };
    const limits = { payloadBytesMax: 100_000 };
    await using a = openNode("a", { limits });
    await using b = openNode("b", { limits, handlers: { ...echo, ...answers } });
    const link = await a.dial(b);
    const codes = await Promise.all(
      [
        link.request("echo", new Uint8Array(200_000)),
        link.request("echo", "x".repeat(2_000_000)),
        link.request("echo", { big: 2n ** 70n }),
        link.request("huge", 1),
        link.request("odd", 1),
      ].map(async (answer) => (await failureOf(answer)).code),
    );
    expect(codes).toEqual([
      "link.too_large",
      "link.too_large",
      "link.unencodable",
      "link.too_large",
      "link.unencodable",
    ]);
    expect(await link.request("echo", "fine")).toBe("fine");
  });

  test("request() rejects without the failure's data when that cannot be encoded", async () => {
    const odd = new Failure("shop.odd", "odd data", { data: { big: 2n ** 70n } });
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { odd: { request: () => Promise.reject(odd) } } });
    const failure = await failureOf((await a.dial(b)).request("odd", 1));
    expect([failure.code, failure.message, failure.data]).toEqual(["shop.odd", "odd data", undefined]);
  });
});

describe("what is checked before it is sent", () => {
  test("request(), notify() and openStream() refuse with link.invalid what would end the link, and nobody else is harmed", async () => {
    const wait = Promise.withResolvers<string>();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ...echo, wait: { request: () => wait.promise } } });
    const link = await a.dial(b);
    const bystander = link.request("wait", 1);
    const long = "x".repeat(129);
    for (const [topic, options] of [
      [long, {}],
      [7 as unknown as string, {}],
      ["echo", { traceparent: long }],
      ["echo", { traceparent: 7 as unknown as string }],
    ] as const) {
      expect((await failureOf(link.request(topic, 1, options))).code).toBe("link.invalid");
      expect(() => link.notify(topic, 1, options)).toThrow("at most 128 characters");
      expect(() => link.openStream(topic, 1, options)).toThrow("at most 128 characters");
    }
    const odd = link.openStream("echo", { odd: new Float32Array(1) });
    expect((await failureOf(Array.fromAsync(odd))).code).toBe("link.unencodable");
    wait.resolve("done");
    expect(await bystander).toBe("done");
  });

  test("request() refuses a timeoutMs that is no number, and takes any number as a span of at most an hour", async () => {
    const spans: number[] = [];
    const span = { request: (_: unknown, { timeoutMs }: RequestContext) => void spans.push(timeoutMs) };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { span } });
    const link = await a.dial(b);
    for (const timeoutMs of [Number.NaN, "5" as unknown as number, null as unknown as number]) {
      expect((await failureOf(link.request("span", 1, { timeoutMs }))).code).toBe("link.invalid");
    }
    for (const timeoutMs of [Number.POSITIVE_INFINITY, Number.MAX_VALUE, 2 ** 31, 1.5]) {
      await link.request("span", 1, { timeoutMs });
    }
    for (const timeoutMs of [-1, Number.NEGATIVE_INFINITY, 0]) {
      expect((await failureOf(link.request("span", 1, { timeoutMs }))).code).toBe("link.deadline_exceeded");
    }
    expect(spans.slice(0, 4)).toEqual([3_600_000, 3_600_000, 3_600_000, 2]);
    expect(link.isOpen).toBe(true);
  });

  test("request() with an endless timeoutMs waits for room as long as it takes", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b, { limits: { sendBufferBytes: 1_000 } });
    const first = link.request("echo", new Uint8Array(5_000_000));
    expect(await link.request("echo", 1, { timeoutMs: Number.POSITIVE_INFINITY })).toBe(1);
    await first;
  });

  test("request() whose answer cannot be encoded fails alone", async () => {
    const odd: LinkHandlers[string] = {
      request: (payload) =>
        [new Float64Array(3), { at: new Date(Number.NaN) }, new Map([[-1, 1]]), () => 1][payload as number],
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ...echo, odd } });
    const link = await a.dial(b);
    const fine = link.request("echo", "fine");
    const codes = await Promise.all(
      [0, 1, 2, 3].map(async (each) => (await failureOf(link.request("odd", each))).code),
    );
    expect(codes).toEqual(new Array(4).fill("link.unencodable"));
    expect(await fine).toBe("fine");
  });

  test("request() is answered whatever its handler throws", async () => {
    const bare: unknown = Object.create(null);
    const odd = [
      new Failure("x".repeat(3_000_000), "a long code"),
      new Failure(Symbol("odd") as unknown as string, "a code that is none"),
      new Failure("a.b", "a long message".repeat(300_000), { data: { odd: Symbol("odd") } }),
      bare,
      Object.assign(new Error("x"), { message: bare }),
    ];
    const bad = { request: (payload: unknown) => Promise.reject(odd[payload as number]) };
    const worse: LinkHandlers[string] = {
      request(payload) {
        throw odd[payload as number];
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { bad, worse } });
    const link = await a.dial(b);
    for (const topic of ["bad", "worse"]) {
      const failures = await Promise.all(odd.map((_, index) => failureOf(link.request(topic, index))));
      expect(failures.map(({ code }) => code.slice(0, 11))).toEqual([
        "x".repeat(11),
        "Symbol(odd)",
        "a.b",
        "link.defect",
        "link.defect",
      ]);
      expect(failures[2]!.data).toBeUndefined();
    }
    expect(link.isOpen).toBe(true);
  });

  test("request() that a getter sends while another one is encoded arrives as well", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: echo });
    const link = await a.dial(b);
    const inner: Promise<unknown>[] = [];
    const payload = Object.defineProperty({}, "now", {
      enumerable: true,
      get() {
        for (let index = 0; index < 2_000; index++) inner.push(link.request("echo", index));
        return "outer";
      },
    });
    expect(await link.request("echo", payload)).toEqual({ now: "outer" });
    expect(await Promise.all(inner)).toEqual(Array.from({ length: 2_000 }, (_, index) => index));
  });
});

describe("what a handler hears", () => {
  test("notify() reaches its handler with peer, size and traceparent, in the order of saying", async () => {
    const heard: unknown[] = [];
    const note = {
      notify: (payload: unknown, { peer, sizeBytes, traceparent }: MessageContext) =>
        void heard.push([payload, peer.id, sizeBytes > 0, traceparent]),
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { note } });
    const link = await a.dial(b);
    link.notify("note", 1, { traceparent: "00-abc" });
    link.notify("note", 2);
    link.notify("nobody", 3);
    await link.request("note", 4).catch(() => {}); // a round trip
    expect(heard).toEqual([
      [1, "a", true, "00-abc"],
      [2, "a", true, undefined],
    ]);
  });

  test("request() hands over deadline and traceparent, and a defect is reported and told as link.defect", async () => {
    const heard: unknown[] = [];
    const ask = {
      request(_: unknown, { timeoutMs, traceparent }: RequestContext) {
        heard.push(timeoutMs, traceparent);
        throw new TypeError("a bug");
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ask } });
    const link = await a.dial(b);
    const failure = await failureOf(link.request("ask", 1, { timeoutMs: 1234, traceparent: "00-def" }));
    expect(failure).toMatchObject({ code: "link.defect", message: "a bug" });
    expect(heard).toEqual([1234, "00-def"]);
    expect(b.reports).toEqual(["ask"]);
  });

  test("notify() whose handler throws is reported, and the link stays open", async () => {
    const broken = {
      notify() {
        throw new Error("a bug");
      },
    };
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ...echo, broken } });
    const link = await a.dial(b);
    link.notify("broken", 1);
    expect(await link.request("echo", 1)).toBe(1);
    expect(b.reports).toEqual(["broken"]);
  });
});
