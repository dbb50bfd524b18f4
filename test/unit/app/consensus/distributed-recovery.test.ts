/** Whoever leads a group drives on what was left half-way; what is stuck holds up nothing else. */
import { expect, test } from "bun:test";
import { type RecoveredGroup, recoverDistributed } from "../../../../src/app/consensus/distributed-recovery.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { DRIVE_AFTER_MS } from "../../../../src/data/transaction/index.ts";
import type { DistributedReply, TwoPhaseCommand } from "../../../../src/data/words/index.ts";
import { DataNodes } from "../../../support/data-nodes.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

class Rig {
  readonly clock = new SteppedClock();
  readonly nodes = new DataNodes({ groups: ["north", "south", "up"] });
  readonly end = new AbortController();
  term = 1;

  start(): Promise<void> {
    const groups = ["north", "south"].map((name) => this.#held(name));
    const logger = createLogger({ name: "test", level: "silent", sink: () => {}, clock: this.clock });
    const propose = (group: string, command: TwoPhaseCommand): Promise<DistributedReply> =>
      // A group that is down answers nobody.
      group === "down" ? new Promise(() => {}) : Promise.resolve(this.take(group, command));
    return recoverDistributed(groups, { clock: this.clock, logger, propose }, this.end.signal);
  }

  /** Decided, and nobody has heard of it. */
  leave(group: string, id: string, participant: string): void {
    this.take(group, { type: "distributed.begin", id, participants: [participant], timeoutMs: 60_000 });
    this.take(group, { type: "distributed.decide", id, decision: "commit" });
  }

  take(group: string, command: TwoPhaseCommand): DistributedReply {
    return this.nodes.apply(group, { command }) as DistributedReply;
  }

  left(group: string): number {
    return this.nodes.machine(group).distributed.list(1_000, 0).length;
  }

  async pass(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 100) {
      this.nodes.groupMs += 100;
      this.clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #held(name: string): RecoveredGroup {
    const machine = this.nodes.machine(name);
    const rig = this;
    return {
      name,
      isOpen: true,
      get leadership() {
        return { term: rig.term, leader: "me", isLeading: true };
      },
      life: {
        machine,
        group: {
          get clockMs() {
            return rig.nodes.groupMs;
          },
        },
      },
    };
  }
}

test("recoverDistributed() drives on one group's transactions though another group's are stuck", async () => {
  const rig = new Rig();
  rig.leave("north", "stuck", "down");
  const over = rig.start();
  await rig.pass(2_000);
  rig.leave("south", "good", "up");
  await rig.pass(DRIVE_AFTER_MS + 2_000);
  expect([rig.left("north"), rig.left("south")]).toEqual([1, 0]);
  rig.end.abort();
  void over; // the step that is under way is bounded by its port
});

test("recoverDistributed() does not wait between looks while there is more, and a new leader drives all at once", async () => {
  const rig = new Rig();
  const over = rig.start();
  await rig.pass(2_000);
  for (let at = 0; at < 300; at++) rig.leave("north", `left${at}`, "up");
  await rig.pass(1_100);
  expect(rig.left("north")).toBe(300); // whoever has decided may still be about to tell them
  rig.term++;
  await rig.pass(2_500);
  expect(rig.left("north")).toBe(0);
  rig.end.abort();
  await rig.pass(100);
  await over;
});
