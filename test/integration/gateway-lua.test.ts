/** Rules in real processes: Lua and plugins that decide, and all that a bad one may do. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import { checkRules, RuleBook, type RuleEvent, type RuleFile } from "../../src/edge/gateway/rule/index.ts";
import type { RouteRules, RuleRequest } from "../../src/edge/gateway/words/index.ts";
import { killHard } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const COMMAND = { argv: [process.execPath, MAIN, "rule-host"], env: { PATH: process.env.PATH } };
const REQUEST: RuleRequest = {
  method: "GET",
  scheme: "https",
  host: "shop.example",
  path: "/orders/7",
  query: "a=b",
  headers: { "x-user": "ann", accept: "*/*" },
  client: "192.0.2.1",
  route: "orders",
  params: { id: "7" },
  claims: { sub: "ann", groups: ["eu", "staff"], org: { id: 3 } },
};

const GOOD = `
local seen = 0
function route(r)
  if r.path == "/seen" then seen = seen + 1; return { path = "/" .. seen } end
  if r.path == "/name" then return "canary" end
  if r.path == "/no" then return nil end
  if r.path == "/reply" then return { reply = { status = 418, headers = { ["X-Why"] = "tea" }, body = "kurz und g\\195\\188ltig" } } end
  if r.path == "/random" then return { path = "/" .. math.random(1, 9) } end
  return {
    target = "main", path = "/v2" .. r.path .. "?" .. r.query,
    headers = { ["x-user"] = r.headers["x-user"] .. "@" .. r.claims.org.id, ["x-group"] = r.claims.groups[2], accept = false,
      ["x-all"] = table.concat({ r.method, r.scheme, r.host, r.client, r.route, r.params.id }, " ") },
  }
end`;

/** What each does at /bad, and how it ends. */
const BAD: readonly (readonly [what: string, code: string, says: string, body: string])[] = [
  ["loops", "gateway.rule_timeout", "time", "while true do end"],
  ["loops around pcall", "gateway.rule_timeout", "time", "while true do pcall(function() while true do end end) end"],
  ["nests pcalls", "gateway.rule_timeout", "time", "local function f() while true do pcall(f) end end f()"],
  [
    "loops in an error handler",
    "gateway.rule_",
    "",
    "while true do xpcall(error, function() while true do end end) end",
  ],
  [
    "loops in a coroutine",
    "gateway.rule_timeout",
    "time",
    "local c = coroutine.wrap(function() while true do pcall(function() while true do end end) end end) while true do pcall(c) end",
  ],
  [
    "makes coroutines without end",
    "gateway.rule",
    "",
    "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
  ],
  [
    "swallows the end of its time",
    "gateway.rule_timeout",
    "time",
    "pcall(function() while true do end end) return 'main'",
  ],
  [
    "closes slowly",
    "gateway.rule_timeout",
    "time",
    "local x <close> = setmetatable({}, { __close = function() while true do end end }) while true do end",
  ],
  ["repeats a text", "gateway.rule_memory", "32 MiB", 'local s = ("x"):rep(1e9) return s'],
  ["doubles a text", "gateway.rule_memory", "32 MiB", 'local s = "x" while true do s = s .. s end'],
  ["formats without end", "gateway.rule_memory", "32 MiB", 'local s = "x" while true do s = ("%s%s"):format(s, s) end'],
  ["replaces without end", "gateway.rule_", "", 'local s = "xxxxxxxx" while true do s = s:gsub(".", "%0%0%0%0") end'],
  ["fills a table", "gateway.rule", "", "local t = {} while true do t[#t + 1] = { #t } end"],
  [
    "joins a large table",
    "gateway.rule",
    "",
    'local t = {} for i = 1, 2e5 do t[i] = "xxxxxxxxxx" end while true do table.concat(t) end',
  ],
  ["calls itself", "gateway.rule_", "", "local function f() return 1 + f() end return f()"],
  ["stays in a library's C code", "gateway.rule_timeout", "killed", "table.move({}, 1, 1e15, 2)"],
  [
    "matches for ever",
    "gateway.rule_timeout",
    "killed",
    'local s = ("a"):rep(60) return s:find(("a?"):rep(60) .. ("a"):rep(60) .. ".-.-.-.-.-.-.-.-b$") or s:rep(400):find(".-.-.-.-.-b$")',
  ],
  ["recurses in a library", "gateway.rule", "", 'local function f(s) return (s:gsub(".", f)) end return f("x")'],
  ["reads files", "gateway.rule_failed", "nil value (global 'io')", 'io.open("/etc/passwd")'],
  ["runs programs", "gateway.rule_failed", "nil value (global 'os')", 'os.execute("true")'],
  ["loads code", "gateway.rule_failed", "nil value (global 'load')", 'load("return 1")()'],
  ["requires", "gateway.rule_failed", "nil value (global 'require')", 'require("x")'],
  ["debugs", "gateway.rule_failed", "nil value (global 'debug')", "debug.sethook()"],
  ["stops the collector", "gateway.rule_failed", "nil value (global 'collectgarbage')", 'collectgarbage("stop")'],
  ["dumps bytecode", "gateway.rule_failed", "nil value (field 'dump')", "string.dump(route)"],
  ["takes the texts' metatable", "gateway.rule_failed", "index a boolean value", 'getmetatable("").__index = nil'],
  [
    "makes a finalizer",
    "gateway.rule_failed",
    "__gc is not allowed",
    "setmetatable({}, { __gc = function() while true do end end })",
  ],
  ["makes a global", "gateway.rule_failed", "the global counter is set", "counter = 1"],
  ["throws a table", "gateway.rule_failed", "no text", "error({})"],
  ["gives back a function", "gateway.rule_invalid", "function", "return { target = print or route }"],
  ["gives back itself", "gateway.rule_invalid", "too deep", "local t = {} t.headers = t return t"],
  ["gives back too much", "gateway.rule_invalid", "larger", 'return { path = "/" .. ("x"):rep(3e5) }'],
  [
    "looks well only through a metatable",
    "gateway.rule_invalid",
    "the field other",
    "return setmetatable({ other = 1 }, { __index = function() while true do end end, __pairs = error })",
  ],
  ["splits a header", "gateway.rule_invalid", "headers.x-a", 'return { headers = { ["x-a"] = "1\\r\\nx-b: 2" } }'],
  ["names a target that is none", "gateway.rule_invalid", "one of main, canary", 'return "elsewhere"'],
  ["switches protocols", "gateway.rule_invalid", "reply.status", "return { reply = { status = 101 } }"],
];

const badFile = (at: number): string => `bad-${at}.lua`;
const C_CODE = badFile(BAD.findIndex(([what]) => what === "stays in a library's C code"));

let folder: Workspace;
let book: RuleBook;
const events: RuleEvent[] = [];
const options = { command: COMMAND, clock: systemClock, onEvent: (event: RuleEvent) => void events.push(event) };

/** Enough for any decision, however busy the machine is; and for one that never ends. */
const LONG_MS = 10_000;
const SHORT_MS = 50;

function rules(path: string, timeoutMs = LONG_MS): RouteRules {
  return book.rules(join(folder.path, path), { timeoutMs, targets: ["main", "canary"] });
}

function ask(path: string, over: Partial<RuleRequest> = {}, timeoutMs?: number) {
  return rules(path, timeoutMs).decide({ ...REQUEST, ...over });
}

/** After a kill its file waits for hosts of its own; on a busy machine longer than a decision may. */
async function askUntilFree(path: string): ReturnType<typeof ask> {
  for (;;) {
    try {
      return await ask(path);
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.code !== "gateway.rule_busy") throw thrown;
    }
  }
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const thrown = await work.then(
    (value) => value,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure; // as was just looked at
}

beforeAll(async () => {
  folder = new Workspace();
  folder.write("good.lua", GOOD);
  const bad = BAD.map(([, , , body], at): RuleFile => {
    const text = `function route(r) if r.path == "/bad" then local function bad() ${body} end return bad() end end`;
    return { kind: "lua", path: folder.write(badFile(at), text) };
  });
  folder.write(
    "plugin.ts",
    `import { appendFileSync, existsSync, writeSync } from "node:fs";
import { defineRoute } from "distributed-system";
export default defineRoute({ route(request) {
  if (request.path === "/loop") for (;;);
  if (request.path === "/promise") return Promise.resolve("main") as never;
  if (request.path === "/throw") throw new Error("no idea");
  if (request.path === "/garbage") writeSync(3, "garbage ".repeat(10));
  if (request.path === "/exit") process.exit(3);
  if (request.path.startsWith("/held/")) {
    const place = "${folder.path}" + request.path.slice(5);
    appendFileSync(place, process.pid + "\\n");
    while (!existsSync(place + ".go"));
  }
  return { target: "canary", path: "/" + request.params.id + "/" + String(request.claims?.sub), headers: { "x-user": request.headers["x-user"] ?? "" } };
} });`,
  );
  const files: RuleFile[] = [
    { kind: "lua", path: join(folder.path, "good.lua") },
    ...bad,
    { kind: "plugin", path: join(folder.path, "plugin.ts") },
  ];
  book = await RuleBook.open(files, options);
});

afterAll(async () => {
  await book?.close();
  folder[Symbol.dispose]();
});

describe("decide() of a Lua file", () => {
  test("decide() gives target, path and headers when route gives a table", async () => {
    expect(await ask("good.lua")).toEqual({
      target: "main",
      path: "/v2/orders/7?a=b",
      headers: {
        "x-user": "ann@3",
        "x-group": "staff",
        accept: false,
        "x-all": "GET https shop.example 192.0.2.1 orders 7",
      },
    });
  });

  test("decide() gives a target, nothing or a reply when route gives a text, nil or a reply", async () => {
    expect(await ask("good.lua", { path: "/name" })).toEqual({ target: "canary" });
    expect(await ask("good.lua", { path: "/no" })).toEqual({});
    expect(await ask("good.lua", { path: "/reply" })).toEqual({
      reply: { status: 418, headers: { "x-why": "tea" }, body: "kurz und gültig" },
    });
    expect((await ask("good.lua", { path: "/random" })).path).toMatch(/^\/[1-9]$/);
  });

  test("decide() answers each of many when they are asked at once", async () => {
    const all = await Promise.all(Array.from({ length: 500 }, (_, at) => ask("good.lua", { path: `/${at}` })));
    expect(all.map(({ path }) => path)).toEqual(all.map((_, at) => `/v2/${at}?a=b`));
  });

  test("decide() takes bytes as they are when headers are not ASCII", async () => {
    const { headers } = await ask("good.lua", { headers: { "x-user": "\u00e4\u00ff" } });
    expect(headers?.["x-user"]).toBe("\u00e4\u00ff@3");
  });

  for (const [at, [what, code, says]] of BAD.entries()) {
    test(`decide() fails with ${code} when the script ${what}, and decides the next one`, async () => {
      const isEndless =
        code !== "gateway.rule_failed" && code !== "gateway.rule_invalid" && code !== "gateway.rule_memory";
      const failure = await failureOf(ask(badFile(at), { path: "/bad" }, isEndless ? SHORT_MS : LONG_MS));
      expect([failure.code, failure.message]).toEqual([expect.stringContaining(code), expect.stringContaining(says)]);
      expect((await ask("good.lua")).target).toBe("main");
      expect(await askUntilFree(badFile(at))).toEqual({});
    });
  }

  test("decide() answers others within bounds when one script stays in C code", async () => {
    const stuck = failureOf(ask(C_CODE, { path: "/bad" }, SHORT_MS));
    const others = await Promise.all(Array.from({ length: 100 }, () => ask("good.lua")));
    expect(others.every(({ target }) => target === "main")).toBe(true);
    expect((await stuck).code).toBe("gateway.rule_timeout");
    await until("the killed one is replaced", () => book.counts().hosts >= 4);
  });

  test("decide() goes on when a host is killed from outside", async () => {
    const [pid] = book.counts().pids;
    killHard(pid!);
    await until("its end is seen", () => events.some((event) => event.kind === "ended" && event.pid === pid));
    expect((await ask("good.lua")).target).toBe("main");
  });
});

describe("decide() of a plugin", () => {
  test("decide() gives what the plugin decides", async () => {
    expect(await ask("plugin.ts")).toEqual({ target: "canary", path: "/7/ann", headers: { "x-user": "ann" } });
  });

  for (const [path, code, says] of [
    ["/loop", "gateway.rule_timeout", "killed"],
    ["/promise", "gateway.rule_invalid", "promise"],
    ["/throw", "gateway.rule_failed", "no idea"],
    ["/garbage", "gateway.rule_failed", "wrong length"],
    ["/exit", "gateway.rule_failed", "exited with code 3"],
  ] as const) {
    test(`decide() fails with ${code} when the plugin does ${path}, and decides the next one`, async () => {
      const failure = await failureOf(ask("plugin.ts", { path }, path === "/loop" ? SHORT_MS : LONG_MS));
      expect([failure.code, failure.message]).toEqual([code, expect.stringContaining(says)]);
      expect((await ask("plugin.ts")).target).toBe("canary");
    });
  }
});

describe("decide() whose host is killed from outside", () => {
  /** Kills whoever holds the decision, so many times, and lets it go on. */
  async function killed(name: string, times: number): Promise<ReturnType<typeof ask>> {
    const place = folder.at(name);
    const decision = ask("plugin.ts", { path: `/held/${name}` });
    decision.catch(() => {}); // looked at by the caller
    const pids = () => (existsSync(place) ? readFileSync(place, "utf8").split("\n").slice(0, -1) : []);
    for (let time = 1; time <= times; time++) {
      await until("a host decides", () => pids().length === time);
      killHard(Number(pids().at(-1)));
    }
    folder.write(`${name}.go`, "");
    return decision;
  }

  test("decide() is asked of another host once", async () => {
    expect(await killed("once", 1)).toMatchObject({ target: "canary" });
  });

  test("decide() fails with gateway.rule_failed when that one is killed too: it may be what kills them", async () => {
    const failure = await failureOf(killed("twice", 2));
    expect([failure.code, failure.message]).toEqual([
      "gateway.rule_failed",
      expect.stringContaining("killed by SIGKILL"),
    ]);
  });
});

describe("RuleBook", () => {
  test("decide() fails with gateway.rule_busy when its file had to be killed again and again, and others go on", async () => {
    for (let at = 0; at < 6; at++) await failureOf(ask(C_CODE, { path: "/bad" }, 5));
    expect((await failureOf(ask(C_CODE))).code).toBe("gateway.rule_busy");
    expect((await ask("good.lua")).target).toBe("main");
  });

  test("decide() harms others once when a file has to be killed: after that it has hosts of its own", async () => {
    using place = new Workspace();
    const bad = `function route(r) if r.path == "/bad" then while true do xpcall(error, function() while true do end end) end end return "main" end`;
    const paths = [place.write("good.lua", GOOD), place.write("bad.lua", bad)] as const;
    const own = await RuleBook.open(
      paths.map((path) => ({ kind: "lua", path })),
      options,
    );
    const decide = (path: string, asked: string, timeoutMs: number) =>
      own.rules(path, { timeoutMs, targets: ["main", "canary"] }).decide({ ...REQUEST, path: asked });
    const before = own.counts().pids;
    const first = Promise.allSettled(Array.from({ length: 4 }, () => decide(paths[1], "/bad", SHORT_MS)));
    expect((await decide(paths[0], "/name", LONG_MS)).target).toBe("canary");
    expect((await first).every(({ status }) => status === "rejected")).toBe(true);
    await until("both have their hosts", () => own.counts().hosts === 4);
    const shared = own.counts().pids.slice(0, 2);
    expect(own.counts().pids).not.toEqual(before);
    expect((await decide(paths[1], "/", LONG_MS)).target).toBe("main");
    for (let count = 0; count < 2; count++) await failureOf(decide(paths[1], "/bad", SHORT_MS));
    expect(own.counts().pids.slice(0, 2)).toEqual(shared);
    expect((await decide(paths[0], "/name", LONG_MS)).target).toBe("canary");
    await own.close();
  });

  test("RuleBook has its hosts again when they died while its file was away", async () => {
    using place = new Workspace();
    const path = place.write("moved.lua", GOOD);
    const own = await RuleBook.open([{ kind: "lua", path }], options);
    rmSync(path);
    for (const pid of own.counts().pids) killHard(pid);
    await until("the one that stood by is left", () => own.counts().hosts === 1 && own.counts().restarts >= 2);
    killHard(own.counts().pids[0]!);
    await until("there is none", () => own.counts().hosts === 0);
    place.write("moved.lua", GOOD);
    await until("they are back", () => own.counts().hosts === 2);
    expect((await own.rules(path, { timeoutMs: LONG_MS, targets: ["main"] }).decide(REQUEST)).target).toBe("main");
    await own.close();
    const late = own.rules(path, { timeoutMs: LONG_MS, targets: [] }).decide(REQUEST);
    expect((await failureOf(late)).code).toBe("gateway.rule_busy");
  });
});

describe("checkRules()", () => {
  test("checkRules() tells file, line and what is wrong when files cannot be loaded", async () => {
    const texts = {
      "syntax.lua": "function route(r)\n  return = 1\nend",
      "none.lua": "x = 1",
      "throws.lua": "\nerror('at once')",
      "loops.lua": "while true do pcall(function() while true do end end) end",
      "bytes.lua": "\x1bLua",
      "not.ts": "export default 1",
    };
    const files = Object.entries(texts).map(
      ([name, text]): RuleFile => ({ kind: name.endsWith("lua") ? "lua" : "plugin", path: folder.write(name, text) }),
    );
    const faults = await checkRules([...files, { kind: "lua", path: join(folder.path, "good.lua") }], options);
    const found = Object.fromEntries(
      faults.map(({ line, message, path }) => [path.slice(folder.path.length + 1), [line, message]]),
    );
    expect(found).toEqual({
      "syntax.lua": [2, expect.stringContaining("near '='")],
      "none.lua": [undefined, "has no function route(request)"],
      "throws.lua": [2, "at once"],
      "loops.lua": [undefined, expect.stringContaining("time")],
      "bytes.lua": [undefined, expect.stringContaining("binary chunk")],
      "not.ts": [undefined, expect.stringContaining("defineRoute")],
    });
    expect((await failureOf(RuleBook.open(files, options))).code).toBe("gateway.rule_load");
  });
});
