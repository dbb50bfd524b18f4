/** The control channel and the plugin host against real processes: driven by hand, and by hosts that do not keep to the rules. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { type DoneMessage, type HostCommand, HostProcess, IDENTITY_LIBRARY } from "../../src/process/plugin/index.ts";
import { fake, fakeInJavaScript, HandDriven, REAL } from "../support/hosts.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { isGone } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const HELLO = "distributed-system|1|1|1|json";
const LOADED = JSON.stringify({
  t: "loaded",
  info: { name: "fake", version: "1.0.0", description: "says what it is told" },
  params: {},
  sequential: false,
  stateful: false,
  exclusive: false,
  health: false,
  checks: false,
});

describe("HostProcess with the executable", () => {
  test("HostProcess.load() says what the plugin is", async () => {
    using space = new Workspace();
    const path = space.write("counter.ts", plugin({ name: "counter", snapshot: "return 0;", restore: "" }));
    await using driven = new HandDriven();
    const loaded = await driven.load(REAL, path);
    expect(loaded).toMatchObject({ info: { name: "counter" }, stateful: true, sequential: true });
  });

  test("a host processes a batch out of one segment into the other", async () => {
    using space = new Workspace();
    const source = perRecord("row.by = context.params.mark; console.log('saw', row.id);", {
      params: '{ mark: param.string("a mark") }',
    });
    await using driven = new HandDriven();
    await driven.load(REAL, space.write("mark.ts", source));
    await driven.start({ mark: "hand" });
    driven.send('{"id":1}\nbroken\n{"id":2}\n', { request: 7 });
    const done = (await driven.next()) as DoneMessage;
    expect(done).toMatchObject({ t: "done", request: 7, counts: { total: 2, malformed: 1, in: 2, out: 2 } });
    expect(driven.text(done)).toBe('{"id":1,"by":"hand"}\n{"id":2,"by":"hand"}\n');
    await until("its output has arrived", () => driven.lines.includes("saw 2"));
  });

  test("a host asks for a larger place when the batch outgrows its own, and fails the batch when there is none", async () => {
    await using driven = new HandDriven();
    await driven.load(REAL, IDENTITY_LIBRARY);
    await driven.start();
    const text = `{"blob":"${"b".repeat(5_000)}"}\n`;
    driven.send(text, { request: 1, output: [0, 1_024] });
    expect(await driven.next()).toMatchObject({
      t: "need",
      request: 1,
      bytes: text.length + 7 - ((text.length + 7) % 8),
    });
    driven.host.send({ t: "grant", request: 1, output: [65_536, 8_192] });
    const done = (await driven.next()) as DoneMessage;
    expect(driven.text(done, 65_536)).toBe(text);

    driven.send(text, { request: 2, output: [0, 1_024] });
    expect(await driven.next()).toMatchObject({ t: "need", request: 2 });
    driven.host.send({ t: "grant", request: 2, output: [0, 0] });
    expect(await driven.next()).toMatchObject({ t: "failed", request: 2, error: { code: "pipeline.batch_too_large" } });
    driven.send('{"id":3}\n', { request: 3 });
    expect(await driven.next()).toMatchObject({ t: "done", request: 3 });
  });

  test("a host refuses a place outside of its segment, and lives on", async () => {
    await using driven = new HandDriven();
    await driven.load(REAL, IDENTITY_LIBRARY);
    await driven.start();
    driven.send('{"id":1}\n', { request: 1, output: [driven.output.sizeBytes - 8, 4_096] });
    expect(await driven.next()).toMatchObject({ t: "failed", request: 1, error: { code: "memory.slot_out_of_range" } });
    driven.send('{"id":2}\n', { request: 2 });
    expect(await driven.next()).toMatchObject({ t: "done", request: 2 });
  });

  test("a host refuses bytes that are no batch, and lives on", async () => {
    await using driven = new HandDriven();
    await driven.load(REAL, IDENTITY_LIBRARY);
    await driven.start();
    driven.send('{"id":1}\n', { request: 1, input: [65_536, 4_096] });
    expect(await driven.next()).toMatchObject({ t: "failed", request: 1 });
    driven.send('{"id":2}\n', { request: 2 });
    expect(await driven.next()).toMatchObject({ t: "done", request: 2 });
  });

  test("a host takes a control line of many megabytes", async () => {
    using space = new Workspace();
    const source = plugin({
      top: "let rows = 0;",
      batch: "rows += batch.length; if (batch.length > 1) batch.filter(() => false); else batch.set(0, 'rows', rows);",
    });
    await using driven = new HandDriven();
    await driven.load(REAL, space.write("count.ts", source));
    await driven.start();
    const lines = '{"id":1}\n'.repeat(600_000);
    driven.send(lines);
    const first = (await driven.next()) as DoneMessage;
    expect(first.counts.in).toBe(600_000);
    const bytes = Buffer.from(driven.input.view.subarray(0, 16 * 1024 + lines.length)).toString("base64");
    expect(bytes.length).toBeGreaterThan(7_000_000);
    driven.host.send({ t: "replay", request: 2, batch: bytes });
    expect(await driven.next()).toMatchObject({ t: "done", request: 2 });
    driven.send('{"id":1}\n', { request: 3 });
    expect(driven.text((await driven.next()) as DoneMessage)).toBe('{"id":1,"rows":1200001}\n');
  });

  test("stop() lets the plugin clean up, and the host exits with code 0", async () => {
    using space = new Workspace();
    await using driven = new HandDriven();
    await driven.load(REAL, space.write("tidy.ts", plugin({ cleanup: "console.log('tidied');" })));
    await driven.start();
    expect(await driven.host.stop(10_000)).toMatchObject({ code: 0, signal: null });
    await until("its last words have arrived", () => driven.lines.includes("tidied"));
    expect(driven.exits).toHaveLength(1);
  });

  test("start() fails at once when the host is gone", async () => {
    using space = new Workspace();
    await using driven = new HandDriven();
    await driven.load(REAL, space.write("gone.ts", plugin({})));
    driven.host.kill("was killed by the test");
    await driven.host.exited;
    const thrown = await driven.start().catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ code: "plugin.exited" });
  });

  test("stop() kills a host that does not finish its cleanup in time", async () => {
    using space = new Workspace();
    await using driven = new HandDriven();
    await driven.load(REAL, space.write("stuck.ts", plugin({ cleanup: "for (;;);" })));
    await driven.start();
    expect(await driven.host.stop(100)).toMatchObject({
      signal: "SIGKILL",
      reason: "did not finish its cleanup in time and was killed",
    });
  });

  test("kill() ends the host at once and gives its own reason", async () => {
    using space = new Workspace();
    await using driven = new HandDriven();
    await driven.load(REAL, space.write("stuck.ts", plugin({ batch: "for (;;);" })));
    await driven.start();
    driven.send('{"id":1}\n');
    driven.host.kill("took too long");
    expect(await driven.host.exited).toEqual({ code: null, signal: "SIGKILL", reason: "took too long" });
    expect(isGone(driven.host.pid)).toBe(true);
  });
});

describe("HostProcess with hosts that do not keep to the rules", () => {
  for (const [what, command, code, said] of [
    ["opens with something else", fake("echo hello >&3; sleep 60"), "plugin.protocol", /opened with "hello"/],
    [
      "speaks another protocol",
      fake(`echo '${HELLO.replace("|1|1|", "|2|1|")}' >&3; sleep 60`),
      "plugin.protocol",
      /speaks protocol 2/,
    ],
    [
      "serves another API",
      fake(`echo '${HELLO.replace("|1|1|", "|1|9|")}' >&3; sleep 60`),
      "plugin.protocol",
      /serves plugin API 9/,
    ],
    [
      "answers load with something else",
      fake(`echo '${HELLO}' >&3; echo '{"t":"ready"}' >&3; sleep 60`),
      "plugin.protocol",
      /answered ready to load/,
    ],
    [
      "writes no JSON",
      fake(`echo '${HELLO}' >&3; echo 'tadaa' >&3; sleep 60`),
      "plugin.protocol",
      /garbage to the control channel: "tadaa"/,
    ],
    ["ends at once", fake("exit 3"), "plugin.exited", /exited with code 3 before it was ready/],
    ["is killed at once", fake("kill -9 $$"), "plugin.exited", /was killed by SIGKILL before it was ready/],
    ["says nothing", fake("exec sleep 60"), "plugin.load_timeout", /did not load within 300 ms/],
    ["closes its channel", fake("exec 3>&-; exec sleep 60"), "plugin.exited", /closed its control channel/],
  ] as const satisfies readonly (readonly [string, HostCommand, string, RegExp])[]) {
    test(`HostProcess.load() fails with ${code} and leaves no process when the host ${what}`, async () => {
      const ended = Promise.withResolvers<void>();
      const handlers = { message() {}, output() {}, exit: () => ended.resolve() };
      const request = { library: "x", pipeline: "test", run: "test", stage: "stage", lane: 0 };
      const timeoutMs = code === "plugin.load_timeout" ? 300 : 20_000;
      const load = HostProcess.load({ command, request, handlers, clock: systemClock, timeoutMs });
      const failure = await load.then(
        () => undefined,
        (thrown: { code: string; message: string }) => thrown,
      );
      expect(failure?.code).toBe(code);
      expect(failure?.message).toMatch(said);
      await ended.promise;
    });
  }

  test("HostProcess.load() understands an answer that arrives byte by byte, and two that arrive at once", async () => {
    const bytewise = `for (const char of ${JSON.stringify(`${HELLO}\n${LOADED}\n`)}) say(char); setInterval(() => {}, 1000);`;
    await using slow = new HandDriven();
    expect(await slow.load(fakeInJavaScript(bytewise), "x")).toMatchObject({ info: { name: "fake" } });
    const ready = JSON.stringify({ t: "log", level: "info", message: "größer 🎁" });
    const atOnce = `say(${JSON.stringify(`${HELLO}\n${ready}\n${LOADED}\n${ready}\n`)}); setInterval(() => {}, 1000);`;
    await using quick = new HandDriven();
    expect(await quick.load(fakeInJavaScript(atOnce), "x")).toMatchObject({ info: { name: "fake" } });
    await until("both log lines have arrived", () => quick.lines.length === 2);
    expect(quick.lines).toEqual(["größer 🎁", "größer 🎁"]);
  });

  test("HostProcess takes a line of 20 MB, and ends a host whose line has no end", async () => {
    const script = `
      function all(text) {
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; ) {
          try { at += writeSync(3, bytes, at, Math.min(65536, bytes.length - at)); } catch {} // full: again
        }
      }
      all(${JSON.stringify(`${HELLO}\n${LOADED}\n`)});
      all(JSON.stringify({ t: "log", level: "info", message: "m".repeat(20 * 2 ** 20) }) + "\\n");
      for (;;) all("m".repeat(2 ** 20));`;
    await using driven = new HandDriven();
    await driven.load(fakeInJavaScript(script), "x", undefined, { stdoutBytesPerSecond: 64 * 2 ** 20 });
    await until("the long line has arrived", () => driven.lines.length > 0);
    expect(driven.lines[0]).toMatch(/^m{2000}…$/); // taken whole, shown in part
    expect(await driven.host.exited).toMatchObject({ reason: "closed its control channel and was killed" });
  });
});
