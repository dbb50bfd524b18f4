/**
 * Scenario `lease`: a master, five workers, all faults. Each item is an obligation: in the end all are in the sink, once, in
 * order, with the right result, or accounted for where they fail everywhere; and an oracle looks at each step of the table.
 */

import type { Random } from "../../../src/base/random.ts";
import { createBalancer } from "../../../src/protocol/balance/index.ts";
import type { LeaseOptions } from "../../../src/protocol/lease/index.ts";
import { type Cast, defineScenario, type Setup, type Stage, Violation } from "../run/index.ts";
import { CALM, chance, fork, type Port, type Process, textTag } from "../world/index.ts";
import { LEASE_BUGS, type LeaseBug } from "./lease-bugs.ts";
import { type Fate, LeaseMasterProcess, nameOf, type Sink } from "./lease-master.ts";
import { contentOf, describeLease, isPoisoned, type LeaseMessage, resultOf, tagOfLease } from "./lease-messages.ts";
import { LeaseWorkerProcess } from "./lease-worker.ts";

const MASTER = 0;
const WORKERS = 5;
const ITEMS = 600;
const OPEN_MAX = 40;
const PINNED_EVERY = 9;
/** Lease numbers of each life of the master begin at a multiple of this. */
const LEASES_OF_LIFE = 1_000_000;

const OPTIONS: LeaseOptions = {
  leaseMs: 1_000,
  workerWindow: (capacity) => capacity * 3,
  hedge: { quantile: 0.9, factor: 1.5, minMs: 20, maxMs: 2_000, maxShare: 0.15 },
};
const BALANCERS = ["LEAST_CONNECTIONS", "ROUND_ROBIN", "RESPONSE_TIME", "POWER_OF_TWO"] as const;

export const leaseScenario = defineScenario<LeaseMessage>({
  name: "lease",
  summary: "a master and 5 workers, all faults: each item is done once, in order, and no rule of leases is broken",
  faultsMs: 12_000,
  convergeMs: 30_000,
  checkEveryMs: 1_000,
  bugs: Object.fromEntries(Object.entries<LeaseBug>(LEASE_BUGS).map(([name, { words }]) => [name, words])),
  cast: (setup) => new LeaseCast(setup),
});

class LeaseCast implements Cast<LeaseMessage>, Sink {
  readonly nodes = 1 + WORKERS;
  readonly weather = CALM;
  readonly upMin = 1;
  readonly mix = {
    kinds: {
      weather: { everyMs: 4_000, forMs: 3_000 },
      split: { everyMs: 4_000, forMs: 1_500 },
      clog: { everyMs: 4_000, forMs: 800 },
      pause: { everyMs: 3_000, forMs: 1_200 },
      slow: { everyMs: 8_000, forMs: 2_000 },
      kill: { everyMs: 2_500, forMs: 1_000 },
      drift: { everyMs: 8_000, forMs: 5_000 },
    },
    acts: {
      drain: { everyMs: 4_000, forMs: 1_500 },
      crashLoop: { everyMs: 3_000, forMs: 1_500 },
      slowDown: { everyMs: 3_000, forMs: 3_000 },
    },
    driftMax: 0.05,
    lossMax: 0.3,
    delayMsMax: 100,
  };
  next = 0;
  readonly #bug: LeaseBug | undefined;
  readonly #random: Random;
  /** Messages go by links, or by datagrams that may be lost, doubled and late: a table has to bear both. */
  readonly #hasLinks: boolean;
  readonly #tellsLost: boolean;
  readonly #balancer: (typeof BALANCERS)[number];
  readonly #sums = { assigned: 0, hedges: 0, "hedge wins": 0, "taken back": 0, resumed: 0, late: 0, failovers: 0 };
  #lives = 0;

  constructor({ bug, random }: Setup) {
    this.#bug = bug === undefined ? undefined : LEASE_BUGS[bug as keyof typeof LEASE_BUGS];
    this.#random = fork(random);
    this.#hasLinks = chance(random, 0.6);
    this.#tellsLost = chance(random, 0.6);
    this.#balancer = BALANCERS[random.below(BALANCERS.length)]!;
  }

  readonly launch = (port: Port<LeaseMessage>): Process<LeaseMessage> => {
    if (port.index === MASTER) return this.#launchMaster(port);
    return new LeaseWorkerProcess(port, {
      lanes: 1 + (port.index % 2),
      serviceMs: 120,
      reportEveryMs: 200,
      send: (from, message) => this.#send(from, MASTER, message),
    });
  };

  begin({ world }: Stage<LeaseMessage>): void {
    for (let node = 0; node < this.nodes; node++) world.start(node);
  }

  act({ world }: Stage<LeaseMessage>, name: string, node: number, forMs: number): void {
    if (node === MASTER) return;
    if (name === "drain") {
      this.#tell(world, { type: "drain", id: nameOf(node), on: true });
      world.at(world.nowMs + forMs, () => this.#tell(world, { type: "drain", id: nameOf(node), on: false }));
      return;
    }
    const worker = world.nodes[node]!.process as LeaseWorkerProcess | undefined;
    if (worker === undefined) return;
    if (name === "slowDown") worker.slowness = 10;
    else this.#crash(world, node, worker, forMs);
    world.at(world.nowMs + forMs, () => this.#recover(worker));
  }

  healed({ world }: Stage<LeaseMessage>): void {
    for (const { index, process } of world.nodes) {
      if (index === MASTER) continue;
      this.#recover(process as LeaseWorkerProcess);
      this.#tell(world, { type: "drain", id: nameOf(index), on: false });
    }
  }

  /** A result of the wrong item, out of turn, or a second one, is what must never get here. */
  take(item: number, fate: Fate): void {
    const content = contentOf(item);
    const right: Fate = isPoisoned(content) ? "failed" : resultOf(content);
    if (item !== this.next) throw new Violation(`the sink waits for item ${this.next} and gets ${item}`);
    if (fate !== right) throw new Violation(`item ${item} came out as ${fate}, ${right} is right`);
    this.next++;
  }

  check({ world }: Stage<LeaseMessage>): string | undefined {
    const counts = masterOf(world)?.counts;
    return counts !== undefined && counts.open > OPEN_MAX ? `${counts.open} items are open` : undefined;
  }

  goal({ world }: Stage<LeaseMessage>): string | undefined {
    if (this.next < ITEMS) return `item ${this.next} of ${ITEMS} is missing`;
    const { open } = masterOf(world)!.counts;
    return open === 0 ? undefined : `${open} items are open and all are done`;
  }

  measures({ world }: Stage<LeaseMessage>): Readonly<Record<string, number>> {
    this.#add(masterOf(world)!);
    return { ...this.#sums, "lives of masters": this.#lives };
  }

  tagOf(message: LeaseMessage): number {
    return tagOfLease(message);
  }

  describe(message: LeaseMessage): string {
    return describeLease(message);
  }

  #launchMaster(port: Port<LeaseMessage>): LeaseMasterProcess {
    const firstLease = this.#bug?.repeatsNumbers ? 1 : this.#lives * LEASES_OF_LIFE;
    this.#lives++;
    const master = new LeaseMasterProcess(port, {
      items: ITEMS,
      openMax: OPEN_MAX,
      options: { ...OPTIONS, firstLease },
      rules: this.#bug?.rules ?? {},
      balancer: createBalancer(this.#balancer, { random: port.random }),
      sink: this,
      tellsLost: this.#tellsLost,
      pinnedTo: (item) => (item % PINNED_EVERY === 0 ? 1 + ((textTag(`owner ${item}`) >>> 0) % WORKERS) : undefined),
      send: (from, to, message) => this.#send(from, to, message),
    });
    return Object.assign(master, { end: () => this.#add(master) });
  }

  #add({ counts }: LeaseMasterProcess): void {
    this.#sums.assigned += counts.assigned;
    this.#sums.hedges += counts.hedges;
    this.#sums["hedge wins"] += counts.hedgeWins;
    this.#sums["taken back"] += counts.takenBack;
    this.#sums.resumed += counts.resumed;
    this.#sums.late += counts.late;
    this.#sums.failovers += counts.failedElsewhere;
  }

  #send(port: Port<LeaseMessage>, to: number, message: LeaseMessage): void {
    if (this.#hasLinks) port.sendStream(to, message);
    else port.send(to, message);
  }

  /** The master may have noticed, and keep work from it. */
  #crash(world: Stage<LeaseMessage>["world"], node: number, worker: LeaseWorkerProcess, forMs: number): void {
    worker.isCrashing = true;
    if (!chance(this.#random, 0.5)) return;
    world.poke(MASTER, (process, nowMs) => {
      const suspend = { type: "suspend", id: nameOf(node), untilMs: nowMs + forMs, reason: "crash loop" } as const;
      (process as LeaseMasterProcess).feed(suspend, nowMs);
    });
  }

  #recover(worker: LeaseWorkerProcess): void {
    worker.slowness = 1;
    worker.isCrashing = false;
  }

  #tell(world: Stage<LeaseMessage>["world"], input: Parameters<LeaseMasterProcess["feed"]>[0]): void {
    world.poke(MASTER, (process, nowMs) => (process as LeaseMasterProcess).feed(input, nowMs));
  }
}

function masterOf(world: Stage<LeaseMessage>["world"]): LeaseMasterProcess | undefined {
  return world.nodes[MASTER]!.process as LeaseMasterProcess | undefined;
}
