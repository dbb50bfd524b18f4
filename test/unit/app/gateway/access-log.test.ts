import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { AccessLog, type AccessLogPorts } from "../../../../src/app/gateway/access-log.ts";
import { planOf } from "../../../../src/app/gateway/load-plan.ts";
import { openAccessLog } from "../../../../src/app/gateway/open-access-log.ts";
import type { Passage } from "../../../../src/edge/gateway/core/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

/** As much of one as the log reads. */
function passage(more: object = {}, request: object = {}): Passage {
  const made = {
    ...{ id: "p1-1", client: "10.0.0.7", status: 200, startedMs: 5, repliedMs: 9, receivedBytes: 3, sentBytes: 8 },
    ...{
      route: { plan: { id: "web" } },
      upstream: "http://10.0.0.1:80",
      attempts: 1,
      notes: [],
      now: () => 17.1234567,
    },
    request: { method: "GET", authority: "a.example", target: "/x?y=1", version: "2", headers: [], ...request },
    ...more,
  };
  return made as unknown as Passage;
}

function rig(more: Partial<AccessLogPorts> = {}) {
  const clock = new SteppedClock();
  const written: string[] = [];
  const log = new AccessLog({ clock, write: (text) => written.push(text), ...more });
  const lines = () =>
    written
      .join("")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { clock, lines, log, written };
}

describe("AccessLog", () => {
  test("add() tells what has become of a request, and leaves out what does not matter to it", () => {
    const { lines, log } = rig();
    log.add(passage());
    log.flush();
    expect(lines()).toEqual([
      {
        ...{ time: "1970-01-01T00:00:00.000Z", id: "p1-1", client: "10.0.0.7", method: "GET", host: "a.example" },
        ...{ path: "/x?y=1", version: "2", status: 200, ms: 12.123, upstreamMs: 4, received: 3, sent: 8 },
        ...{ route: "web", upstream: "http://10.0.0.1:80" },
      },
    ]);
  });

  test("add() tells tries, callers, reasons, notes and the trace where there are some, and no route where none took it", () => {
    const { lines, log } = rig();
    const span = { traceparent: "00-1-2-01" };
    const notes = [{ waf: "crs" }];
    const [why, detail] = ["gateway.limit_full", "limit 1: full"];
    const request = { headers: ["user-agent", "curl/8"] };
    log.add(
      passage(
        { attempts: 3, caller: { name: "ada" }, why, detail, notes, span, route: undefined, repliedMs: undefined },
        request,
      ),
    );
    log.flush();
    expect(lines()[0]).toMatchObject({
      attempts: 3,
      caller: "ada",
      why,
      detail,
      notes,
      traceparent: "00-1-2-01",
      route: "",
    });
    expect(lines()[0]).toMatchObject({ agent: "curl/8" });
    expect(lines()[0]).not.toHaveProperty("upstreamMs");
  });

  test("add() hides credentials in paths, agents and reasons", () => {
    const { log, written } = rig();
    const secret = "s3cr3t-value";
    const request = { target: `/x?access_token=${secret}&a=1`, headers: ["user-agent", `bot password=${secret}`] };
    log.add(passage({ why: "gateway.defect", detail: `Bearer ${secret}` }, request));
    log.flush();
    expect(written.join("")).not.toContain(secret);
    expect(written.join("")).toContain("&a=1");
  });

  test("add() hides what the file's masks hide for that route, also where a long path is cut", () => {
    const routes: string[] = [];
    const mask: AccessLogPorts["mask"] = (text, route) => {
      routes.push(typeof route === "object" ? route.id : "none");
      return text.replaceAll(/\d{16}/g, "****");
    };
    const { lines, log } = rig({ mask });
    log.add(
      passage({ notes: [{ rules: [`7 ARGS:${"4".repeat(16)}`], score: 5 }] }, { target: `/pay/${"4".repeat(16)}` }),
    );
    log.add(passage({}, { target: `/${"a".repeat(2_040)}${"4".repeat(16)}${"b".repeat(3_000)}` }));
    log.flush();
    const paths = lines().map(({ path }) => String(path));
    expect(paths[0]).toBe("/pay/****");
    expect(lines()[0]).toMatchObject({ notes: [{ rules: ["7 ARGS:****"], score: 5 }] });
    expect(paths[1]).not.toContain("4");
    expect(paths[1]!.length).toBe(2_048);
    expect(new Set(routes)).toEqual(new Set(["web"]));
  });

  test("add() shows no end of a long text of which much was taken out, for its last part was not looked at whole", () => {
    const { lines, log } = rig({ mask: (text) => text.replaceAll(/\d{16}/g, "") });
    const card = "4".repeat(16);
    const target = `/${card.repeat(159)}${"a".repeat(9)}${card}${"b".repeat(100)}`; // of the last card six digits are looked at
    log.add(passage({}, { target }));
    log.flush();
    expect(lines()[0]).toMatchObject({ path: "" });
    const message = `${"x".repeat(704)}44444444…`; // as the firewall has cut it
    log.add(passage({ why: "waf.rule", detail: message, notes: [{ rules: [message] }] }));
    log.flush();
    expect(JSON.stringify(lines()[1])).not.toContain("4444");
    expect(lines()[1]).toMatchObject({ detail: "x".repeat(457) });
  });

  test("add() has paths and hosts masked as places, all else as words", () => {
    const { lines, log } = rig({ mask: (_text, _route, kind) => kind });
    log.add(passage({ why: "x", detail: "y", notes: ["z"] }, { headers: ["user-agent", "w"] }));
    log.flush();
    const [place, words] = ["place", "words"];
    expect(lines()[0]).toMatchObject({ path: place, host: place, detail: words, agent: words, notes: [words] });
  });

  test("add() makes one line of JSON of whatever a client sends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (target, agent) => {
        const { log, written } = rig();
        log.add(passage({}, { target, headers: ["user-agent", agent] }));
        log.flush();
        expect(written.join("").split("\n").length).toBe(2);
        JSON.parse(written.join(""));
      }),
      { numRuns: 200 },
    );
  });

  test("flush() comes by itself after a moment, or when there is much, and never without a line", () => {
    const { clock, lines, log, written } = rig();
    log.add(passage());
    log.add(passage());
    expect([written.length, clock.timers]).toEqual([0, 1]);
    clock.advance(100);
    expect([written.length, lines().length, clock.timers]).toEqual([1, 2, 0]);
    log.flush();
    expect(written.length).toBe(1);
    for (let count = 0; written.length === 1; count++) {
      expect(count).toBeLessThan(1_000);
      log.add(passage({}, { target: `/${"x".repeat(1_000)}` }));
    }
    expect(clock.timers).toBe(0);
  });
});

describe("openAccessLog()", () => {
  test("openAccessLog() writes to a file that only its owner reads", () => {
    const directory = mkdtempSync(join(tmpdir(), "access-log-"));
    try {
      const write = openAccessLog(join(directory, "access.log"), () => {});
      write("one\n");
      write("two\n");
      expect(readFileSync(join(directory, "access.log"), "utf8")).toBe("one\ntwo\n");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("openAccessLog() writes what the file calls - to standard output, and what it calls by that device's names", () => {
    for (const text of ["-", "/dev/stdout", "/proc/self/fd/1"]) {
      const plan = planOf(`set|access_log=${text}\nroute|a|/*|none|reply=200 hi\n`, "gateway.txt");
      const seen: string[] = [];
      const stream = { write: (line: string) => seen.push(line) };
      openAccessLog(plan.settings.accessLog!, () => {}, stream)("line\n");
      expect(seen).toEqual(["line\n"]);
    }
    const plan = planOf("set|access_log=a.log\nroute|a|/*|none|reply=200 hi\n", "gateway.txt");
    expect(plan.settings.accessLog).toBe(join(process.cwd(), "a.log"));
  });

  test("openAccessLog() drops what nobody takes from standard output, says so once, and goes on", () => {
    const taken: (() => void)[] = [];
    const told: string[] = [];
    let chars = 0;
    const stream = {
      write(text: string, done: () => void) {
        chars += text.length;
        taken.push(done);
      },
    };
    const write = openAccessLog("-", (text) => told.push(text), stream);
    const block = "x".repeat(1024 * 1024);
    for (let count = 0; count < 20; count++) write(block);
    expect([chars, told.length]).toEqual([16 * block.length, 1]);
    for (const done of taken.splice(0)) done();
    write("more\n");
    expect(chars).toBe(16 * block.length + 5);
    expect(told[1]).toContain(`${4 * block.length} characters were dropped`);
  });
});
