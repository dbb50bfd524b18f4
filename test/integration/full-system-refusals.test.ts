/** What is wrong is refused before anything runs: all of it at once, with its place, and with the right exit code. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { orders } from "../support/orders.ts";
import { plugin } from "../support/plugins.ts";
import { Workspace } from "../support/workspace.ts";

/** A pipeline of one stage in line 2, which is `stage.ts`. */
function withStage(source: string | undefined, parts: { readonly params?: string; readonly settings?: string } = {}) {
  const space = new Workspace();
  space.write("in.ndjson", orders(10));
  if (source !== undefined) space.write("stage.ts", source);
  space.pipeline([`stage|stage.ts|${parts.params ?? ""}`], parts.settings ? { settings: parts.settings } : {});
  return space;
}

const LACKING = plugin({}).replace(/async processBatch.*\n/, "");
const START_TIMEOUT = "start_timeout=400ms";

const REFUSED: readonly (readonly [
  what: string,
  source: string | undefined,
  settings: string | undefined,
  said: RegExp,
])[] = [
  ["lacks an operation", LACKING, undefined, /lacks the operation processBatch/],
  ["has no default export", "export const nothing = 1;", undefined, /no default export made by definePlugin/],
  [
    "is for another API version",
    `${plugin({}).replace("export default definePlugin(", "export default other(")}
    function other(definition) { return { ...definePlugin(definition), api: 99 }; }`,
    undefined,
    /plugin API 99; this program serves plugin API 1/,
  ],
  ["throws while it loads", "throw new Error('not today');", undefined, /not today \(at .*stage\.ts:1:\d+\)/],
  ["has a syntax error", "export default {\n  broken: (,\n};", undefined, /cannot load .*stage\.ts/],
  ["imports what is not there", 'import "./nowhere.ts";\nexport default 1;', undefined, /nowhere\.ts/],
  [
    "exits while it loads",
    "console.error('last words'); process.exit(7);",
    undefined,
    /exited with code 7 .*last words/s,
  ],
  ["never finishes loading", "await new Promise(() => {});", START_TIMEOUT, /did not load within 400 ms/],
  ["loops while it loads", "for (;;);", START_TIMEOUT, /did not load within 400 ms/],
  ["is not there", undefined, undefined, /stage\.ts does not exist/],
];

describe("a plugin that", () => {
  for (const [what, source, settings, said] of REFUSED) {
    test(`${what} is refused with exit code 78, by check and by run`, async () => {
      using space = withStage(source, settings === undefined ? {} : { settings });
      const line = settings === undefined ? 2 : 3;
      for (const command of ["check", "run"]) {
        const { code, stderr } = await space.exec([command, "pipeline.txt"]);
        expect(stderr).toMatch(said);
        expect(stderr).toContain(`pipeline.txt:${line}:7: library: `);
        expect(code).toBe(78);
      }
      expect(space.exists("out.ndjson")).toBe(false);
    });
  }

  test("throws in init stops the run with its reason", async () => {
    using space = withStage(plugin({ init: "throw new Error('no licence');" }), { settings: "max_restarts=2" });
    const { code, stderr, summary } = await space.run();
    expect(code).toBe(78);
    expect(summary.error?.message).toContain("no licence");
    expect(stderr).toContain("no licence");
  });

  test("loops in init stops the run with its reason", async () => {
    // It has to be loaded in that time, however busy the machine is.
    using space = withStage(plugin({ init: "for (;;);" }), { settings: "max_restarts=0,start_timeout=3s" });
    const { code, summary } = await space.run();
    expect(code).toBe(78);
    expect(summary.error?.message).toContain("init did not return within 3000 ms");
  });

  test("keeps crashing stops the run when max_restarts are used up", async () => {
    using space = withStage(plugin({ batch: "process.exit(1);" }), { settings: "max_restarts=3,batch_rows=1" });
    const { code, summary } = await space.run();
    expect(code).toBe(1);
    expect(summary.error?.message).toMatch(/stage stage: .*3 restarts within \d+ ms are used up/);
  });
});

describe("a plugin that dies of everything", () => {
  test("stops the run with its reason, and the run goes on from its checkpoint when the plugin is mended", async () => {
    using space = new Workspace();
    space.write("in.ndjson", orders(5_000));
    const dying = "if (batch.row(0).id >= 2_000) process.exit(0);";
    space.write("dying.ts", plugin({ batch: dying }));
    space.pipeline(["dying|dying.ts||true|DEAD_LETTER"], { settings: "batch_rows=500,checkpoint_interval=10ms" });
    const { code, stderr, summary } = await space.run();
    expect([code, summary.run, summary.error?.code]).toEqual([1, "failed", "pipeline.crash_loop"]);
    expect(summary.error?.message).toContain(
      "in a row and nothing passed between; the last time it exited with code 0",
    );
    expect(stderr).toContain("stage dying: a try of batch in.ndjson@");
    expect(space.letters()).toEqual([]);
    space.write("dying.ts", plugin({}));
    expect((await space.run()).summary).toMatchObject({ run: "ended", resumed: true, written: 5_000, faults: [] });
    expect(space.text("out.ndjson")).toBe(space.text("in.ndjson"));
  });
});

describe("check", () => {
  test("check finds every fault in one run, each with its line and a caret", async () => {
    using space = new Workspace();
    space.write("in.ndjson", "");
    space.write("good.ts", plugin({ params: '{ size: param.integer("a size", { min: 1, required: true }) }' }));
    space.write("bad.ts", LACKING);
    space.write(
      "pipeline.txt",
      [
        "set|batch_rows=many,colour=red",
        "in|source:ndjson|path=in.ndjson,colour=blue",
        "one|good.ts|size=0",
        "two|good.ts|size=1,weight=3|perhaps|SOMETIMES|-1|soon",
        "three|bad.ts|",
        "four|missing.ts|",
        "five|good.ts|",
        "out|sink:paper|path=out.ndjson",
      ].join("\n"),
    );
    const { code, stderr } = await space.exec(["check", "pipeline.txt"]);
    expect(code).toBe(78);
    const places = [...stderr.matchAll(/^pipeline\.txt:(\d+):(\d+): /gm)].map(([, line]) => Number(line));
    expect(places).toEqual([1, 1, 2, 3, 4, 4, 4, 4, 4, 5, 6, 7, 8]);
    expect(stderr.match(/^ *\^+$/gm)).toHaveLength(places.length);
    expect(stderr).toContain("13 faults");
    expect(stderr).toContain("weight");
  });

  test("check --json gives the faults to programs", async () => {
    using space = withStage(plugin({}), { params: "volume=11" });
    const { code, stdout } = await space.exec(["check", "pipeline.txt", "--json"]);
    expect(code).toBe(78);
    const { ok, faults } = JSON.parse(stdout) as { ok: boolean; faults: { line: number; field: string }[] };
    expect(ok).toBe(false);
    expect(faults).toEqual([expect.objectContaining({ line: 2, field: "parameters.volume" })]);
  });

  test("run --json tells programs why a faulty file is refused", async () => {
    using space = withStage(plugin({}), { params: "volume=11" });
    const { code, stdout } = await space.exec(["run", "pipeline.txt", "--json"]);
    expect(code).toBe(78);
    const { run, error } = JSON.parse(stdout) as { run: string; error: { code: string; message: string } };
    expect(run).toBe("refused");
    expect(error.code).toBe("pipeline.config.faults");
    expect(error.message).toContain("volume");
  });

  test("check says what it found to be right, runs nothing and leaves nothing", async () => {
    using space = withStage(plugin({ batch: "process.exit(1);" }));
    const { code, stderr } = await space.exec(["check", "pipeline.txt"]);
    expect(code).toBe(0);
    expect(stderr).toContain("stage");
    expect(space.exists("out.ndjson")).toBe(false);
    expect(existsSync(space.at("state"))).toBe(false);
  });
});

describe("exit codes", () => {
  test("the program exits 64 on wrong usage and says how to go on", async () => {
    using space = withStage(plugin({}));
    for (const [args, said] of [
      [["run"], /FILE/],
      [["run", "pipeline.txt", "more"], /unexpected argument: more/],
      [["run", "pipeline.txt", "--colour"], /--colour is not known here/],
      [["run", "pipeline.txt", "--input"], /--input needs a value/],
      [["walk"], /"walk" is no command/],
      [["dlq", "list", "--limit"], /--limit needs a value/],
      [["plugin", "new", "Bad Name"], /the name is "Bad Name"/],
      [["check"], /check needs a pipeline file/],
      [[], /Usage: distributed_system COMMAND/],
    ] as const) {
      const { code, stderr, stdout } = await space.exec(args);
      expect(stderr).toMatch(said);
      expect(code, args.join(" ")).toBe(64);
      expect(stdout).toBe("");
    }
  });

  test("the program exits 66 when the input or the pipeline file is not there", async () => {
    using space = withStage(plugin({}));
    for (const args of [
      ["run", "nowhere.txt"],
      ["check", "nowhere.txt"],
      ["run", "pipeline.txt", "--input", "nowhere.ndjson"],
      ["run", "pipeline.txt", "--input", "nowhere/*.ndjson"],
      ["dlq", "list", "nowhere.ndjson"],
      ["audit", "verify", "nowhere.ndjson"],
      ["plugin", "verify", "nowhere.ts"],
    ]) {
      const { code, stderr } = await space.exec(args);
      expect(code, `${args.join(" ")}: ${stderr}`).toBe(66);
      expect(stderr).toContain("nowhere");
    }
  });

  test("the program exits 78 when it cannot keep its state where it is told to", async () => {
    using space = withStage(plugin({}));
    space.write("a-file", "");
    for (const directory of ["a-file", "a-file/below", "/proc/nowhere"]) {
      const { code, stderr } = await space.exec(["run", "pipeline.txt", "--data-dir", directory]);
      expect(code, stderr).toBe(78);
      expect(stderr).toMatch(/^error: cannot keep state in .*--data-dir has to name/);
    }
  });

  test("--help of every command exits 0, prints to standard output and shows an example", async () => {
    using space = new Workspace();
    const commands = [
      ["run"],
      ["check"],
      ["plugin", "new"],
      ["plugin", "verify"],
      ["plugin", "test"],
      ["dlq", "list"],
      ["dlq", "show"],
      ["dlq", "replay"],
      ["dlq", "purge"],
      ["audit", "verify"],
    ];
    for (const command of commands) {
      const { code, stdout, stderr } = await space.exec([...command, "--help"]);
      expect(code).toBe(0);
      expect(stderr).toBe("");
      expect(stdout).toContain(`USAGE distributed_system ${command.join(" ")} `);
      expect(stdout).not.toContain("\x1b");
      expect(stdout).toMatch(new RegExp(`EXAMPLES\\s+distributed_system ${command.join(" ")} `));
    }
    for (const group of [[], ["plugin"], ["dlq"], ["audit"]]) {
      const { code, stdout } = await space.exec([...group, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toContain("Example: distributed_system ");
    }
  });

  test("the help lists every command there is", async () => {
    using space = new Workspace();
    const { stdout } = await space.exec(["--help"]);
    const listed = [...stdout.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name]) => name);
    expect(listed).toEqual([
      "run",
      "check",
      "task",
      "master",
      "coordinator",
      "worker",
      "submit",
      "pipelines",
      "pause",
      "resume",
      "cancel",
      "drain",
      "plugin",
      "dlq",
      "audit",
      "report",
      "ps",
      "stop",
      "restart",
      "swap",
      "reload",
      "map",
      "lock",
      "queue",
      "counter",
      "txn",
      "raft",
      "call",
      "services",
      "service",
      "gateway",
      "node",
      "nodes",
      "cluster",
      "metrics",
      "top",
      "exec",
      "init",
      "key",
      "token",
      "dashboard",
      "pmd",
      "doctor",
    ]);
  });
});
