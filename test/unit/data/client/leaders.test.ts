import { describe, expect, test } from "bun:test";
import { Leaders } from "../../../../src/data/client/leaders.ts";
import { LEADER_AVOID_MS, LEADER_LOOK_AFTER, LEADER_LOOK_MS } from "../../../../src/data/client/limits.ts";
import { type Way, Ways } from "../../../../src/data/client/ways.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

class Scene {
  readonly clock = new SteppedClock();
  readonly all: Way[];
  readonly ways = new Ways(() => this.all);
  readonly looks: string[] = [];
  leader: readonly string[] | undefined = ["n2", "10.0.0.2:80"];
  readonly leaders = new Leaders("main", this.ways, {
    clock: this.clock,
    leaderOf: async (group, { name }) => {
      this.looks.push(`${group} at ${name}`);
      if (this.leader === undefined) throw new Error("nobody answers");
      return this.leader;
    },
  });

  constructor(nodes: readonly (string | undefined)[] = ["n1", "n2", "n3"]) {
    this.all = nodes.map((node, index) => ({ name: `way ${index + 1}`, node, transport: neverAsked }));
  }

  /** So many calls, each answered by whom the client chooses, and what follows beside them. */
  async calls(count: number): Promise<string> {
    for (let call = 0; call < count; call++) {
      this.leaders.answered(this.ways.choose());
    }
    for (let turn = 0; turn < 10; turn++) await null;
    return this.ways.choose().name;
  }

  fail(): void {
    const way = this.ways.choose();
    this.leaders.failed(way);
    this.ways.passOver(way);
  }
}

const neverAsked = () => Promise.reject(new Error("no call is made"));

describe("Leaders", () => {
  test("answered() makes the client ask the leader, by its id or its address, when it asks often", async () => {
    expect(await new Scene().calls(LEADER_LOOK_AFTER)).toBe("way 2");
    expect(await new Scene(["10.0.0.1:80", "10.0.0.3:80", "10.0.0.2:80"]).calls(LEADER_LOOK_AFTER)).toBe("way 3");
  });

  test("answered() looks at nothing when the client asks a few things only, or knows no names", async () => {
    const few = new Scene();
    await few.calls(LEADER_LOOK_AFTER - 1);
    const nameless = new Scene([undefined, undefined]);
    await nameless.calls(10 * LEADER_LOOK_AFTER);
    expect([few.looks, nameless.looks]).toEqual([[], []]);
  });

  test("answered() looks again after a while, and follows when another one leads", async () => {
    const scene = new Scene();
    await scene.calls(LEADER_LOOK_AFTER);
    scene.leader = ["n3"];
    expect(await scene.calls(100)).toBe("way 2");
    await scene.clock.advance(LEADER_LOOK_MS);
    expect(await scene.calls(1)).toBe("way 3");
    expect(scene.looks).toEqual(["main at way 1", "main at way 2"]);
  });

  test("failed() has it look with the next answer, and leave the one that failed alone for a while", async () => {
    const scene = new Scene();
    await scene.calls(LEADER_LOOK_AFTER);
    scene.fail();
    expect(await scene.calls(1)).toBe("way 3");
    expect(scene.looks).toHaveLength(2);
    await scene.clock.advance(LEADER_AVOID_MS);
    expect(await scene.calls(1)).toBe("way 2");
  });

  test("answered() stays with who answers when nobody says who leads, or it cannot be reached from here", async () => {
    const silent = new Scene();
    silent.leader = undefined;
    const outside = new Scene();
    outside.leader = ["n9"];
    expect([await silent.calls(20), await outside.calls(20)]).toEqual(["way 1", "way 1"]);
    expect([silent.looks.length, outside.looks.length]).toEqual([1, 1]);
  });
});
