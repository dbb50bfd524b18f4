/**
 * Who leads a group costs one hop less than who passes on to it. A client that asks often finds out now and then who that is, beside its
 * work, and asks there. A hint only: any node answers, and one that has just failed is left alone for a while however much it leads.
 */
import type { Clock } from "../../base/clock.ts";
import { LEADER_AVOID_MS, LEADER_LOOK_AFTER, LEADER_LOOK_MS } from "./limits.ts";
import type { Way, Ways } from "./ways.ts";

/** Names of the node that leads: its id and its address, as far as they are known. */
export type LeaderNames = readonly string[];

export interface LeadersPorts {
  readonly clock: Pick<Clock, "monotonic">;
  /** Asks that node. */
  readonly leaderOf: (group: string, way: Way) => Promise<LeaderNames>;
}

export class Leaders {
  readonly #group: string;
  readonly #ways: Ways;
  readonly #ports: LeadersPorts;
  readonly #failedMs = new Map<string, number>();
  #answers = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #isLooking = false;

  constructor(group: string, ways: Ways, ports: LeadersPorts) {
    this.#group = group;
    this.#ways = ways;
    this.#ports = ports;
  }

  /** It has answered. Who asks a few things and goes has nothing from knowing who leads. */
  answered(way: Way): void {
    if (way.node === undefined || this.#isLooking || ++this.#answers < LEADER_LOOK_AFTER) return;
    const nowMs = this.#ports.clock.monotonic();
    if (nowMs - this.#lookedMs < LEADER_LOOK_MS) return;
    this.#lookedMs = nowMs;
    this.#isLooking = true;
    void this.#look(way).finally(() => {
      this.#isLooking = false;
    });
  }

  /** Somebody else leads, or will soon: looked for with the next answer. */
  failed(way: Way): void {
    this.#failedMs.set(way.name, this.#ports.clock.monotonic());
    this.#lookedMs = Number.NEGATIVE_INFINITY;
  }

  async #look(way: Way): Promise<void> {
    try {
      const names = await this.#ports.leaderOf(this.#group, way);
      this.#ways.prefer(({ name, node }) => node !== undefined && names.includes(node) && !this.#isAvoided(name));
    } catch {} // it stays with who answers; asked again later
  }

  #isAvoided(name: string): boolean {
    const failedMs = this.#failedMs.get(name);
    return failedMs !== undefined && this.#ports.clock.monotonic() - failedMs < LEADER_AVOID_MS;
  }
}
