/** Lets planned faults happen to a world, ends each when its time is over, and all of them at once when the world heals. */
import { describeFault, type Fault, type PlannedFault } from "./faults.ts";
import type { Weather } from "./network.ts";
import type { World } from "./world.ts";

export interface FaultRunnerOptions {
  /** What the weather is when nothing is planned. */
  readonly weather: Weather;
  /** A kill that would leave fewer processes is left out. */
  readonly upMin: number;
  /** A kill for good beyond so many is an ordinary one. Default: no bound. */
  readonly goneMax?: number;
  readonly act: (name: string, node: number, forMs: number) => void;
}

export class FaultRunner<Message> {
  readonly #world: World<Message>;
  readonly #options: FaultRunnerOptions;
  readonly #goneForGood = new Set<number>();
  #isHealed = false;

  constructor(world: World<Message>, options: FaultRunnerOptions) {
    this.#world = world;
    this.#options = options;
    world.network.weather = options.weather;
  }

  /** Killed, and not to come back. */
  get goneForGood(): ReadonlySet<number> {
    return this.#goneForGood;
  }

  /** One more node that is not to be started again, if the bound allows it. */
  retire(node: number): boolean {
    const { goneMax } = this.#options;
    if (!this.#goneForGood.has(node) && this.#goneForGood.size >= (goneMax ?? Number.POSITIVE_INFINITY)) return false;
    this.#goneForGood.add(node);
    return true;
  }

  plan(faults: readonly PlannedFault[]): void {
    for (const { atMs, fault } of faults) this.#world.at(atMs, () => this.apply(fault));
  }

  apply(fault: Fault): void {
    if (this.#isHealed) return;
    const undo = this.#begin(fault);
    this.#world.note(`fault: ${describeFault(fault)}${undo === undefined ? " (left out)" : ""}`);
    if (undo === undefined || fault.forMs === Number.POSITIVE_INFINITY) return; // Only healing ends the latter.
    this.#world.at(this.#world.nowMs + fault.forMs, () => {
      if (!this.#isHealed) undo();
    });
  }

  /** Every fault ends; who was killed, but not for good, is started. Clocks are as they are. */
  heal(): void {
    this.#isHealed = true;
    const world = this.#world;
    world.note("all faults end");
    world.network.heal();
    for (const { index, isUp } of world.nodes) {
      world.resume(index);
      world.nodes[index]!.serviceMs = 0;
      if (!isUp && !this.#goneForGood.has(index)) world.start(index);
    }
  }

  /** What ends it; undefined when it cannot happen now. */
  #begin(fault: Fault): (() => void) | undefined {
    const world = this.#world;
    switch (fault.kind) {
      case "weather":
        world.network.weather = fault.weather;
        return () => {
          world.network.weather = this.#options.weather;
        };
      case "split":
        return this.#split(fault.side, fault.way);
      case "clog":
        for (const to of fault.to) world.network.clog(fault.node, to, world.nowMs + fault.forMs);
        return () => {};
      case "pause":
        world.pause(fault.node);
        return () => world.resume(fault.node);
      case "slow":
        world.nodes[fault.node]!.serviceMs = fault.serviceMs;
        return () => {
          world.nodes[fault.node]!.serviceMs = 0;
        };
      case "kill":
        return this.#kill(fault.node, fault.forMs);
      case "drift":
        world.drift(fault.node, fault.rate);
        return () => world.drift(fault.node, 1);
      case "jump":
        world.nodes[fault.node]!.clock.jumpWall(fault.byMs);
        return () => {};
      case "act":
        this.#options.act(fault.name, fault.node, fault.forMs);
        return () => {};
    }
  }

  #split(side: readonly number[], way: "both" | "sends" | "hears"): () => void {
    const { network, nodes } = this.#world;
    const others = nodes.filter(({ index }) => !side.includes(index)).map(({ index }) => index);
    const each = (change: (from: number, to: number) => void): void => {
      for (const inside of side) {
        for (const outside of others) {
          if (way !== "hears") change(inside, outside);
          if (way !== "sends") change(outside, inside);
        }
      }
    };
    each((from, to) => network.cut(from, to));
    return () => each((from, to) => network.mend(from, to));
  }

  #kill(node: number, forMs: number): (() => void) | undefined {
    const world = this.#world;
    const up = world.nodes.filter(({ isUp }) => isUp).length;
    if (!world.nodes[node]!.isUp || up <= this.#options.upMin) return undefined;
    if (forMs === Number.POSITIVE_INFINITY) this.retire(node);
    world.kill(node);
    return () => {
      if (!this.#goneForGood.has(node)) world.start(node);
    };
  }
}
