import { describe, expect, test } from "bun:test";
import { overviewContract, type Snapshot } from "../../../../src/app/overview/overview-contract.ts";
import { OverviewDesk } from "../../../../src/app/overview/overview-service.ts";
import type { MasterPipelines, OverviewPorts } from "../../../../src/app/overview/ports.ts";
import { createClient, Dispatcher } from "../../../../src/wire/rpc/index.ts";
import { pipelineView, stageView, treeView } from "../../../support/overview.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

type Members = OverviewPorts["membership"];

function members(...ids: string[]): Members {
  const all = ids.map((id) => ({
    ...{ id, address: { host: "127.0.0.1", port: 8080 }, bornMs: 0, state: "alive" },
    meta: { name: id, roles: ["worker"], capacities: { cpu: 2 } },
  }));
  const explain = (id: string) => (id === "n2" ? { swim: { lastProbe: { roundTripMs: 0.7 } } } : undefined);
  return { self: all[0], members: () => all, leader: () => all[0], explain } as unknown as Members; // what is read of it
}

function rig(more: Partial<OverviewPorts> = {}) {
  const clock = new SteppedClock();
  const counts = { bytesSent: 10, bytesTaken: 20 } as ReturnType<OverviewPorts["links"]>[number]["counts"]; // what is read of it
  const desk = new OverviewDesk({
    clock,
    node: { id: "n1", version: "0.1.0", life: "l1" },
    membership: members("n1", "n3", "n2"),
    links: () => [{ peer: { id: "n2", instance: "i", address: undefined }, isOpen: true, counts }],
    ...more,
  });
  const dispatcher = new Dispatcher([desk.service], { clock, report: () => {} });
  const caller = { name: "test", access: "read" } as const;
  const client = createClient(
    overviewContract,
    ({ contract, input, method, version }) => dispatcher.call({ contract, method, version, input, caller }),
    { clock, timeoutMs: 60_000 },
  );
  const look = (after?: number): Promise<Snapshot> =>
    client.snapshot(after === undefined ? {} : { events_after: after });
  return { clock, desk, look };
}

const master = (more: Partial<MasterPipelines> = {}): MasterPipelines => ({
  ...{ by: "m1", pipelines: [pipelineView("orders")], workers: [{ id: "n2", isDraining: true, cpu: 0.5, queue: 3 }] },
  ...more,
});

describe("OverviewDesk", () => {
  test("snapshot() tells members, links and who answers, also of a node that has nothing else", async () => {
    const { look } = rig();
    const seen = await look();
    expect(seen).toMatchObject({ node: "n1", life: "l1", version: "0.1.0", missing: [], cut: [], pipelines: [] });
    expect(seen.nodes.map(({ id }) => id)).toEqual(["n1", "n2", "n3"]);
    expect(seen.nodes[0]).toMatchObject({ isSelf: true, isLeader: true, address: "127.0.0.1:8080" });
    expect(seen.links).toEqual([{ peer: "n2", isOpen: true, bytesSent: 10, bytesTaken: 20, roundTripMs: 0.7 }]);
    expect(seen.master).toBeUndefined();
  });

  test("snapshot() puts what the master knows of workers to their nodes, and its own machine's load", async () => {
    const { look } = rig({ masterPipelines: async () => master(), load: () => ({ cpu: 0.1, memory: 0.2 }) });
    const { master: by, nodes, pipelines } = await look();
    expect(by).toBe("m1");
    expect(pipelines.map(({ name }) => name)).toEqual(["orders"]);
    expect(nodes[0]).toMatchObject({ cpu: 0.1, memory: 0.2 });
    expect(nodes[1]).toMatchObject({ id: "n2", cpu: 0.5, queue: 3, isDraining: true });
  });

  test("snapshot() names parts that fail or are silent, and tells the others", async () => {
    const { clock, look } = rig({
      masterPipelines: () => new Promise(() => {}),
      services: () => {
        throw new Error("no registry");
      },
      instances: () => ({
        instances: [{ pid: 1, command: "node", name: "n1", isSelf: true, tree: treeView("root") }],
        silent: [{ pid: 7, name: "stuck", reason: "no answer in time" }],
      }),
    });
    const looking = look();
    clock.advance(900);
    const { instances, missing } = await looking;
    expect(instances.length).toBe(1);
    expect(missing.toSorted((a, b) => (a.part < b.part ? -1 : 1))).toEqual([
      { part: "pipelines", reason: "no answer within 900 ms" },
      { part: "process 7 (stuck)", reason: "no answer in time" },
      { part: "services", reason: "no registry" },
    ]);
  });

  test("snapshot() cuts lists that are too long, and says so", async () => {
    const stages = Array.from({ length: 70 }, (_, index) => stageView(`s${index}`));
    const pipelines = Array.from({ length: 120 }, (_, index) =>
      pipelineView(`p${index}`, index === 0 ? { stages } : {}),
    );
    const { cut, pipelines: shown } = await rig({ masterPipelines: async () => master({ pipelines }) }).look();
    expect(shown.length).toBe(100);
    expect(shown[0]!.stages.length).toBe(64);
    expect(cut).toEqual([
      { list: "pipelines", shown: 100, of: 120 },
      { list: "stages", shown: 64, of: 70 },
    ]);
  });

  test("snapshot() looks once for all who ask within a moment, and again later", async () => {
    let looks = 0;
    const { clock, look } = rig({
      groups: () => {
        looks++;
        return [];
      },
    });
    await Promise.all([look(), look(), look()]);
    await look();
    expect(looks).toBe(1);
    clock.advance(400);
    await look();
    expect(looks).toBe(2);
  });

  test("snapshot() tells events behind an id: those that were told and those that it finds", async () => {
    let state = "running";
    const { clock, desk, look } = rig({
      masterPipelines: async () => master({ pipelines: [pipelineView("a", { state })] }),
    });
    desk.tell({ level: "info", kind: "swap", subject: "users", text: "was swapped" });
    const first = await look();
    expect(first.events.map(({ id, text }) => [id, text])).toEqual([[1, "was swapped"]]);
    state = "paused";
    clock.advance(1_000);
    const second = await look(first.lastEvent);
    expect(second.events.map(({ atMs, id, text }) => [id, atMs, text])).toEqual([[2, 1_000, "running → paused"]]);
    expect(second.lastEvent).toBe(2);
  });
});
