import { describe, expect, test } from "bun:test";
import { z } from "distributed-system/service";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { Bulkhead } from "../../../../src/process/service/bulkhead.ts";
import { CallerTexts } from "../../../../src/process/service/caller-texts.ts";
import { failureText, readFailure } from "../../../../src/process/service/failures.ts";
import { helloFault, helloText } from "../../../../src/process/service/frames.ts";
import { DEPTH_MAX } from "../../../../src/process/service/limits.ts";
import { parseParams } from "../../../../src/process/service/params.ts";
import { type RemoteCall, remoteCall, remoteServices, splitTarget } from "../../../../src/process/service/remote.ts";
import { jsonText } from "../../../../src/process/service/results.ts";
import { SchemaCheck } from "../../../../src/process/service/schema-check.ts";
import { describeThrown } from "../../../../src/process/service/thrown.ts";
import type { ServiceCaller } from "../../../../src/process/service/words.ts";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const never = (): AbortSignal => new AbortController().signal;

describe("parseParams()", () => {
  test("parseParams() gives what the bytes say, and an empty object when there are none", () => {
    expect(parseParams("users.get", Buffer.from('{"a":"grüß"}'))).toEqual({ a: "grüß" });
    expect(parseParams("users.get", new Uint8Array(0))).toEqual({});
    expect(parseParams("users.get", Buffer.from(nested(DEPTH_MAX)))).toBeArray();
    expect(parseParams("users.get", Buffer.from(JSON.stringify(`\\"${"[".repeat(500)}`)))).toBeString();
  });

  for (const [what, bytes, says] of [
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22]), "no UTF-8"],
    ["no JSON", Buffer.from("{a}"), "no JSON"],
    ["too deep", Buffer.from(nested(DEPTH_MAX + 1)), "deeper than"],
    ["deep without an end", Buffer.from("[".repeat(200_000)), "deeper than"],
    ["a number beyond all bounds", Buffer.from('{"a":[1e999]}'), "too large"],
    ["a number of many digits", Buffer.from(`[-${"9".repeat(400)}]`), "too large"],
    ["a prototype", Buffer.from('{"a":[{"__proto__":{"x":1}}]}'), "__proto__"],
    ["a prototype in escapes", Buffer.from('{"\\u005f_proto__":{"x":1}}'), "__proto__"],
  ] as const) {
    test(`parseParams() refuses when it is ${what}`, () => {
      const parse = (): unknown => parseParams("users.get", bytes);
      expect(parse).toThrow(says);
      expect(parse).toThrow(expect.objectContaining({ code: "rpc.invalid_input" }));
    });
  }

  test("parseParams() takes numbers that a float can hold, however they are written", () => {
    const text = `{"a":1e308,"b":1e-999,"c":0.${"0".repeat(400)}1,"d":"1e999"}`;
    expect(parseParams("users.get", Buffer.from(text))).toEqual({ a: 1e308, b: 0, c: 0, d: "1e999" });
  });

  test("parseParams() takes the word __proto__ when it is a value", () => {
    expect(parseParams("users.get", Buffer.from('{"a":"__proto__"}'))).toEqual({ a: "__proto__" });
  });
});

describe("CallerTexts.of()", () => {
  const caller = fc.record<ServiceCaller>({
    kind: fc.constantFrom("outside", "service", "node"),
    name: fc.constantFrom("ada", "bob"),
    access: fc.constantFrom("none", "read"),
    scopes: fc.array(fc.constantFrom("users", "users.get"), { maxLength: 2 }),
  });

  test("of() gives the text of each caller, whoever called before it", () => {
    fc.assert(
      fc.property(fc.array(caller, { minLength: 1, maxLength: 6 }), (callers) => {
        const texts = new CallerTexts();
        for (const each of [...callers, ...callers]) expect(JSON.parse(texts.of(each))).toEqual(each);
      }),
    );
  });

  test("of() gives the same text when another object says the same", () => {
    const texts = new CallerTexts();
    const make = (): ServiceCaller => ({ kind: "outside", name: "ada", access: "read", scopes: ["users"] });
    expect(texts.of(make())).toBe(texts.of({ scopes: ["users"], access: "read", name: "ada", kind: "outside" }));
  });
});

describe("jsonText()", () => {
  test("jsonText() gives JSON when JSON can say it", () => {
    expect(jsonText("a.b", { at: new Date(0), none: undefined, list: [1, null] })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","list":[1,null]}',
    );
    expect(jsonText("a.b", undefined)).toBe("null");
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  for (const [value, says] of [
    [{ a: [new Map()] }, "a[0] is a Map"],
    [{ a: { b: Number.NaN } }, "a.b is NaN"],
    [1n, "it is a bigint"],
    [{ run() {} }, "run is a function"],
    [new Uint8Array(3), "it is a Uint8Array"],
    [circle, "deeper than"],
    [{ toJSON: () => 1n }, "BigInt"],
  ] as const) {
    test(`jsonText() refuses with the place when ${says}`, () => {
      expect(() => jsonText("a.b", value)).toThrow(says);
    });
  }
});

describe("SchemaCheck.check()", () => {
  test("check() tells every fault with its place when a value is wrong", () => {
    const check = new SchemaCheck(
      z.object({ id: z.number(), tags: z.array(z.string()) }),
      "rpc.invalid_input",
      "wrong",
    );
    const look = (): unknown => check.check({ id: "x", tags: ["a", 7] });
    expect(look).toThrow(
      expect.objectContaining({
        code: "rpc.invalid_input",
        data: { faults: [expect.objectContaining({ path: "id" }), expect.objectContaining({ path: "tags[1]" })] },
      }),
    );
  });

  test("check() waits when the schema has to", async () => {
    const schema = z.string().refine((value) => Promise.resolve(value !== "taken"), "it is taken");
    const check = new SchemaCheck(schema, "rpc.invalid_input", "wrong");
    expect(await check.check("free")).toBe("free");
    await expect(Promise.resolve(check.check("taken"))).rejects.toThrow("wrong: it is taken");
  });
});

describe("Bulkhead.enter()", () => {
  test("enter() gives places in order, lets some wait and refuses the others", async () => {
    const bulkhead = new Bulkhead("users.get", 1, 2);
    expect(bulkhead.enter(never)).toBeUndefined();
    const order: number[] = [];
    const waiting = [1, 2].map((each) => bulkhead.enter(never)!.then(() => order.push(each)));
    expect(() => bulkhead.enter(never)).toThrow(
      expect.objectContaining({ code: "service.overloaded", retryable: true, data: { begun: false } }),
    );
    bulkhead.leave();
    await waiting[0];
    expect(order).toEqual([1]);
    bulkhead.leave();
    await waiting[1];
    bulkhead.leave();
    expect(bulkhead.enter(never)).toBeUndefined();
  });

  test("enter() gives no place when who waits has gone", async () => {
    const bulkhead = new Bulkhead("users.get", 1, 1);
    bulkhead.enter(never);
    const controller = new AbortController();
    const waiting = bulkhead.enter(() => controller.signal);
    controller.abort();
    expect(await waiting).toBe(false);
    bulkhead.leave();
    expect(bulkhead.enter(never)).toBeUndefined();
  });
});

describe("remoteServices()", () => {
  const seen: RemoteCall[] = [];
  const services = remoteServices(async (call) => {
    seen.push(call);
    if (call.head.method === "fail") throw new Failure("service.unavailable", "nobody", { retryable: true });
    return "answer";
  });

  test("remoteServices() calls whatever is named, with all that was asked for", async () => {
    const options = { timeout: "2s", tags: ["eu"], key: "k", idempotent: true, version: "1" } as const;
    expect(await services.users!.stream!({ id: 7 }, options)).toBe("answer");
    expect(seen.at(-1)).toEqual({
      what: "users@1.stream",
      timeoutMs: 2_000,
      params: '{"id":7}',
      head: { service: "users@1", method: "stream", tags: ["eu"], key: "k", idempotent: true },
    });
    await services["users@1.2.0"]!.get!();
    expect(seen.at(-1)).toMatchObject({ what: "users@1.2.0.get", params: "", timeoutMs: undefined });
  });

  test("remoteServices() is no promise when it is awaited", async () => {
    const before = seen.length;
    expect(typeof (await services.users)).toBe("object");
    expect(seen.length).toBe(before);
  });

  test("remoteServices() gives the fallback when nobody answers, and asks functions for one", async () => {
    expect(await services.users!.fail!({}, { fallback: null })).toBe(null);
    const fallback = (failure: unknown) => (failure as Failure).code;
    expect(await services.users!.fail!({}, { fallback })).toBe("service.unavailable");
    await expect(services.users!.fail!({})).rejects.toThrow("nobody");
  });

  test("remoteServices() tells the caller, fallback or not, when params are nothing that JSON can say", async () => {
    await expect(services.users!.get!({ at: 1n }, { fallback: 1 })).rejects.toThrow("at is a bigint");
    expect(() => remoteCall("users", "get", {}, { timeout: "soon" })).toThrow("no duration");
  });

  test("splitTarget() takes the last point when a version has points", () => {
    expect(splitTarget("users@1.2.0.get")).toEqual(["users@1.2.0", "get"]);
    for (const wrong of ["users", ".get", "users."]) expect(() => splitTarget(wrong)).toThrow("service.method");
  });
});

describe("describeThrown()", () => {
  test("describeThrown() keeps a failure of the service and hides the stack of anything else", () => {
    const failure = new Failure("users.not_found", "no user");
    expect(describeThrown(failure, "service.failed")).toBe(failure);
    const { code, message } = describeThrown(new TypeError("boom"), "service.failed");
    expect([code, message.split("\n").length]).toEqual(["service.failed", 1]);
    expect(message).toStartWith("TypeError: boom (at ");
    expect(describeThrown("text", "service.failed").message).toBe("text");
  });

  test("describeThrown() does not let another service's end pass for this one's when a handler passes it on", () => {
    const inner = new Failure("service.exited", "gone", { retryable: true, data: { begun: true } });
    expect(describeThrown(inner, "service.failed")).toMatchObject({
      code: "service.dependency_failed",
      retryable: true,
      data: { cause: { code: "service.exited" } },
    });
  });
});

test("describeThrown() believes no handler that it has not begun", () => {
  for (const code of ["service.not_found", "rpc.deadline_exceeded", "users.busy"]) {
    const inner = new Failure(code, "x", { data: { begun: false } });
    const { data } = describeThrown(inner, "service.failed");
    expect([code, data?.begun]).toEqual([code, undefined]);
  }
});

describe("readFailure()", () => {
  test("readFailure() gives what failureText() wrote, also when its data was a circle", () => {
    const failure = new Failure("a.b", "text", { data: { x: 1 }, retryable: true });
    expect(readFailure(failureText(failure))!.toJSON()).toEqual(failure.toJSON());
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(readFailure(failureText(new Failure("a.b", "text", { data: circle })))!.message).toContain("text (its data");
  });

  for (const text of ["", "null", "7", "{}", '{"code":1,"message":"","retryable":true}', "{"]) {
    test(`readFailure() gives nothing when the text is ${JSON.stringify(text)}`, () => {
      expect(readFailure(text)).toBeUndefined();
    });
  }
});

describe("helloFault()", () => {
  test("helloFault() accepts what helloText() wrote, and nothing else", () => {
    expect(helloFault(helloText(1, 4711), 1)).toBeUndefined();
    expect(helloFault(helloText(2, 4711), 1)).toContain("service API 2");
    expect(helloFault("hello", 1)).toContain("instead of a greeting");
  });
});
