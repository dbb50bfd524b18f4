/** Every master answers for all: what is asked of one that does not lead is done by the one that does; and members come and go. */
import { describe, expect, test } from "bun:test";
import { MasterGroup } from "../support/master-group.ts";
import { orders } from "../support/orders.ts";
import { GATE } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 600;
const STOP_AT = 300;
const ALL = Array.from({ length: ORDERS }, (_, id) => id);

/** NAME.txt from in.ndjson to NAME.ndjson, by way of a gate that a file NAME.open opens. */
function write({ space }: MasterGroup, name: string): void {
  space.write("in.ndjson", orders(ORDERS));
  space.write("gate.ts", GATE);
  const gate = `gate|gate.ts|gate=${space.at(`${name}.open`)},stop_at=${STOP_AT}`;
  const settings = "set|batch_rows=20,in_flight=1,checkpoint_interval=10ms";
  const lines = [settings, "in|source:ndjson|path=in.ndjson", gate, `out|sink:ndjson|path=${name}.ndjson`];
  space.write(`${name}.txt`, `${lines.join("\n")}\n`);
}

function ids({ space }: MasterGroup, name: string): unknown[] {
  return space.exists(`${name}.ndjson`) ? space.records(`${name}.ndjson`).map(({ id }) => id) : [];
}

function untilHeld(group: MasterGroup, name: string): Promise<unknown> {
  return until(`${name} is held`, () => ids(group, name).length >= STOP_AT - 20);
}

describe("a master that does not lead", () => {
  test("is asked to submit, pause, resume, cancel and drain, and all masters show the same", async () => {
    await using group = await MasterGroup.of(3, ["worker1"]);
    const { space } = group;
    const asked = group.at(group.follower());
    for (const name of ["p", "q"]) {
      write(group, name);
      await group.tell("submit", `${name}.txt`, ...asked);
    }
    await Promise.all(["p", "q"].map((name) => untilHeld(group, name)));
    const pausing = group.tell("pause", "p", ...asked);
    await group.untilState("p", "pausing");
    space.write("p.open", "");
    await pausing;
    await group.tell("cancel", "q", ...asked);
    await group.tell("drain", "worker1", ...asked);
    for (const id of group.ids) {
      const { pipelines, workers } = await group.listOf(id);
      expect(pipelines.map(({ name, state }) => `${name} ${state}`)).toEqual(["p paused", "q cancelled"]);
      expect(workers).toMatchObject([{ id: "worker1", isDraining: true }]);
    }
    await group.tell("drain", "worker1", "--off", ...asked);
    await group.tell("resume", "p", ...asked);
    await group.untilState("p", "ended");
    expect(ids(group, "p")).toEqual(ALL);
    const refused = await group.ask("pause", "nothing", ...asked);
    expect(refused.code).toBe(66);
    expect(refused.stderr).toContain('no pipeline is "nothing"');
  });
});

describe("--config on three masters", () => {
  test("is one submission, whoever leads, and --until-done ends all of them", async () => {
    await using group = await MasterGroup.of(3, ["worker1"], { isIdle: true });
    write(group, "p");
    const args = ["--config", "p.txt", "--until-done"];
    await Promise.all(group.ids.map((id) => group.startMaster(id, { args })));
    await group.worker("worker1");
    await untilHeld(group, "p");
    const leader = await group.untilLed();
    await group.killHard(leader);
    await group.untilLed(leader);
    await group.startMaster(leader, { args });
    group.space.write("p.open", "");
    const codes = await Promise.all(group.ids.map((id) => group.node(id).exited));
    expect(codes).toEqual([0, 0, 0]);
    expect(ids(group, "p")).toEqual(ALL);
    expect(new Set(group.told("p").map(({ id }) => id)).size).toBe(1);
  });
});

describe("a group whose leader is gone for ever", () => {
  test("removes it, takes in one that stood by, and goes on when another one dies", async () => {
    await using group = await MasterGroup.of(3, ["worker1"], { standBy: "m4" });
    write(group, "p");
    await group.tell("submit", "p.txt", ...group.at("m1"));
    await untilHeld(group, "p");
    const gone = await group.untilLed();
    await group.killHard(gone);
    const second = await group.untilLed(gone);
    await group.startMaster("m4");
    await group.tell("raft", "remove", gone, ...group.at(second));
    await group.tell("raft", "add", "m4", ...group.at(second));
    const { id } = (await group.listOf("m4")).pipelines[0]!;
    await group.killHard(await group.untilLed()); // of three there are two: with m4, and not without it
    await group.untilLed(second);
    group.space.write("p.open", "");
    await group.untilState("p", "ended");
    expect(ids(group, "p")).toEqual(ALL);
    const { stdout } = await group.tell("report", id, "--json", ...group.at("m4"));
    expect(JSON.parse(stdout)).toMatchObject({
      id,
      state: "ended",
      faults: [],
      counts: { in: ORDERS, written: ORDERS },
    });
  });
});
