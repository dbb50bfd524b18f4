/** What is asked of a master while it works: submit, pipelines, pause, resume, cancel, drain, report; and how each is refused. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE, perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 600;
/** Held back until a test opens the gate; about half of the records are through by then. */
const STOP_AT = 300;
const ALL = Array.from({ length: ORDERS }, (_, id) => id);

let cluster: PipelineCluster;

beforeAll(async () => {
  cluster = await PipelineCluster.start(["worker1", "worker2"]);
  cluster.space.write("in.ndjson", orders(ORDERS));
  cluster.space.write("gate.ts", GATE);
});

afterAll(() => cluster[Symbol.asyncDispose]());

/** NAME.txt from in.ndjson to NAME.ndjson, by way of a gate that a file NAME.open opens. */
function write(name: string, stages: readonly string[] = [gate(name)], settings = ""): string {
  const lines = [
    `set|batch_rows=20,in_flight=1,checkpoint_interval=10ms${settings}`,
    "in|source:ndjson|path=in.ndjson",
    ...stages,
  ];
  return cluster.space.write(`${name}.txt`, `${[...lines, `out|sink:ndjson|path=${name}.ndjson`].join("\n")}\n`);
}

function gate(name: string): string {
  return `gate|gate.ts|gate=${cluster.space.at(`${name}.open`)},stop_at=${STOP_AT}`;
}

function open(name: string): void {
  cluster.space.write(`${name}.open`, "");
}

function ids(name: string): unknown[] {
  return cluster.space.records(`${name}.ndjson`).map(({ id }) => id);
}

/** Its first half is in the output, the rest waits at the gate. */
function untilHeld(name: string): Promise<unknown> {
  return until(`${name} is held`, () => cluster.space.exists(`${name}.ndjson`) && ids(name).length >= STOP_AT - 20);
}

describe("several pipelines of one master", () => {
  test("run side by side, each to its end, in order", async () => {
    const names = ["red", "green", "blue"];
    for (const name of names) {
      const { stderr } = await cluster.tell("submit", write(name));
      expect(stderr).toMatch(new RegExp(`^submitted: ${name} \\(${name}-\\d{8}-`));
    }
    await Promise.all(names.map(untilHeld));
    const { pipelines, workers } = await cluster.list();
    expect(pipelines.filter(({ name, state }) => names.includes(name) && state === "running")).toHaveLength(3);
    expect(workers.map(({ id, isDraining }) => ({ id, isDraining }))).toEqual([
      { id: "worker1", isDraining: false },
      { id: "worker2", isDraining: false },
    ]);
    for (const name of names) open(name);
    for (const name of names) await cluster.untilState(name, "ended");
    for (const name of names) expect(ids(name)).toEqual(ALL);
  });

  test("are shown as a table, with their workers, to people", async () => {
    const { stderr, stdout } = await cluster.tell("pipelines");
    expect(stdout).toMatch(/^id +pipeline +state +read/);
    expect(stdout).toMatch(/red-\S+ +red +ended +600 +600/);
    expect(stdout).toMatch(/worker1 +working/);
    expect(stderr).toMatch(/^as master \(process \d+\) sees it/);
  });
});

describe("submit", () => {
  test("makes a running pipeline what its file says now, from its checkpoint on", async () => {
    await cluster.tell("submit", write("changed"));
    await untilHeld("changed");
    cluster.space.write("mark.ts", perRecord("row.mark = true;"));
    const before = await cluster.pipeline("changed");
    const again = cluster.tell("submit", write("changed", [gate("changed"), "mark|mark.ts|"]));
    await cluster.untilState("changed", "pausing");
    open("changed");
    await again;
    const ended = await cluster.untilState("changed", "ended");
    expect(ended.id).toBe(before!.id);
    expect(ids("changed")).toEqual(ALL);
    const records = cluster.space.records("changed.ndjson");
    expect(records[0]).not.toHaveProperty("mark");
    expect(records.at(-1)).toHaveProperty("mark", true);
  });

  test("says a faulty file's faults, to people and to programs, and nothing has changed", async () => {
    const path = cluster.space.write("faulty.txt", "in|source:ndjson|path=in.ndjson\nx|nowhere.ts|\n");
    const people = await cluster.ask("submit", path);
    expect(people.code).toBe(78);
    expect(people.stderr).toContain("nowhere.ts");
    expect(people.stderr).toContain("faulty.txt:2");
    const programs = await cluster.ask("submit", path, "--json");
    expect(programs.code).toBe(78);
    expect(programs.stderr).toContain("faulty.txt:2");
    expect(await cluster.pipeline("faulty")).toBeUndefined();
  });

  test("refuses a file that is not there", async () => {
    const { code, stderr } = await cluster.ask("submit", "no-such.txt");
    expect(code).toBe(66);
    expect(stderr).toContain("no-such.txt");
  });

  test("takes other ends, and starts over with --fresh", async () => {
    cluster.space.write("few.ndjson", orders(5));
    open("ends");
    const other = ["--input", "few.ndjson", "--output", "others.ndjson"];
    await cluster.tell("submit", write("ends"), ...other);
    await cluster.untilState("ends", "ended");
    expect(cluster.space.records("others.ndjson")).toHaveLength(5);
    const from = cluster.node("master").told.length;
    await cluster.tell("submit", "ends.txt", ...other, "--fresh");
    await cluster.node("master").hears("pipeline", undefined, from);
    await cluster.untilState("ends", "ended");
    expect(cluster.space.records("others.ndjson")).toHaveLength(5);
  });
});

describe("pause, resume and cancel", () => {
  test("a paused pipeline has committed what was through, and goes on where it was", async () => {
    await cluster.tell("submit", write("paused"));
    await untilHeld("paused");
    const pausing = cluster.tell("pause", "paused", "--json");
    await cluster.untilState("paused", "pausing");
    open("paused"); // what is under way is let through
    const { pipeline } = JSON.parse((await pausing).stdout) as { pipeline: { state: string } };
    expect(pipeline.state).toBe("paused");
    const half = ids("paused");
    expect(half.length).toBeGreaterThanOrEqual(STOP_AT - 20);
    expect(half).toEqual(ALL.slice(0, half.length));
    expect((await cluster.pipeline("paused"))!.state).toBe("paused");
    const { stderr } = await cluster.tell("resume", "paused");
    expect(stderr).toMatch(/^resumed: paused \(paused-\S+\) is /);
    const { id } = await cluster.untilState("paused", "ended");
    expect(ids("paused")).toEqual(ALL);
    expect((await cluster.report(id)).events.masterRestarts).toBe(0);
  });

  test("a cancelled pipeline ends at once, keeps what is committed, and is begun anew by submit", async () => {
    await cluster.tell("submit", write("gone"));
    await untilHeld("gone");
    await cluster.tell("cancel", "gone");
    const cancelled = await cluster.pipeline("gone");
    expect(cancelled!.state).toBe("cancelled");
    expect(ids("gone").length).toBeGreaterThanOrEqual(STOP_AT - 20);
    const resumed = await cluster.ask("resume", "gone");
    expect(resumed.code).toBe(1);
    expect(resumed.stderr).toContain("gone is cancelled and cannot be resumed");
    expect((await cluster.report(cancelled!.id)).state).toBe("cancelled");
    open("gone");
    await cluster.tell("submit", "gone.txt");
    await until("another submission", async () => (await cluster.pipeline("gone"))!.id !== cancelled!.id);
    await cluster.untilState("gone", "ended");
    expect(ids("gone")).toEqual(ALL);
  });

  test("a paused pipeline that is cancelled has a report that says so", async () => {
    await cluster.tell("submit", write("dropped"));
    await untilHeld("dropped");
    const pausing = cluster.tell("pause", "dropped");
    await cluster.untilState("dropped", "pausing");
    open("dropped");
    await pausing;
    const { id } = (await cluster.pipeline("dropped"))!;
    expect((await cluster.report(id)).state).toBe("running"); // it may go on
    await cluster.tell("cancel", "dropped");
    expect(await cluster.report(id)).toMatchObject({ id, state: "cancelled" });
  });

  test("a task leaves a paused pipeline of its file paused, and runs the file when that is over", async () => {
    await cluster.tell("submit", write("shared"));
    await untilHeld("shared");
    const pausing = cluster.tell("pause", "shared");
    await cluster.untilState("shared", "pausing");
    open("shared");
    await pausing;
    const { id } = (await cluster.pipeline("shared"))!;
    const graph = {
      name: "g",
      tasks: ["one", "two"].map((each) => ({ id: each, type: "pipeline", file: "shared.txt" })),
    };
    cluster.space.write("g.json", JSON.stringify(graph));
    const running = cluster.ask("task", "run", "g.json", "--node", cluster.address);
    const waits = `waits for the end of ${id}, which is paused`;
    await until("both wait", () => cluster.node("master").stderr.split(waits).length === 3);
    expect(await cluster.pipeline("shared")).toMatchObject({ id, state: "paused" });
    await cluster.tell("resume", "shared");
    const { code, stderr } = await running;
    expect(code, stderr).toBe(0);
    const all = (await cluster.list()).pipelines.filter(({ name }) => name === "shared");
    expect(all.map(({ state, written }) => [state, written])).toEqual(
      Array.from({ length: 3 }, () => ["ended", ORDERS]),
    );
    expect(ids("shared")).toEqual(ALL);
  });

  test("what is no pipeline is refused with the nearest one", async () => {
    for (const word of ["pause", "resume", "cancel"]) {
      const { code, stderr } = await cluster.ask(word, "gren");
      expect(code).toBe(66);
      expect(stderr).toBe('error: no pipeline is "gren"; did you mean green?\n');
    }
    const { stderr } = await cluster.ask("pause", "green");
    expect(stderr).toContain("green is ended and cannot be paused");
  });
});

describe("drain", () => {
  test("takes a worker's work away, also the stages that it owns, and --off gives it back", async () => {
    const sum = perRecord("row.n = ++n;", {
      top: "let n = 0;",
      snapshot: "return new TextEncoder().encode(String(n));",
      restore: "n = Number(new TextDecoder().decode(state));",
      sequential: true,
    });
    cluster.space.write("sum.ts", sum);
    await cluster.tell("submit", write("drained", ["sum|sum.ts|", gate("drained")]));
    await untilHeld("drained");
    for (const worker of ["worker1", "worker2"]) {
      await cluster.tell("drain", worker);
      const { workers } = await cluster.list();
      expect(workers.find(({ id }) => id === worker)!.isDraining).toBe(true);
      if (worker === "worker1") await cluster.tell("drain", worker, "--off");
    }
    open("drained");
    await cluster.untilState("drained", "ended");
    expect(cluster.space.records("drained.ndjson").map(({ n }) => n)).toEqual(ALL.map((id) => id + 1));
    await cluster.tell("drain", "worker2", "--off");
    const { workers } = await cluster.list();
    expect(workers.map(({ isDraining }) => isDraining)).toEqual([false, false]);
  });

  test("what is no worker is refused with those there are", async () => {
    const { code, stderr } = await cluster.ask("drain", "worker3");
    expect(code).toBe(66);
    expect(stderr).toContain('no worker is "worker3"; there are worker1, worker2');
  });
});

describe("without a master", () => {
  test("each command says that none runs, and what to do", async () => {
    const elsewhere = cluster.space.at("elsewhere");
    for (const words of [["pipelines"], ["submit", "red.txt"], ["pause", "red"], ["drain", "worker1"]]) {
      const { code, stderr } = await cluster.ask(...words, "--data-dir", elsewhere);
      expect(code).toBe(1);
      expect(stderr).toContain("no master runs with the data directory");
      expect(stderr).toContain("--node HOST:PORT");
    }
  });
});
