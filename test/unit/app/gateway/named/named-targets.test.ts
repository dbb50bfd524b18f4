/** What named targets make of a request, and that each reply comes to its end once, whatever becomes of it. */
import { describe, expect, test } from "bun:test";
import { namedTargets } from "../../../../../src/app/gateway/named/named-targets.ts";
import type { PostWay } from "../../../../../src/app/gateway/named/pipeline-target.ts";
import { BodyBudget } from "../../../../../src/app/gateway/named/taken-body.ts";
import type { NodeShown } from "../../../../../src/app/node/node-duty.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import type { NamedContext } from "../../../../../src/edge/gateway/upstream/index.ts";
import type { NamedTarget, UpstreamEvents } from "../../../../../src/edge/gateway/words/index.ts";
import {
  type BodySink,
  type BodySource,
  BytesSource,
  GatheringSink,
  headerOf,
  type ReplyHead,
} from "../../../../../src/wire/http/index.ts";
import type { DoorCall } from "../../../../../src/work/service/words/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";

const PIPELINE: NamedTarget = { kind: "pipeline", pipeline: "orders" };
const TASK: NamedTarget = { kind: "task", file: "/graph.json" };
const SERVICE: NamedTarget = { kind: "service", service: "accounts@1", method: "balance" };
const STREAM: NamedTarget = { kind: "service", service: "accounts", method: "ticks" };
const RUN = { run: "r1" };
const GONE = new Failure("gateway.client_gone", "it went");

interface Over {
  readonly method?: string;
  readonly body?: BodySource;
  readonly context?: NamedContext;
  readonly headers?: readonly string[];
}

/** What was heard of one call, in its order. */
class Heard implements UpstreamEvents {
  readonly events: string[] = [];
  head: ReplyHead | undefined;
  body: BodySource | undefined;
  failure: Failure | undefined;
  text: string | undefined;
  readonly #starts: boolean;

  constructor(starts = true) {
    this.#starts = starts;
  }

  onReply(head: ReplyHead, body: BodySource): void {
    this.events.push(`reply ${head.status}`);
    this.head = head;
    this.body = body;
    if (!this.#starts) return;
    const sink = new GatheringSink(1_000_000, (outcome) => {
      this.text = outcome instanceof Failure ? outcome.code : Buffer.from(outcome.bytes).toString();
    });
    body.start(sink);
  }

  onFailure(failure: Failure): void {
    this.events.push(`failure ${failure.code}`);
    this.failure = failure;
  }

  onOver(cause: Failure | undefined): void {
    this.events.push(`over ${cause?.code ?? ""}`.trim());
  }
}

class Rig {
  readonly bodies = new BodyBudget(100);
  readonly calls: DoorCall[] = [];
  readonly tasks: unknown[] = [];
  isOpen = true;
  taskFails: Failure | undefined;
  readonly clock = new SteppedClock();
  serviceFails: Failure | undefined;
  readonly broken: string[] = [];
  post: PostWay["post"] = async () => ({ status: 202, headers: { "content-type": "application/json" }, text: "{}\n" });
  /** Of the stream; it waits for more than it has. */
  readonly more = Promise.withResolvers<void>();
  isStreamEnded = false;
  readonly targets = namedTargets({
    clock: this.clock,
    bodies: this.bodies,
    shown: () => (this.isOpen ? this.#shown() : undefined),
    ways: () => [{ id: "m1", post: (post, how) => this.post(post, how) }],
    onBroken: ({ message }) => void this.broken.push(message),
  });

  ask(target: NamedTarget, over: Over = {}) {
    return this.heard(new Heard(), target, over);
  }

  heard(events: Heard, target: NamedTarget, over: Over = {}) {
    const { body, context, headers: more = [], method = "POST" } = over;
    const headers = ["content-type", "application/json", ...more];
    const head = { method, target: "/a?days=3", scheme: "http", authority: "", headers, version: "1.1" } as const;
    const call = this.targets.ask(target, { head, body, context, timeouts: { connectMs: 1 } }, events);
    return { call, events };
  }

  #shown(): NodeShown {
    const rig = this;
    const services = {
      find: () => ({ methods: { ticks: { isStream: true }, balance: {} } }),
      call: async (call: DoorCall) => {
        this.calls.push(call);
        if (this.serviceFails) throw this.serviceFails;
        return Buffer.from('{"ok":true}');
      },
      async *stream(call: DoorCall) {
        try {
          yield Buffer.from('{"n":0}');
          const gone = new Promise<void>((resolve) => call.signal?.addEventListener("abort", () => resolve()));
          await Promise.race([rig.more.promise, gone]);
          if (rig.serviceFails) throw rig.serviceFails;
        } finally {
          rig.isStreamEnded = true;
        }
      },
    };
    const dispatcher = {
      call: async (call: unknown) => {
        this.tasks.push(call);
        return this.taskFails ? { ok: false, failure: this.taskFails } : { ok: true, output: RUN };
      },
    };
    return { services, dispatcher } as unknown as NodeShown; // what is asked of it here
  }
}

const settled = (events: Heard) => until("it is over", () => /^(over|failure)/.test(events.events.at(-1) ?? ""));

describe("namedTargets()", () => {
  test("answers for pipelines, services and tasks, and says each time that it is over", async () => {
    const rig = new Rig();
    for (const [target, status, text] of [
      [PIPELINE, 202, "{}\n"],
      [SERVICE, 200, '{"ok":true}'],
      [TASK, 202, '{"run":"r1"}'],
    ] as const) {
      const { events } = rig.ask(target);
      await settled(events);
      expect([events.events, events.text]).toEqual([[`reply ${status}`, "over"], text]);
    }
    expect(rig.tasks).toMatchObject([{ contract: "tasks", method: "run", input: { path: "/graph.json" } }]);
    expect(rig.bodies.usedBytes).toBe(0);
  });

  test("hands the key of a task on as one of its caller's, or of its route's, and refuses one that is none", async () => {
    const rig = new Rig();
    const headers = ["idempotency-key", "a"];
    const [params, ann] = [{}, { name: "ann", claims: { iss: "here" } }];
    const contexts: readonly NamedContext[] = [
      { route: "one", params, caller: ann },
      { route: "two", params, caller: ann },
      { route: "one", params, caller: { name: "ann", claims: { iss: "there" } } },
      { route: "one", params, caller: { name: "ben", claims: {} } },
      { route: "one", params },
      { route: "two", params },
    ];
    for (const context of contexts) await settled(rig.ask(TASK, { headers, context }).events);
    await settled(rig.ask(TASK, { headers: ["idempotency-key", "b"], context: contexts[0]! }).events);
    await settled(rig.ask(TASK).events);
    const keys = rig.tasks.map((call) => (call as { input: { key?: string } }).input.key);
    expect(keys[1]).toBe(keys[0]!);
    expect(new Set(keys.slice(1)).size).toBe(7);
    expect(keys[7]).toBeUndefined();
    for (const each of [[""], ["x".repeat(256)], ["a", "b"]]) {
      const { events } = rig.ask(TASK, { headers: each.flatMap((key) => ["idempotency-key", key]) });
      await settled(events);
      expect(events.head?.status).toBe(400);
    }
    expect(rig.tasks).toHaveLength(8);
  });

  test("tells who asks with a key of another content of the file whose run it is", async () => {
    const rig = new Rig();
    rig.taskFails = new Failure("task.run.key_reused", "the key is that of run r1", { data: { run: "r1" } });
    const { events } = rig.ask(TASK, { headers: ["idempotency-key", "a"] });
    await settled(events);
    expect(events.head?.status).toBe(422);
    expect(JSON.parse(events.text ?? "")).toMatchObject({ code: "task.run.key_reused", data: { run: "r1" } });
  });

  test("says a pipeline's and a service's refusals as the gateway says its own: problems with the request's id", async () => {
    const rig = new Rig();
    const headers = ["x-request-id", "r-7"];
    const about = { type: "about:blank", status: 400, requestId: "r-7" };
    const refusal = new Failure("source.http.malformed", "line 1 is no JSON", { data: { line: 1 } });
    const more = { "content-type": "application/json", "retry-after": "1" };
    rig.post = async () => ({ status: 400, headers: more, text: JSON.stringify(refusal) });
    const pipeline = rig.ask(PIPELINE, { headers }).events;
    rig.serviceFails = new Failure("rpc.invalid_input", "x", { data: { faults: [{ path: "days", message: "many" }] } });
    const service = rig.ask(SERVICE, { headers }).events;
    const wrongVerb = rig.ask(TASK, { method: "GET", headers }).events;
    for (const heard of [pipeline, service, wrongVerb]) {
      await settled(heard);
      expect(headerOf(heard.head!.headers, "content-type")).toBe("application/problem+json");
      expect(headerOf(heard.head!.headers, "x-request-id")).toBe("r-7");
      expect(headerOf(heard.head!.headers, "content-security-policy")).toBeUndefined();
    }
    const said = { ...about, title: "Bad Request", code: "source.http.malformed", detail: "line 1 is no JSON" };
    expect(JSON.parse(pipeline.text!)).toMatchObject({ ...said, data: { line: 1 } });
    expect(headerOf(pipeline.head!.headers, "retry-after")).toBe("1");
    expect(JSON.parse(service.text!)).toMatchObject({ ...about, code: "rpc.invalid_input" });
    expect(JSON.parse(wrongVerb.text!)).toMatchObject({ status: 405, code: "rpc.wrong_verb", requestId: "r-7" });
    expect(headerOf(wrongVerb.head!.headers, "allow")).toBe("POST");
  });

  test("says that it is over also of a reply that nobody wants", async () => {
    const rig = new Rig();
    const { events } = rig.heard(new Heard(false), STREAM);
    await until("it replies", () => events.body);
    events.body!.cancel(GONE);
    expect(events.events).toEqual(["reply 200", "over gateway.client_gone"]);
    await until("the method was ended", () => rig.isStreamEnded);
  });

  test("ends a stream when its call is cancelled or its sink wants no more, and is over once", async () => {
    const cancelled = new Rig();
    const first = cancelled.ask(STREAM);
    await until("it replies", () => first.events.body);
    first.call.cancel(GONE);
    await until("the method was ended", () => cancelled.isStreamEnded);
    expect(first.events.events).toEqual(["reply 200"]); // nothing is heard of a call that was cancelled
    const unwanted = new Rig();
    const sinks: BodySink[] = [];
    const heard = new Heard(false);
    unwanted.heard(heard, STREAM);
    const body = await until("it replies", () => heard.body);
    const sink: BodySink = { write: () => true, end() {}, abort() {}, onReady: undefined, onCancel: undefined };
    sinks.push(sink);
    body.start(sink);
    sink.onCancel?.(GONE);
    await settled(heard);
    expect(heard.events).toEqual(["reply 200", "over gateway.client_gone"]);
  });

  test("says nothing more of a call that was cancelled before its answer, and lets its body go", async () => {
    const rig = new Rig();
    const answer = Promise.withResolvers<{ status: number; headers: Record<string, string>; text: string }>();
    let signal: AbortSignal | undefined;
    rig.post = (_, how) => {
      signal = how.signal;
      return answer.promise;
    };
    const { call, events } = rig.ask(PIPELINE, { body: new BytesSource(Buffer.from("{}")) });
    expect(rig.bodies.usedBytes).toBe(2);
    call.cancel(GONE);
    expect([signal?.aborted, rig.bodies.usedBytes]).toEqual([true, 0]);
    answer.resolve({ status: 202, headers: {}, text: "{}" });
    await answer.promise;
    await Promise.resolve();
    expect(events.events).toEqual([]);
  });

  test("refuses other verbs for pipelines and tasks, and all while the node opens, without reading a body", () => {
    const rig = new Rig();
    let cancelled = 0;
    const body: BodySource = { length: undefined, start: () => expect.unreachable(), cancel: () => void cancelled++ };
    for (const target of [PIPELINE, TASK]) {
      const { events } = rig.ask(target, { method: "GET", body });
      expect([events.head?.status, headerOf(events.head?.headers ?? [], "allow")]).toEqual([405, "POST"]);
    }
    rig.isOpen = false;
    const { events } = rig.ask(SERVICE, { body });
    expect([events.events, cancelled]).toEqual([["failure gateway.not_ready"], 3]);
  });

  test("does not ask a pipeline again, nor read a body for it, while it is full", async () => {
    const rig = new Rig();
    let asked = 0;
    rig.post = async () => {
      asked++;
      return { status: 429, headers: { "retry-after": "1" }, text: '{"code":"source.http.full"}' };
    };
    const first = rig.ask(PIPELINE, { body: new BytesSource(Buffer.from("{}")) });
    await settled(first.events);
    const second = rig.ask(PIPELINE, { body: { length: 2, start: () => expect.unreachable(), cancel() {} } });
    expect([first.events.failure?.code, second.events.failure?.code, asked]).toEqual([
      "gateway.pipeline_full",
      "gateway.pipeline_full",
      1,
    ]);
  });

  test.each([
    ["link.unreachable", []],
    ["master.none", []],
    ["link.closed", ["idempotency-key", "k1"]],
  ])("waits for a master that comes back, when a run fails with %s and the headers are %p", async (code, headers) => {
    const rig = new Rig();
    rig.taskFails = new Failure(code, "no link to 10.0.0.1", { retryable: true });
    const { events } = rig.ask(TASK, { headers });
    await until("it waits", () => rig.clock.timers === 1);
    rig.taskFails = undefined;
    rig.clock.advance(1_000);
    await settled(events);
    expect([events.events, rig.tasks.length]).toEqual([["reply 202", "over"], 2]);
  });

  test("says when a run may be asked for again, once it has waited for a master in vain", async () => {
    const rig = new Rig();
    rig.taskFails = new Failure("link.unreachable", "no link to 10.0.0.1", { retryable: true });
    const { events } = rig.ask(TASK);
    while (events.failure === undefined) {
      await until("it waits, or has ended", () => rig.clock.timers === 1 || events.failure !== undefined);
      rig.clock.advance(1_000);
    }
    expect([events.failure.code, events.failure.data]).toEqual(["gateway.task_unreachable", { retryAfterMs: 1_000 }]);
    expect(rig.tasks.length).toBe(6);
  });

  test("does not ask for a run without a key again that a master may have begun", async () => {
    const rig = new Rig();
    rig.taskFails = new Failure("link.closed", "the link broke", { retryable: true });
    const { events } = rig.ask(TASK);
    await settled(events);
    expect([events.failure?.code, rig.tasks.length]).toEqual(["link.closed", 1]);
  });

  test("tells of what a task's master fails with only to the log: it speaks of files", async () => {
    const rig = new Rig();
    rig.taskFails = new Failure("task.file.faults", "/secret/graph.json:1: no name");
    const { events } = rig.ask(TASK);
    await settled(events);
    expect(events.events).toEqual(["failure task.file.faults"]);
    const withBody = rig.ask(TASK, { body: new BytesSource(Buffer.from("{}")) });
    await settled(withBody.events);
    expect(withBody.events.events).toEqual(["reply 400", "over"]);
  });

  test("calls a service with the scope for this method alone, and by a cluster token with what that allows", async () => {
    const rig = new Rig();
    const asks = (caller: NamedContext["caller"]) =>
      settled(rig.ask(SERVICE, { context: { params: { account: "7" }, caller } }).events);
    await asks(undefined);
    await asks({ name: "ann", claims: { sub: "ann", access: "admin", scope: "*" } }); // somebody else's token
    await asks({ name: "ben", claims: {}, cluster: { access: "read", scopes: ["accounts"] } });
    expect(rig.calls.map(({ caller: { access, name, scopes } }) => [name, access, scopes])).toEqual([
      ["anonymous", "none", ["accounts.balance"]],
      ["ann", "none", ["accounts.balance"]],
      ["ben", "read", ["accounts"]],
    ]);
    expect(rig.calls.map(({ params }) => JSON.parse(Buffer.from(params).toString()))).toEqual(
      Array.from({ length: 3 }, () => ({ days: "3", account: "7" })),
    );
  });

  test("tells of a service that fails only to the log what is no word of its own", async () => {
    const rig = new Rig();
    rig.serviceFails = new Failure("service.not_found", "no node offers accounts@1; db-7 does payments");
    const { events } = rig.ask(SERVICE);
    await settled(events);
    expect(events.events).toEqual(["failure gateway.service_unavailable"]);
    rig.serviceFails = new Failure("accounts.overdrawn", "there is not that much");
    const own = rig.ask(SERVICE).events;
    await settled(own);
    expect([own.events, JSON.parse(own.text ?? "")]).toMatchObject([
      ["reply 422", "over"],
      { code: "accounts.overdrawn" },
    ]);
  });

  test("ends a stream with a line that tells nothing of the inside when it breaks", async () => {
    const rig = new Rig();
    rig.serviceFails = new Failure("service.exited", "a process at db-7 ended with 137");
    const { events } = rig.ask(STREAM);
    rig.more.resolve();
    await settled(events);
    await until("it was read", () => events.text);
    const [item, end] = events.text!.trim().split("\n");
    expect([item, JSON.parse(end!)]).toMatchObject(['{"n":0}', { error: { code: "gateway.service_failed" } }]);
    expect([events.text!.includes("db-7"), rig.broken]).toEqual([false, ["a process at db-7 ended with 137"]]);
  });
});
