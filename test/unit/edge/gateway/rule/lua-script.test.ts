/** A Lua file in this process: what it decides, and its limits by a clock that the test owns. */
import { beforeAll, describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { FRAME_BYTES_MIN } from "../../../../../src/edge/gateway/rule/frames.ts";
import { LuaModule } from "../../../../../src/edge/gateway/rule/lua-module.ts";
import { LuaScript } from "../../../../../src/edge/gateway/rule/lua-script.ts";
import { RequestReader, requestFrame } from "../../../../../src/edge/gateway/rule/request-frame.ts";

const TIMEOUT_MS = 50;
/** Of looks at the clock: enough for all that ends. */
const LONG_MS = 1e9;
const TEXTS = { method: "GET", scheme: "http", host: "h", path: "/a", query: "", client: "192.0.2.1", route: "r" };
const REQUEST = Buffer.from(
  requestFrame(1, 0, TIMEOUT_MS, { ...TEXTS, headers: { "x-a": "b" }, params: {} })!.subarray(FRAME_BYTES_MIN),
);

/** Each look at it is a millisecond. */
class LookedAtClock {
  #ms = 0;
  now(): number {
    return 0;
  }
  monotonic(): number {
    this.#ms++;
    return this.#ms;
  }
  after(): never {
    throw new Error("no timers here");
  }
}

let lua: LuaModule;
const clock = new LookedAtClock();

beforeAll(async () => {
  lua = await LuaModule.open(clock);
});

function scriptOf(body: string, module = lua): LuaScript {
  const script = new LuaScript(module, clock, "rule.lua", Buffer.from(body));
  script.load();
  return script;
}

function decide(script: LuaScript, timeoutMs = TIMEOUT_MS): unknown {
  return script.decide(new RequestReader(REQUEST), REQUEST, timeoutMs);
}

function failureOf(script: LuaScript, timeoutMs = TIMEOUT_MS): readonly [code: string, message: string] {
  try {
    decide(script, timeoutMs);
  } catch (thrown) {
    if (thrown instanceof Failure) return [thrown.code, thrown.message];
    throw thrown;
  }
  throw new Error("it has decided");
}

describe("decide()", () => {
  test("decide() gives what route gives back, each time anew", () => {
    const script = scriptOf(`function route(r) return { path = r.path .. r.headers["x-a"], target = r.method } end`);
    for (let round = 0; round < 3; round++) expect(decide(script)).toEqual({ path: "/ab", target: "GET" });
  });

  test("decide() keeps what scripts hold apart when one has failed", () => {
    const one = scriptOf(`local n = 0; function route() n = n + 1; return { path = "/" .. n } end`);
    const other = scriptOf(`local n = 0; function route() n = n + 1; if n == 2 then error("two") end; return "x" end`);
    expect([decide(one), decide(other), failureOf(other)[1], decide(other), decide(one)]).toEqual([
      { path: "/1" },
      "x",
      "rule.lua:1: two",
      "x",
      { path: "/2" },
    ]);
  });

  for (const [what, body] of [
    ["loops", "while true do end"],
    ["loops around pcall", "while true do pcall(function() while true do end end) end"],
    ["loops in a coroutine", "while true do pcall(coroutine.wrap(function() while true do end end)) end"],
    ["swallows the end of its time", "pcall(function() while true do end end) return 'main'"],
  ] as const) {
    test(`decide() fails with gateway.rule_timeout when the script ${what}, and decides the next one`, () => {
      const script = scriptOf(`local n = 0 function route(r) n = n + 1 if n == 2 then ${body} end return "main" end`);
      expect(decide(script)).toBe("main");
      expect(failureOf(script)).toEqual(["gateway.rule_timeout", "the time for a decision is over"]);
      expect(decide(script)).toBe("main");
    });
  }

  for (const [what, body] of [
    ["repeats a text", 'return ("x"):rep(1e9)'],
    ["fills a table", "local t = {} for i = 1, 4e6 do t[i] = { i } end"],
    ["joins texts", 'local s = "x" for i = 1, 30 do s = s .. s end'],
  ] as const) {
    test(`decide() fails with gateway.rule_memory when the script ${what}, and the module stays small`, () => {
      const script = scriptOf(`function route(r) ${body} end`);
      expect(failureOf(script, LONG_MS)[0]).toBe("gateway.rule_memory");
      const bytes = lua.bytes.byteLength;
      for (let round = 0; round < 2; round++) expect(failureOf(script, LONG_MS)[0]).toBe("gateway.rule_memory");
      expect(lua.bytes.byteLength).toBeLessThan(1.5 * bytes);
    });
  }

  test("decide() reads results from the memory as it is when it has grown meanwhile", async () => {
    const fresh = await LuaModule.open(clock);
    const large = `local t = {} for i = 1, 200 do t[i] = ("x"):rep(1e5) .. i end return { path = r.path .. #t }`;
    const scripts = [`function route(r) ${large} end`, "function route(r) return r.path end"];
    const loaded = scripts.map((text) => scriptOf(text, fresh));
    const before = fresh.bytes;
    for (let round = 0; round < 2; round++)
      expect(loaded.map((script) => decide(script, LONG_MS))).toEqual([{ path: "/a200" }, "/a"]);
    expect(fresh.bytes.byteLength).toBeGreaterThan(before.byteLength);
  });
});
