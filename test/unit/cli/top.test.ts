import { describe, expect, test } from "bun:test";
import { FullScreen, type ScreenPorts } from "../../../src/cli/full-screen.ts";
import { cutCells } from "../../../src/cli/view/cut-cells.ts";
import { topFrame } from "../../../src/cli/view/top.ts";
import {
  busyOverview,
  gatewayView,
  overviewOf,
  pipelineView,
  routeView,
  stageView,
  treeView,
} from "../../support/overview.ts";

describe("topFrame()", () => {
  test("topFrame() shows nodes, pipelines with rates, services, restarts, dead letters and events", () => {
    const lines = topFrame(busyOverview(100, 0), busyOverview(102, 2_000), "master1 (process 7)");
    const text = lines.join("\n");
    for (const title of ["NODES", "PIPELINES", "SERVICES", "ROUTES", "RESTARTED PROCESSES", "DEAD LETTERS", "EVENTS"])
      expect(lines).toContain(title);
    expect(lines[0]).toContain("7 of 8 nodes alive  as master1 (process 7) sees it");
    expect(text).toMatch(/worker3\s+draining/);
    expect(text).toMatch(/orders\s+running.*\d\/s/);
    expect(text).toMatch(/clicks.txt: clicks\/validate\/lane 1.*its memory grew/);
    expect(text).toContain("refunds retrying → failed");
    expect(lines[1]).toMatch(
      /^gateway 127.0.0.1:8443: [\d,]+\/s requests, 64 connections, 12 under way, 7 reached no route$/,
    );
    expect(text).toMatch(/users\s+1\/2\s+[\d,]+\s+[\d,]+\/s.*\/users\/\*/);
  });

  test("topFrame() shows no rate when there is nothing to compare with, or the node lives anew", () => {
    const at = (life: string, written: number) =>
      overviewOf({ life, monotonicMs: written, pipelines: [pipelineView("a", { written, stages: [stageView("s")] })] });
    expect(topFrame(undefined, at("one", 1_000), "n1").join("\n")).not.toContain("/s");
    expect(topFrame(at("one", 0), at("two", 1_000), "n1").join("\n")).not.toContain("/s");
    expect(topFrame(at("one", 0), at("one", 1_000), "n1").join("\n")).toContain("1,000/s");
  });

  test("topFrame() fits any terminal, and shortens the longest list first", () => {
    const now = busyOverview(100, 0);
    for (const size of [
      { columns: 80, rows: 24 },
      { columns: 40, rows: 60 },
      { columns: 10, rows: 5 },
    ]) {
      const lines = topFrame(undefined, now, "master1", size);
      expect(lines.length).toBeLessThanOrEqual(size.rows);
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(size.columns);
    }
    const shortened = topFrame(undefined, now, "master1", { columns: 200, rows: 26 });
    expect(shortened.some((line) => /^NODES \(\d+ more lines\)$/.test(line))).toBe(true);
    expect(shortened.some((line) => line.startsWith("EVENTS"))).toBe(true);
  });

  test("topFrame() gives up what only separates before it shortens anything, and addresses where there is no room", () => {
    const now = busyOverview(100, 0);
    const airy = topFrame(undefined, now, "master1", { columns: 200, rows: 60 });
    const separators = airy.filter((line) => line === "" || line.startsWith("──")).length;
    const dense = topFrame(undefined, now, "master1", { columns: 200, rows: airy.length - separators });
    expect(dense).toEqual(airy.filter((line) => line !== "" && !line.startsWith("──")));
    const narrow = topFrame(undefined, now, "master1", { columns: 80, rows: 60 }).join("\n");
    expect(airy.join("\n")).toContain("127.0.0.1:8083");
    expect(narrow).not.toContain("127.0.0.1:8083");
    expect(narrow).toContain("asked,leader");
  });

  test("topFrame() lets nobody's data move the cursor", () => {
    const evil = "\x1b[2Jx\r\n";
    const now = overviewOf({
      pipelines: [pipelineView(evil, { detail: evil, stages: [stageView(evil)] })],
      deadLetters: [{ pipeline: evil, total: 1, reasons: [{ stage: evil, reason: evil, count: 1 }] }],
      instances: [
        {
          pid: 1,
          command: "run",
          name: evil,
          isSelf: false,
          tree: treeView("r", { children: [treeView(evil, { restarts: 1 })] }),
        },
      ],
      services: [{ name: evil, versions: [evil], nodes: [evil], healthy: 0, calls: 0, errors: 0 }],
      events: [{ id: 1, atMs: 0, level: "info", kind: "k", subject: evil, text: evil }],
      gateway: gatewayView({
        address: evil,
        routes: [
          routeView(evil, { pattern: evil, targets: [{ target: evil, state: evil, requests: 0, failures: 0 }] }),
        ],
      }),
      missing: [{ part: evil, reason: evil }],
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    for (const line of topFrame(undefined, now, evil)) expect(line).not.toMatch(/[\x00-\x1f\x7f]/);
  });
});

describe("cutCells()", () => {
  test("cutCells() counts characters that take two cells, and never splits one", () => {
    expect(cutCells("abc", 3)).toBe("abc");
    expect(cutCells("abcd", 3)).toBe("ab…");
    expect(cutCells("日本語", 4)).toBe("日…");
    expect(cutCells("abc", 0)).toBe("");
  });
});

describe("FullScreen", () => {
  function rig() {
    const written: string[] = [];
    const modes: boolean[] = [];
    const hears = new Map<string, (bytes: string) => void>();
    let leave: (() => void) | undefined;
    const ports = {
      output: {
        write: (text: string) => written.push(text),
        ...{ columns: 60, rows: 20 },
        on: (name: string, hear: (bytes: string) => void) => hears.set(name, hear),
        off: (name: string) => hears.delete(name),
      },
      input: {
        setRawMode: (isRaw: boolean) => modes.push(isRaw),
        on: (name: string, hear: (bytes: string) => void) => hears.set(name, hear),
        off: (name: string) => hears.delete(name),
        ...{ resume: () => {}, pause: () => {} },
      },
      atExit: (end: () => void) => {
        leave = end;
        return () => {
          leave = undefined;
        };
      },
    } as unknown as ScreenPorts; // what is used of a terminal
    const calls: string[] = [];
    const screen = new FullScreen(ports, { quit: () => calls.push("quit"), resized: () => calls.push("resized") });
    return { calls, exit: () => leave?.(), hears, modes, screen, written };
  }

  test("FullScreen takes the terminal and gives it back as it was, once", () => {
    const { exit, hears, modes, screen, written } = rig();
    expect(written).toEqual(["\x1b[?1049h\x1b[?25l"]);
    expect(screen.size).toEqual({ columns: 60, rows: 20 });
    screen[Symbol.dispose]();
    screen[Symbol.dispose]();
    exit();
    screen.paint(["late"]);
    expect(written.slice(1)).toEqual(["\x1b[?25h\x1b[?1049l"]);
    expect(modes).toEqual([true, false]);
    expect(hears.size).toBe(0);
  });

  test("FullScreen gives the terminal back when the process ends by itself", () => {
    const { exit, modes, written } = rig();
    exit();
    expect(written.at(-1)).toBe("\x1b[?25h\x1b[?1049l");
    expect(modes).toEqual([true, false]);
  });

  test("FullScreen ends at q, Escape and Ctrl-C, and at no other key", () => {
    const { calls, hears } = rig();
    for (const key of ["x", "\x1b[A", "q", "\x03", "\x1b"]) hears.get("data")!(key);
    hears.get("resize")!("");
    expect(calls).toEqual(["quit", "quit", "quit", "resized"]);
  });

  test("paint() writes each line from the left, titles bold, and erases what is left of the one before", () => {
    const { screen, written } = rig();
    screen.paint(["head", "", "NODES (3 more lines)", "n1"]);
    expect(written.at(-1)).toBe(
      "\x1b[H\x1b[1mhead\x1b[0m\x1b[K\r\n\x1b[K\r\n\x1b[1mNODES (3 more lines)\x1b[0m\x1b[K\r\nn1\x1b[K\x1b[J",
    );
  });
});
