/** Services in real processes: calls, streams and ends of all kinds, over the real socket. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/errors.ts";
import { fakeInJavaScript } from "../support/hosts.ts";
import { ANN, DrivenService } from "../support/service-hosts.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const SERVICE = `import { auth, defineService, method, rateLimit, ServiceError, z } from "distributed-system/service";
let started = 0;
export default defineService({
  name: "users", version: "1.2.0", tags: ["eu"],
  init(ctx) { started++; ctx.log.info("up on " + ctx.node); },
  cleanup(ctx) { ctx.log.info("cleaned up"); },
  health() { if (started > 1) throw new ServiceError("users.sick", "no database"); },
  methods: {
    get: method({
      input: z.object({ id: z.number() }), output: z.object({ id: z.number(), by: z.string() }),
      handler({ id }, ctx) {
        if (id === 404) throw new ServiceError("users.not_found", "no user 404", { data: { id } });
        return { id, by: ctx.caller.name, secret: 1 };
      },
    }),
    sicken() { started = 2; },
    bad: () => ({ seen: new Map() }),
    boom() { throw new TypeError("boom"); },
    secret: method({ middleware: [auth({ scope: "users.secret" })], handler: () => 42 }),
    limited: method({ middleware: [rateLimit({ limit: 1, window: "1h" })], handler: () => 1 }),
    nested: (params, ctx) => ctx.services.other.twice(params, { key: "k" }),
    dead: (_params, ctx) => ctx.services.other.dead(),
    many: async (_params, { broadcast, discover, stream, traceparent }) => {
      const items = [];
      for await (const item of stream("other.list", { a: 1 })) items.push(item);
      return [items, await broadcast("other.twice"), await discover({ service: "other" }), traceparent];
    },
    hang: (_params, ctx) => new Promise((resolve) => ctx.signal.addEventListener("abort", () => {
      ctx.log.warn("left: " + ctx.signal.reason.code);
      resolve(null);
    })),
    deaf: () => new Promise(() => {}),
    one: method({ concurrency: 1, queue: 0, handler: () => new Promise(() => {}) }),
    spin() { for (;;); },
    count: method({ stream: true, input: z.object({ to: z.number() }), async *handler({ to }, ctx) {
      let made = 0;
      try { for (; made < to; made++) yield { made, pad: "x".repeat(500) }; } finally { ctx.log.info("made " + (made < to ? "few" : "all")); }
    } }),
    print() { console.log("hello"); },
  },
});
`;
const TRACE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const thrown = await work.then(
    (value) => value,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure; // as was just looked at
}

let folder: Workspace;
let service: DrivenService;
let file: string;

beforeAll(async () => {
  folder = new Workspace();
  file = folder.write("users.ts", SERVICE);
  const asks = {
    outgoing: async (call: { readonly method: string; readonly params: Uint8Array }) => {
      if (call.method === "dead")
        throw new Failure("service.exited", "gone", { retryable: true, data: { begun: true } });
      return call.params;
    },
  };
  service = await (await DrivenService.load(file, asks)).start();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe("ServiceProcess.call()", () => {
  test("call() gives what the handler returns, cut to its schema", async () => {
    expect(service.description).toMatchObject({ name: "users", version: "1.2.0", hasHealth: true, tags: ["eu"] });
    expect(await service.call("get", { id: 7 })).toEqual({ id: 7, by: "ann" });
    const all = Array.from({ length: 200 }, (_, id) => service.call("get", { id }));
    expect((await Promise.all(all)).map((each) => (each as { id: number }).id)).toEqual(all.map((_, id) => id));
  });

  test("call() fails with the service's own failure when it throws one", async () => {
    expect((await failureOf(service.call("get", { id: 404 }))).toJSON()).toEqual({
      code: "users.not_found",
      message: "no user 404",
      data: { id: 404 },
      retryable: false,
    });
  });

  for (const [method, params, code, says] of [
    ["get", { id: "7" }, "rpc.invalid_input", "id: "],
    ["get", JSON.parse('{"id":1,"__proto__":{"x":1}}') as unknown, "rpc.invalid_input", "__proto__"],
    ["boom", {}, "service.failed", "users.boom failed; the log of its service says why"],
    ["bad", {}, "service.bad_result", "seen is a Map"],
    ["nothing", {}, "service.not_found", "no such method"],
    ["count", { to: 1 }, "service.not_found", "streams it"],
    ["secret", {}, "rpc.forbidden", "the scope users.secret"],
    ["dead", {}, "service.dependency_failed", "gone"],
  ] as const) {
    test(`call() fails with ${code} when ${method} is asked and says "${says}"`, async () => {
      const failure = await failureOf(service.call(method, params));
      expect([failure.code, failure.message]).toEqual([code, expect.stringContaining(says)]);
    });
  }

  test("call() tells what nobody meant to say to the log, and to callers who may read it", async () => {
    const told = `TypeError: boom (at ${file}:`;
    const failure = await failureOf(service.call("boom", {}, { traceparent: TRACE }));
    const line = await until("it is logged", () =>
      service.logs.find(({ message }) => message.endsWith(`(failure ${failure.data!.failure})`)),
    );
    expect(line).toMatchObject({ level: "error", message: expect.stringContaining(told), traceId: "a".repeat(32) });
    for (const caller of [
      { ...ANN, access: "admin" },
      { ...ANN, kind: "service" },
    ] as const)
      expect((await failureOf(service.call("boom", {}, { caller }))).message).toStartWith(told);
  });

  test("call() passes middleware when the caller may, and only so often", async () => {
    expect(await service.call("secret", {}, { caller: { ...ANN, scopes: ["users.secret"] } })).toBe(42);
    expect(await service.call("limited")).toBe(1);
    expect((await failureOf(service.call("limited"))).code).toBe("service.rate_limited");
  });

  test("call() brings answers of other services, with the caller's trace, when the handler asks them", async () => {
    expect(await service.call("nested", { x: 21 })).toEqual({ x: 21 });
    expect(await service.call("many", {}, { traceparent: TRACE })).toEqual([
      [{ a: 1 }, { a: 1 }, { a: 1 }],
      [{ node: "node-2", ok: true, result: "other.twice" }],
      [{ node: "node-1", service: "other", version: "1.0.0", tags: [], healthy: 1 }],
      TRACE,
    ]);
  });

  test("call() aborts the handler's signal when the caller leaves, and at the deadline", async () => {
    const controller = new AbortController();
    const failure = failureOf(service.call("hang", {}, { signal: controller.signal, traceparent: TRACE }));
    await until("the call is there", () => service.process.inFlight === 1);
    controller.abort();
    expect((await failure).code).toBe("rpc.cancelled");
    const told = await until("the handler hears", () =>
      service.logs.find(({ message }) => message === "left: rpc.cancelled"),
    );
    expect(told).toMatchObject({ level: "warn", traceId: "a".repeat(32) });
    // On a busy machine a call may be given up before the process has begun with it: then there is nobody to hear of it.
    await until("the handler hears", async () => {
      expect((await failureOf(service.call("hang", {}, { timeoutMs: 30 }))).code).toBe("rpc.deadline_exceeded");
      return service.logs.find(({ message }) => message === "left: rpc.deadline_exceeded");
    });
    await until("nothing is under way", () => service.process.inFlight === 0);
  });

  test("call() is refused when the method's places are taken, also by a handler that goes on", async () => {
    // Once a handler has begun, in the first call or a later one.
    const refused = await until("a call is refused", async () => {
      const failure = await failureOf(service.call("one", {}, { timeoutMs: 20 }));
      return failure.code !== "rpc.deadline_exceeded" && failure;
    });
    expect(refused).toMatchObject({ code: "service.overloaded", retryable: true, data: { begun: false } });
  });

  test("call() leaves what the process prints to its node", async () => {
    await service.call("print");
    await until("the line is there", () => service.lines.includes("hello"));
  });
});

describe("ServiceProcess.stream()", () => {
  test("stream() gives all items in order when they are read", async () => {
    let next = 0;
    for await (const item of service.stream("count", { to: 3_000 }))
      expect((item as { made: number }).made).toBe(next++);
    expect(next).toBe(3_000);
    expect((await failureOf(service.stream("count", {}).next())).code).toBe("rpc.invalid_input");
  });

  test("stream() ends the method when the reader stops reading", async () => {
    for await (const _item of service.stream("count", { to: 1e9 })) break;
    await until("the method has ended", () => service.logs.find(({ message }) => message === "made few"));
    await until("nothing is under way", () => service.process.inFlight === 0);
  });
});

describe("ServiceProcess.stop()", () => {
  test("stop() lets calls end, cleans up and takes no more", async () => {
    await using own = await (await DrivenService.load(file)).start();
    await own.process.health(5_000);
    await own.call("sicken");
    expect((await failureOf(own.process.health(5_000))).code).toBe("users.sick");
    const underWay = failureOf(own.call("hang", {}, { timeoutMs: 150 }));
    const stopped = own.process.stop(10_000);
    expect((await failureOf(own.call("get", { id: 1 }))).code).toBe("service.unavailable");
    expect((await underWay).code).toBe("rpc.deadline_exceeded");
    expect(await stopped).toMatchObject({ code: 0 });
    expect(own.logs.map(({ message }) => message)).toContain("cleaned up");
    expect(own.exits).toHaveLength(1);
  });

  test("stop() kills when a handler never returns and its caller waits on", async () => {
    await using own = await (await DrivenService.load(file)).start();
    const underWay = failureOf(own.call("deaf"));
    expect((await own.process.stop(50)).reason).toContain("did not stop in time");
    expect(await underWay).toMatchObject({ code: "service.exited", retryable: true, data: { begun: true } });
  });
});

describe("ServiceProcess, when processes misbehave", () => {
  test("call() fails at once with service.exited when the process is killed", async () => {
    await using own = await (await DrivenService.load(file)).start();
    const failures = Array.from({ length: 50 }, () => failureOf(own.call("deaf")));
    const reading = failureOf(
      own
        .stream("count", { to: 1e9 })
        .next()
        .then(() => own.call("deaf")),
    );
    await until("all are under way", () => own.process.inFlight >= 51);
    process.kill(own.process.pid, "SIGKILL");
    for (const failure of await Promise.all([...failures, reading])) expect(failure.code).toBe("service.exited");
    expect((await failureOf(own.call("get", { id: 1 }))).code).toBe("service.unavailable");
    expect(own.exits).toEqual([expect.objectContaining({ signal: "SIGKILL" })]);
  });

  test("call() is given up by the node itself when a handler never yields", async () => {
    await using own = await (await DrivenService.load(file)).start();
    expect((await failureOf(own.call("spin", {}, { timeoutMs: 50 }))).code).toBe("rpc.deadline_exceeded");
    expect((await failureOf(own.process.health(50))).code).toBe("rpc.deadline_exceeded");
    expect(own.process.inFlight).toBe(2);
  });

  test("start() fails with what init throws, and the process is gone", async () => {
    const text = SERVICE.replace("started++;", 'throw new ServiceError("users.no_database", "no database");');
    await using own = await DrivenService.load(folder.write("no-init.ts", text));
    expect((await failureOf(own.start())).code).toBe("users.no_database");
    expect((await own.process.exited).reason).toBe("no database");
  });

  test("start() fails with service.init_timeout when init never returns", async () => {
    await using own = await DrivenService.load(folder.write("hangs.ts", SERVICE.replace("started++;", "for (;;);")));
    expect((await failureOf(own.process.start(100))).code).toBe("service.init_timeout");
    await own.process.exited;
  });

  for (const [what, text, code, says] of [
    ["nothing is exported", "export const a = 1;", "service.definition", "no default export"],
    ["it is not TypeScript", "const a =;", "service.load", "wrong-it is not TypeScript.ts:1:10)"],
    ["it throws", '\nthrow new Error("not today");', "service.load", "wrong-it throws.ts:2:11)"],
    [
      "fields are wrong",
      SERVICE.replace('version: "1.2.0"', 'version: "new", colour: 1'),
      "service.definition",
      "colour: ",
    ],
    ["it never loads", "for (;;);", "service.load_timeout", "did not load within"],
  ] as const) {
    test(`load() fails with ${code} when ${what}`, async () => {
      const own = new DrivenService();
      const timeoutMs = code === "service.load_timeout" ? 300 : 20_000;
      const failure = await failureOf(own.load(folder.write(`wrong-${what}.ts`, text), {}, { timeoutMs }));
      expect([failure.code, failure.message]).toEqual([code, expect.stringContaining(says)]);
      await until("the process is gone", () => own.exits.length === 1);
    });
  }

  const frame =
    "const frame = (kind, id, body) => { const all = Buffer.alloc(9 + body.length); all.writeUInt32LE(5 + body.length); " +
    "all[4] = kind; all.writeUInt32LE(id, 5); Buffer.from(body).copy(all, 9); return all; };";
  const hello = `${frame} say(frame(8, 0, "\\u0001distributed-system-service|1|1|7"));`;
  for (const [what, body, says] of [
    [
      "garbage comes",
      `say("distributed-system|1|1|7|json\\n".repeat(9)); setInterval(() => {}, 1e3);`,
      "sent a message of",
    ],
    [
      "it is another protocol",
      `${frame} say(frame(8, 0, "\\u0001distributed-system-service|9|1|7")); setInterval(() => {}, 1e3);`,
      "speaks protocol 9",
    ],
    ["it answers what nobody asked", `${hello} say(frame(2, 99, "{}")); setInterval(() => {}, 1e3);`, "request 99"],
    [
      "it floods with requests",
      `${hello} const head = '{"service":"a","method":"b"}'; for (let id = 1; id < 9e3; ) try { say(frame(1, id, Buffer.concat([Buffer.from([3, 0, 0, 9, 0, 0, head.length, 0, 0, 0]), Buffer.from(head)]))); id++; } catch {} setInterval(() => {}, 1e3);`,
      "asked more than",
    ],
    [
      "it floods with its log",
      `${hello} const line = "\\u0002" + JSON.stringify({ level: "info", message: "x".repeat(60000) }); for (;;) try { say(frame(8, 0, line)); } catch {}`,
      "printed more than",
    ],
    [
      "it describes no service",
      `${hello} const { readSync } = require("node:fs"); const load = Buffer.from([1, 1, 0, 0, 0, 1]); for (let all = Buffer.alloc(0); !all.includes(load); ) try { const some = Buffer.alloc(9e3); all = Buffer.concat([all, some.subarray(0, readSync(3, some))]); } catch {} say(frame(2, 1, '{"name":"../x"}')); setInterval(() => {}, 1e3);`,
      "described no service",
    ],
  ] as const) {
    test(`load() fails and the process is killed with a reason when ${what}`, async () => {
      const own = new DrivenService();
      const command = fakeInJavaScript(body);
      const asks = { outgoing: () => new Promise<never>(() => {}) };
      const failure = await failureOf(own.load(file, asks, { command, timeoutMs: 5_000 }));
      expect(failure.code).toMatch(/^service\.(exited|protocol)$/);
      const exit = await until("the process is gone", () => own.exits[0]);
      expect(exit.reason).toContain(says);
    });
  }
});
