import { describe, expect, test } from "bun:test";
import type { GatewayStatus, RouteView } from "../../../../src/app/gateway/gateway-contract.ts";
import { Changes } from "../../../../src/app/overview/changes.ts";
import { EventRing, type NewEvent } from "../../../../src/app/overview/event-ring.ts";
import { boundedGateway, gatewayView } from "../../../../src/app/overview/gateway-view.ts";
import { bounded, LIST_LIMITS, TreeBudget } from "../../../../src/app/overview/limits.ts";
import { memberEvent } from "../../../../src/app/overview/member-events.ts";
import { groupView, letterViews, serviceViews } from "../../../../src/app/overview/part-views.ts";
import { Histogram } from "../../../../src/base/histogram.ts";
import type { CutList, Overview } from "../../../../src/edge/dashboard/index.ts";
import { nodeView, overviewOf, pipelineView, stageView, treeView } from "../../../support/overview.ts";

const event = (text: string): NewEvent => ({ level: "info", kind: "k", subject: "s", text });

describe("EventRing", () => {
  test("after() gives what came behind an id, the last ones only, oldest first", () => {
    const ring = new EventRing(() => 7, 3);
    for (let number = 1; number <= 20; number++) ring.add(event(`e${number}`));
    expect(ring.after(0).map(({ text }) => text)).toEqual(["e18", "e19", "e20"]);
    expect(ring.after(19).map(({ atMs, id }) => [id, atMs])).toEqual([[20, 7]]);
    expect(ring.after(20)).toEqual([]);
    expect(ring.lastId).toBe(20);
  });

  test("after() gives all when the id is of another life of the node", () => {
    const ring = new EventRing(() => 0);
    ring.add(event("first"));
    expect(ring.after(300).map(({ id }) => id)).toEqual([1]);
  });

  test("add() cuts texts that are whole stacks", () => {
    const ring = new EventRing(() => 0);
    ring.add(event("x".repeat(5_000)));
    expect(ring.after(0)[0]!.text.length).toBe(300);
  });
});

describe("gatewayView()", () => {
  const route = (id: string, refused: Record<string, number>): RouteView => ({
    ...{ id, line: 1, pattern: "/*", requests: 5, inFlight: 1, byStatus: { "2xx": 4 }, refused, receivedBytes: 0 },
    ...{ sentBytes: 0, latency: { p50Ms: 1, p99Ms: 2, maxMs: 3 } },
    targets: [{ target: "http://a", name: "", weight: 1, state: "healthy", inFlight: 0, requests: 5, failures: 1 }],
  });
  const status: GatewayStatus = {
    ...{ node: "g1", address: "127.0.0.1:1", tls: false, processes: 2, file: "g.txt", loadedMs: 1, reloads: 0 },
    ...{ routes: 1, connections: 3, requests: 9, inFlight: 1, malformed: { b: 2, a: 2, c: 7 } },
    wafs: [
      {
        ...{ id: "crs", mode: "block", rules: 9, transactions: 8, blocked: 1, wouldBlock: 0 },
        unsupported: [{ file: "f", line: 1, what: "w", consequence: "c" }],
      },
    ],
  };

  test("gatewayView() tells what a gateway answers, the most frequent refusals first", () => {
    const view = gatewayView(status, [route("r", { y: 1, x: 3 })], []);
    expect(view).toMatchObject({ address: "127.0.0.1:1", processes: 2, connections: 3, requests: 9 });
    expect(view.malformed.map(({ code }) => code)).toEqual(["c", "a", "b"]);
    expect(view.wafs).toEqual([
      { id: "crs", mode: "block", rules: 9, unsupported: 1, requests: 8, blocked: 1, wouldBlock: 0 },
    ]);
    expect(view.routes).toEqual([
      {
        ...{ id: "r", pattern: "/*", requests: 5, inFlight: 1, byStatus: { "2xx": 4 }, p50Ms: 1, p99Ms: 2 },
        targets: [{ target: "http://a", state: "healthy", requests: 5, failures: 1 }],
        refused: [
          { code: "x", count: 3 },
          { code: "y", count: 1 },
        ],
      },
    ]);
  });

  test("boundedGateway() cuts each list where a page ends, and says so", () => {
    const codes = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`code${at}`, at]));
    const routes = Array.from({ length: LIST_LIMITS.routes + 1 }, (_, at) => route(`r${at}`, at === 0 ? codes : {}));
    const cut: CutList[] = [];
    const bound = boundedGateway(gatewayView(status, routes, []), cut);
    expect(bound.routes.length).toBe(LIST_LIMITS.routes);
    expect(bound.routes[0]!.refused.length).toBe(LIST_LIMITS.refusals);
    expect(cut).toEqual([
      { list: "routes", shown: 100, of: 101 },
      { list: "refusals", shown: 20, of: 30 },
    ]);
  });
});

describe("Changes", () => {
  function rig() {
    const told: NewEvent[] = [];
    const changes = new Changes((each) => told.push(each));
    return { changes, see: (more: Partial<Overview>) => changes.see(overviewOf(more)), told };
  }
  const texts = (told: readonly NewEvent[]): string[] => told.map(({ subject, text }) => `${subject} ${text}`);

  test("see() tells nothing of what stood in the first look, and states of pipelines that changed afterwards", () => {
    const { see, told } = rig();
    see({ pipelines: [pipelineView("a")] });
    see({ pipelines: [pipelineView("a")] });
    expect(told).toEqual([]);
    see({ pipelines: [pipelineView("a", { state: "failed", detail: "disk full" }), pipelineView("b")] });
    expect(texts(told)).toEqual(["a running → failed: disk full", "b is running"]);
    expect(told[0]!.level).toBe("error");
  });

  test("see() takes a part that could not be told for unchanged", () => {
    const { see, told } = rig();
    see({ pipelines: [pipelineView("a")] });
    see({ pipelines: [], missing: [{ part: "pipelines", reason: "silent" }] });
    see({ pipelines: [pipelineView("a")] });
    expect(told).toEqual([]);
  });

  test("tellPipeline() tells at once what somebody hears, and see() does not tell it again", () => {
    const { changes, see, told } = rig();
    changes.tellPipeline(pipelineView("a", { state: "starting" }));
    changes.tellPipeline(pipelineView("a"));
    see({ pipelines: [pipelineView("a")] });
    expect(texts(told)).toEqual(["a is starting", "a starting → running"]);
  });

  test("see() takes nothing from a look that is older than what was told since", () => {
    const { changes, told } = rig();
    changes.tellPipeline(pipelineView("a", { state: "pausing" }));
    const since = changes.turn;
    changes.tellPipeline(pipelineView("a", { state: "paused" }));
    changes.tellPipeline(pipelineView("b", { state: "starting" }));
    changes.see(overviewOf({ pipelines: [pipelineView("a", { state: "pausing" })] }), since);
    expect(texts(told)).toEqual(["a is pausing", "a pausing → paused", "b is starting"]);
    const later = [pipelineView("a"), pipelineView("b", { state: "starting" })];
    changes.see(overviewOf({ pipelines: later }));
    expect(texts(told).slice(3)).toEqual(["a paused → running"]);
  });

  test("see() tells stages that have another plugin, and workers that drain and work again", () => {
    const { see, told } = rig();
    const look = (library: string, isDraining: boolean) => ({
      nodes: [nodeView("w1", { isDraining })],
      pipelines: [pipelineView("a", { stages: [stageView("s", { library }), stageView("t")] })],
    });
    see(look("one.ts", false));
    see({ ...look("one.ts", true), pipelines: [pipelineView("a")] });
    see(look("two.ts", true));
    see({ nodes: [nodeView("w1")] });
    see(look("two.ts", false));
    expect(texts(told).filter((text) => !text.startsWith("a is"))).toEqual([
      "w1 drains: it gets no new work",
      "a stage s has the plugin two.ts",
      "w1 works again",
    ]);
  });

  test("see() tells restarts with their reason, however many there were", () => {
    const { see, told } = rig();
    const at = (restarts: number) => {
      const lastExit = { code: 1, signal: null, reason: "out of memory", atMs: 0 };
      const lane = treeView("lane 1", { restarts, lastExit });
      const tree = treeView("root", { children: [treeView("orders", { children: [lane] })] });
      see({ instances: [{ pid: 9, command: "run", name: "x", isSelf: false, tree }] });
    };
    at(5);
    at(6);
    at(9);
    expect(texts(told)).toEqual([
      "orders/lane 1 restarted: out of memory",
      "orders/lane 1 restarted 3 times: out of memory",
    ]);
  });

  test("see() tells services that come, go, and lose all their processes, and who leads a group", () => {
    const { see, told } = rig();
    const service = (healthy: number, ...versions: string[]) => ({
      ...{ name: "users", versions, nodes: ["n1"], healthy, calls: 0, errors: 0 },
    });
    const group = (leader: string) => ({
      ...{ group: "main", role: "follower", term: 1, leader, commit: 0, applied: 0, logBytes: 0, members: 3 },
    });
    see({ groups: [group("n1")] });
    see({ services: [service(2, "1.0.0")], groups: [group("n2")] });
    see({ services: [service(0, "1.0.0", "1.1.0")], groups: [group("n2")] });
    see({ services: [service(1, "1.1.0")] });
    see({});
    expect(texts(told)).toEqual([
      "users is offered, version 1.0.0",
      "main n2 leads",
      "users version 1.0.0 → 1.0.0, 1.1.0",
      "users no process takes calls",
      "users version 1.0.0, 1.1.0 → 1.1.0",
      "users 1 processes take calls",
      "users is offered no more",
    ]);
  });
});

describe("memberEvent()", () => {
  test("memberEvent() warns of members that are suspected or lost, and not of those that leave", () => {
    const member = { id: "n2" } as Parameters<typeof memberEvent>[0] extends infer E
      ? Extract<E, { member: unknown }>["member"]
      : never; // it reads the id only
    const of = (kind: "join" | "leave" | "suspect", reason: string, by?: string) =>
      memberEvent({ kind, member, reason, by, atMs: 0 }, "n1");
    expect(of("suspect", "no answer", "n3")).toEqual({
      ...{ level: "warn", kind: "member", subject: "n2", text: "is suspected: no answer, found out by n3" },
    });
    expect(of("leave", "failed").level).toBe("warn");
    expect(of("leave", "left").level).toBe("info");
    expect(memberEvent({ kind: "down", down: [], reason: "minority", atMs: 0 }, "n1")).toMatchObject({
      ...{ level: "error", kind: "partition", subject: "n1" },
    });
  });
});

describe("bounded()", () => {
  test("bounded() gives a short list as it is, and the first of a long one with a note", () => {
    const cut: CutList[] = [];
    const short = [1, 2];
    expect(bounded("groups", short, cut)).toBe(short);
    expect(cut).toEqual([]);
    const long = Array.from({ length: LIST_LIMITS.groups + 3 }, (_, index) => index);
    expect(bounded("groups", long, cut).length).toBe(LIST_LIMITS.groups);
    expect(cut).toEqual([{ list: "groups", shown: LIST_LIMITS.groups, of: LIST_LIMITS.groups + 3 }]);
  });

  test("TreeBudget takes as many nodes as it may, and counts the others", () => {
    const leaf = treeView("leaf");
    const branch = treeView("branch", { children: [leaf, leaf, leaf] });
    const budget = new TreeBudget(4);
    const taken = budget.take(treeView("root", { children: [branch, branch] }));
    const names = (tree: typeof taken): string[] => [tree.name, ...tree.children.flatMap(names)];
    expect(names(taken)).toEqual(["root", "branch", "leaf", "leaf"]);
    expect(budget.refused).toBe(5);
  });
});

describe("serviceViews()", () => {
  test("serviceViews() puts versions, nodes and calls of a service together", () => {
    const latency = new Histogram();
    latency.record(10, 99);
    latency.record(500);
    const counted = (calls: number, failed: number) => ({ service: "users", calls, failed, latency });
    const place = (service: string, node: string, version: string, healthy: number) => ({
      service,
      node,
      version,
      healthy,
    });
    const views = serviceViews(
      [place("users", "n2", "2.0.0", 1), place("users", "n1", "1.0.0", 2), place("a", "n1", "1.0.0", 0)],
      [counted(100, 3), counted(5, 1)],
    );
    expect(views[0]).toEqual({ name: "a", versions: ["1.0.0"], nodes: ["n1"], healthy: 0, calls: 0, errors: 0 });
    const { p50Ms, p99Ms, ...rest } = views[1]!;
    expect(rest).toEqual({
      ...{ name: "users", versions: ["1.0.0", "2.0.0"], nodes: ["n1", "n2"], healthy: 3, calls: 105, errors: 4 },
    });
    expect(p50Ms).toBeCloseTo(10, 0);
    expect(p99Ms).toBeLessThan(500);
  });

  test("groupView() tells how many members a group has", () => {
    const status = {
      group: "main",
      role: "leader",
      term: 2,
      commit: 9,
      applied: 8,
      logBytes: 7,
      members: [{}, {}, {}],
    };
    expect(groupView({ ...status, node: "n1" } as typeof status)).toEqual({ ...status, members: 3 });
  });

  test("letterViews() leaves out pipelines that have none", () => {
    const group = { stage: "validate", reason: "no id", count: 2, example: 1 };
    const of = (pipeline: string, letters: number) => ({ pipeline, letters, groups: letters > 0 ? [group] : [] });
    expect(letterViews([of("a", 0), of("b", 2)])).toEqual([
      { pipeline: "b", total: 2, reasons: [{ stage: "validate", reason: "no id", count: 2 }] },
    ]);
  });
});
