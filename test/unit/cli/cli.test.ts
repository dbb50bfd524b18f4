import { describe, expect, test } from "bun:test";
import { Failure } from "../../../src/base/errors.ts";
import { environmentDefaults } from "../../../src/cli/environment.ts";
import { unknownFlag } from "../../../src/cli/flags.ts";
import { exitCodeOf } from "../../../src/cli/run-cli.ts";
import { ignoresHangup, listenForSignals } from "../../../src/cli/signals.ts";
import { commands } from "../../../src/cli/table.ts";
import { shellWord } from "../../../src/cli/view/shell-word.ts";
import { summaryText } from "../../../src/cli/view/summary.ts";
import { textTable } from "../../../src/cli/view/table.ts";

const args = {
  file: { type: "positional" },
  out: { type: "string", alias: "o" },
  fresh: { type: "boolean" },
} as const;

describe("unknownFlag()", () => {
  for (const words of [
    ["f", "--out", "-"],
    ["--out=x", "--fresh"],
    ["-o", "--strange"],
    ["--no-fresh"],
    ["--", "--anything"],
  ]) {
    test(`unknownFlag() finds nothing when the words are ${words.join(" ")}`, () => {
      expect(unknownFlag(words, args)).toBeUndefined();
    });
  }
  for (const [words, says] of [
    [["--frsh"], "--frsh is not known here"],
    [["-x"], "-x is not known"],
    [["--out"], "--out needs a value"],
  ] as const) {
    test(`unknownFlag() says ${says} when the words are ${words.join(" ")}`, () => {
      expect(unknownFlag(words, args)).toContain(says);
    });
  }
});

describe("environmentDefaults()", () => {
  test("environmentDefaults() gives flags from the environment when they were not typed", () => {
    process.env.DISTRIBUTED_SYSTEM_OUT = "there";
    process.env.DISTRIBUTED_SYSTEM_FRESH = "1";
    try {
      expect(environmentDefaults(args, [])).toEqual(["--out=there", "--fresh"]);
      expect(environmentDefaults(args, ["--out=here", "--no-fresh"])).toEqual([]);
    } finally {
      delete process.env.DISTRIBUTED_SYSTEM_OUT;
      delete process.env.DISTRIBUTED_SYSTEM_FRESH;
    }
  });
});

describe("exitCodeOf()", () => {
  for (const [code, exit] of [
    ["usage.unknown_flag", 64],
    ["pipeline.file.not_found", 66],
    ["source.not_found", 66],
    ["pipeline.config.faults", 78],
    ["plugin.definition", 78],
    ["plugin.name", 64],
    ["output.closed", 141],
    ["output.write_failed", 1],
    ["checkpoint.other_run", 78],
    ["sink.write_failed", 1],
    ["gateway.config.unknown_scheme", 78],
    ["gateway.tls", 78],
    ["gateway.tls_changed", 1],
    ["protobuf.syntax", 78],
    ["gateway.listen", 1],
  ] as const) {
    test(`exitCodeOf() is ${exit} when the failure is ${code}`, () => {
      expect(exitCodeOf(new Failure(code, ""))).toBe(exit);
    });
  }
  test("exitCodeOf() is 70 when it is a bug", () => {
    expect(exitCodeOf(new TypeError("x"))).toBe(70);
  });
});

/** Help puts the program's name before each example: it begins with a command, or a node's name in the short forms. */
const OURS = new RegExp(`^(${Object.keys(commands).join("|")}|worker\\d+)( |$)`);

describe("commands", () => {
  test("every command has an example and says what it does", async () => {
    for (const entry of Object.values(commands)) {
      const found = await entry.load();
      const leaves =
        "commands" in found ? await Promise.all(Object.values(found.commands).map((each) => each.load())) : [found];
      for (const leaf of leaves) {
        if ("commands" in leaf) throw new Error("a group within a group");
        expect(leaf.examples.length).toBeGreaterThan(0);
        for (const example of leaf.examples) expect(example).toMatch(OURS);
        expect(leaf.about).not.toBe("");
      }
    }
  });
});

describe("views", () => {
  test("textTable() aligns numbers to the right when columns differ in width", () => {
    expect(
      textTable(
        ["stage", "in"],
        [
          ["a", "1"],
          ["long name", "1,000"],
        ],
      ),
    ).toBe(["stage         in", "────────────────", "a              1", "long name  1,000"].join("\n"));
  });

  const none = { filtered: 0, deadLettered: 0, skipped: 0, added: 0, retries: 0, restarts: 0 };
  const summary = {
    pipeline: "p",
    run: "ended",
    resumed: false,
    stages: [
      { stage: "source", in: 10, out: 8, ...none, deadLettered: 2 },
      { stage: "half", in: 8, out: 5, ...none, filtered: 4, added: 1 },
    ],
    written: 5,
    faults: [],
    elapsedMs: 1000,
    recordsPerSecond: 10,
    latencyMs: { p50: 1, p99: 2, max: 3 },
    deadLetters: "/d",
    output: "/o",
    checkpoint: "/c",
  } as const;

  test("summaryText() shows the sum and where things lie when all is accounted for", () => {
    const text = summaryText(summary);
    expect(text).toContain("10 in + 1 added = 5 written + 4 filtered + 2 dead-lettered + 0 skipped");
    expect(text).toContain("dead letters: /d");
  });

  test("summaryText() says nothing of balance when the run failed in the middle", () => {
    const text = summaryText({ ...summary, run: "failed", written: 3 });
    expect(text).toContain("It ended in the middle of its work");
    expect(text).not.toMatch(/add up|accounted for/);
  });

  test("summaryText() shows no control character when paths and faults hold some", () => {
    const text = summaryText({ ...summary, deadLetters: "/d\x1b[2J", output: "/o\u009b", faults: ["a\x07"] });
    expect(text).toContain("/d␛[2J");
    expect(text).toContain("/o\ufffd");
    expect(text).toContain("a␇");
  });

  for (const [word, quoted] of [
    ["plugins/mine", "plugins/mine"],
    ["a b/mine", "'a b/mine'"],
    ["it's", "'it'\\''s'"],
    ["", "''"],
  ] as const) {
    test(`shellWord() gives ${quoted} when the word is ${word}`, () => {
      expect(shellWord(word)).toBe(quoted);
    });
  }

  test("summaryText() shouts when records are missing", () => {
    expect(summaryText({ ...summary, faults: ["half let 6 out, the sink took 5"] })).toContain(
      "It does NOT add up: half let 6 out",
    );
  });
});

describe("signals", () => {
  function listen(terminalIsGone = false) {
    const done: string[] = [];
    const listener = listenForSignals({
      stop: () => void done.push("stop"),
      abort: (reason) => void done.push(reason),
      reload: () => void done.push("reload"),
      note: () => {},
      terminalIsGone: () => terminalIsGone,
    });
    return { done, listener, [Symbol.dispose]: () => listener.close() };
  }

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    test(`listenForSignals() drains on the first ${signal} and gives up on the second`, () => {
      using listening = listen();
      const { done, listener } = listening;
      expect(listener.code).toBeUndefined();
      process.emit(signal);
      expect([listener.code, ...done]).toEqual([code, "stop"]);
      process.emit(signal);
      expect(done).toEqual(["stop", `a second ${signal}`]);
      listener.close();
      expect(process.listenerCount(signal)).toBe(0);
    });
  }

  test("listenForSignals() reloads on SIGHUP when the terminal is there, and drains when it has gone", () => {
    using here = listen();
    process.emit("SIGHUP");
    expect([here.listener.code, ...here.done]).toEqual([undefined, "reload"]);
    here.listener.close();
    using gone = listen(true);
    process.emit("SIGHUP");
    expect([gone.listener.code, ...gone.done]).toEqual([129, "stop"]);
  });

  test("ignoresHangup() is true only when the lowest bit of SigIgn is set", () => {
    expect(ignoresHangup("SigBlk:\t0000000000000001\nSigIgn:\t0000000001001001\n")).toBe(true);
    expect(ignoresHangup("SigBlk:\t0000000000000001\nSigIgn:\t0000000001001000\n")).toBe(false);
    expect(ignoresHangup("")).toBe(false);
  });
});
