/** Calls and streams between nodes over real links, and what becomes of them when a node dies. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Span, SpanOptions, Tracer } from "../../../../../src/base/trace.ts";
import { failureOf } from "../../../../support/auth.ts";
import { until } from "../../../../support/until.ts";
import { callOf, jsonOf, offerOf, serviceOf } from "../fakes.ts";
import { Rig } from "../rig.ts";

const ITEMS = { items: { isStream: true } };
const items = callOf("users", "items");

async function gather(stream: AsyncIterable<Uint8Array>): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for await (const item of stream) all.push(jsonOf(item));
  return all;
}

describe("call() over links", () => {
  test("call() reaches the node that offers the service, params and result untouched", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    b.local.answers.get = ({ params }) => params;
    b.local.set(offerOf(serviceOf("users")));
    await until("a knows of users", () => a.services.find("users"));
    const params = new TextEncoder().encode(' { "id" : 7 } ');
    expect(await a.services.call(callOf("users", "get", { params }))).toEqual(params);
    expect(b.local.begun).toHaveLength(1);
    expect(b.local.begun[0]).toMatchObject({ service: "users", version: "1.0.0", caller: { kind: "node", name: "a" } });
    expect(b.services.counts().served).toEqual({ calls: 1, streams: 0 });
  });

  test("call() brings who calls as the first node knows it, and a node's own name from its link alone", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    b.local.answers.get = ({ caller }) => caller;
    b.local.set(offerOf(serviceOf("users")));
    await until("a knows of users", () => a.services.find("users"));
    const told = async (caller: typeof items.caller) =>
      jsonOf(await a.services.call(callOf("users", "get", { caller })));
    const kim = { kind: "outside", name: "kim", access: "read", scopes: ["users.get"] } as const;
    expect(await told(kim)).toEqual(kim);
    expect(await told({ kind: "node", name: "c", access: "node", scopes: [] })).toMatchObject({ name: "a" });
  });

  test("call() brings the method's failure as it was thrown, and tells it that the caller has given up", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    b.local.answers.get = () => {
      throw new Failure("users.not_found", "no user 7", { data: { id: 7 } });
    };
    let given: AbortSignal | undefined;
    b.local.answers.wait = (_, signal) => {
      given = signal;
      return new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    };
    b.local.set(offerOf(serviceOf("users", "1.0.0", { get: {}, wait: {} })));
    await until("a knows of users", () => a.services.find("users"));
    const { code, data, message } = await failureOf(() => a.services.call(callOf("users", "get")));
    expect([code, message, data]).toEqual(["users.not_found", "no user 7", { id: 7 }]);
    const end = new AbortController();
    const call = failureOf(() => a.services.call(callOf("users", "wait", { signal: end.signal })));
    await until("the method waits", () => given);
    end.abort();
    expect((await call).code).toBe("rpc.cancelled");
    await until("the method has heard of it", () => given?.aborted);
  });

  test("call() makes a span at each side and passes the trace on, also where nobody records", async () => {
    const spans: string[] = [];
    const tracerOf = (node: string): Tracer => ({
      isEnabled: true,
      start: (name: string, { kind, parent }: SpanOptions = {}): Span => {
        spans.push(`${node} ${kind} ${name} of ${parent}`);
        const traceparent = `00-${"a".repeat(32)}-${String(spans.length).padStart(16, "0")}-01`;
        return {
          traceparent,
          isRecording: true,
          set() {},
          event() {},
          fail() {},
          end: () => void spans.push(`${node} ended`),
        };
      },
    });
    await using rig = new Rig();
    const a = rig.add("a", { tracer: tracerOf("a") });
    const b = rig.add("b", { tracer: tracerOf("b") });
    const quiet = rig.add("c");
    b.local.answers.get = ({ traceparent }) => traceparent;
    b.local.set(offerOf(serviceOf("users")));
    await until("both know of users", () => a.services.find("users") && quiet.services.find("users"));
    const root = `00-${"a".repeat(32)}-${"f".repeat(16)}-01`;
    const idOf = (number: number) => `00-${"a".repeat(32)}-${String(number).padStart(16, "0")}-01`;
    expect(jsonOf(await a.services.call(callOf("users", "get", { traceparent: root })))).toBe(idOf(2));
    expect(spans.slice(0, 2)).toEqual([`a client users.get of ${root}`, `b server users.get of ${idOf(1)}`]);
    expect(spans.slice(2).toSorted()).toEqual(["a ended", "b ended"]);
    await quiet.services.call(callOf("users", "get", { traceparent: root }));
    expect(spans[4]).toBe(`b server users.get of ${root}`);
  });

  test("call() under load answers every call when a node is killed, and begins none twice that may not be", async () => {
    await using rig = new Rig();
    const nodes = ["a", "b", "c"].map((id) => rig.add(id));
    const [a, b, c] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]];
    const offer = offerOf(serviceOf("users", "1.0.0", { get: { isIdempotent: true }, put: {} }));
    for (const node of [b, c]) {
      node.local.answers.get = async () => await Bun.sleep(1);
      node.local.answers.put = async () => await Bun.sleep(1);
      node.local.set(offer);
    }
    await until("a knows both", () => a.services.discover({ service: "users" }).length === 2);
    const codes: string[] = [];
    let answered = 0;
    let isOver = false;
    const lane = async (number: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const params = new TextEncoder().encode(`"${number} ${count}"`);
        const call = callOf("users", number % 2 === 0 ? "get" : "put", { params });
        const code = await a.services.call(call).then(
          () => "ok",
          (thrown: Failure) => `${call.method} ${thrown.code}`,
        );
        codes.push(code);
        answered++;
      }
    };
    const lanes = Array.from({ length: 32 }, (_, number) => lane(number));
    await until("both have work", () => b.local.begun.length > 50 && c.local.begun.length > 50);
    await b.kill();
    const atKill = answered;
    await until("it goes on without that node", () => answered > atKill + 300);
    rig.remove("b");
    expect(a.services.discover({}).map(({ node }) => node)).toEqual(["c"]);
    isOver = true;
    await Promise.all(lanes);
    const failed = new Set(codes.filter((code) => code !== "ok"));
    expect([...failed].filter((code) => code !== "put service.exited")).toEqual([]);
    const puts = [...b.local.begun, ...c.local.begun]
      .filter(({ method }) => method === "put")
      .map(({ params }) => jsonOf(params));
    expect(new Set(puts).size).toBe(puts.length);
    for (const { calls, ended } of a.services.counts().methods) expect(ended).toBe(calls);
  });
});

describe("stream() over links", () => {
  test("stream() gives each item, small and large, in order, as slowly as it is read", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    let made = 0;
    b.local.answers.items = async function* () {
      for (; made < 200; made++) yield "x".repeat(made % 50 === 0 ? 100_000 : made);
    };
    b.local.set(offerOf(serviceOf("users", "1.0.0", ITEMS)));
    await until("a knows of users", () => a.services.find("users"));
    const sizes: number[] = [];
    for await (const item of a.services.stream(items)) {
      if (sizes.length === 0) await until("the window is full", () => made > 50);
      if (sizes.length === 0) expect(made).toBeLessThan(200);
      sizes.push(String(jsonOf(item)).length);
    }
    expect(sizes).toEqual(Array.from({ length: 200 }, (_, at) => (at % 50 === 0 ? 100_000 : at)));
    expect(a.services.counts().methods[0]).toMatchObject({ calls: 1, ended: 1, failed: 0 });
  });

  test("stream() fails as the method did, behind the items that it gave before", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    b.local.answers.items = async function* () {
      yield 1;
      yield 2;
      throw new Failure("users.gone", "no more users", { data: { at: 2 } });
    };
    b.local.set(offerOf(serviceOf("users", "1.0.0", ITEMS)));
    await until("a knows of users", () => a.services.find("users"));
    const seen: unknown[] = [];
    const { code, data } = await failureOf(async () => {
      for await (const item of a.services.stream(items)) seen.push(jsonOf(item));
    });
    expect([seen, code, data]).toEqual([[1, 2], "users.gone", { at: 2 }]);
  });

  test("stream() ends the method when its reader leaves", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    let isEnded = false;
    b.local.answers.items = async function* (_, signal) {
      try {
        yield 1;
        while (!signal?.aborted) await Bun.sleep(1);
      } finally {
        isEnded = true;
      }
    };
    b.local.set(offerOf(serviceOf("users", "1.0.0", ITEMS)));
    await until("a knows of users", () => a.services.find("users"));
    for await (const item of a.services.stream(items)) {
      expect(jsonOf(item)).toBe(1);
      break;
    }
    await until("the method has ended", () => isEnded);
    expect(a.services.counts().targets[0]?.outstanding).toBe(0);
  });

  test("stream() begins elsewhere before its first item, and fails when its node dies after it", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    const b = rig.add("b");
    const offer = offerOf(serviceOf("users", "1.0.0", ITEMS));
    a.local.set(offer);
    a.local.answers.items = () => {
      throw new Failure("service.overloaded", "full", { retryable: true, data: { begun: false } });
    };
    b.local.answers.items = async function* () {
      yield "b";
      await new Promise(() => {});
    };
    b.local.set(offer);
    await until("a knows both", () => a.services.discover({ service: "users" }).length === 2);
    const stream = a.services.stream(items)[Symbol.asyncIterator]();
    expect(jsonOf((await stream.next()).value!)).toBe("b");
    const failed = failureOf(async () => await stream.next());
    await b.kill();
    expect((await failed).code).toBe("service.exited");
  });

  test("stream() and call() refuse each other's methods", async () => {
    await using rig = new Rig();
    const a = rig.add("a");
    a.local.set(offerOf(serviceOf("users", "1.0.0", { ...ITEMS, get: {} })));
    expect((await failureOf(() => a.services.call(items))).code).toBe("service.wrong_kind");
    expect((await failureOf(() => gather(a.services.stream(callOf("users", "get"))))).code).toBe("service.wrong_kind");
    a.local.answers.items = async function* () {
      yield* [1, 2];
    };
    expect(await gather(a.services.stream(items))).toEqual([1, 2]);
  });
});
