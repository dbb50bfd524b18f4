/**
 * Scenario `lease-scaling`: workers that all take the same time for an item, an ordered sink, no faults. One row of the table a
 * seed: throughput must grow with the workers, and one that is ten times slower must cost little more than itself. The
 * last rows leave out hedging, to show what it does: the sink waits for the oldest item, and everybody with it.
 */
import { createBalancer } from "../../../src/protocol/balance/index.ts";
import type { HedgeOptions } from "../../../src/protocol/lease/index.ts";
import { type Cast, defineScenario, type Stage, Violation } from "../run/index.ts";
import { CALM, type Port, type Process } from "../world/index.ts";
import { type Fate, LeaseMasterProcess, type Sink } from "./lease-master.ts";
import { describeLease, type LeaseMessage, tagOfLease } from "./lease-messages.ts";
import { LeaseWorkerProcess } from "./lease-worker.ts";

interface Row {
  readonly workers: number;
  /** How many of them take ten times as long. */
  readonly slow: number;
  readonly hedges: boolean;
  /** Of the throughput that the workers have together when none is ever idle; undefined: for comparison only. */
  readonly leastShare?: number;
}

export const SCALING_ROWS: readonly Row[] = [
  { workers: 1, slow: 0, hedges: true, leastShare: 0.9 },
  { workers: 2, slow: 0, hedges: true, leastShare: 0.9 },
  { workers: 4, slow: 0, hedges: true, leastShare: 0.9 },
  { workers: 8, slow: 0, hedges: true, leastShare: 0.9 },
  { workers: 4, slow: 1, hedges: true, leastShare: 0.9 },
  { workers: 8, slow: 1, hedges: true, leastShare: 0.9 },
  { workers: 4, slow: 1, hedges: false },
  { workers: 8, slow: 1, hedges: false },
];

const SERVICE_MS = 20;
const SLOWNESS = 10;
/** One being worked on, one waiting while its predecessor's result and the next assignment are on their way. */
const WINDOW = 2;
/** A run's credits for each place of the workers: with 2 the sink's wait for a slow item stops the others, hedged or not. */
const OPEN_PER_PLACE = 4;
const ITEMS_PER_WORKER = 400;
const HEDGE: HedgeOptions = { quantile: 0.9, factor: 1.5, minMs: 10, maxMs: 2_000, maxShare: 0.2 };
/** By then the slowest of them is done. */
const DEADLINE_MS = 120_000;

export const leaseScalingScenario = defineScenario<LeaseMessage>({
  name: "lease-scaling",
  summary: `1 to 8 workers of equal speed, and one ten times slower (seeds 1 to ${SCALING_ROWS.length}): what they get done together`,
  faultsMs: 1,
  convergeMs: DEADLINE_MS,
  checkEveryMs: 1,
  seedsMax: SCALING_ROWS.length,
  bugs: {},
  cast: ({ seed }) => new ScalingCast(SCALING_ROWS[(seed - 1) % SCALING_ROWS.length]!),
});

class ScalingCast implements Cast<LeaseMessage>, Sink {
  readonly nodes: number;
  readonly weather = CALM;
  readonly upMin = 0;
  readonly mix = { kinds: {} };
  next = 0;
  readonly #row: Row;
  readonly #items: number;
  #master: LeaseMasterProcess | undefined;
  #nowMs = (): number => 0;
  #endMs = 0;

  constructor(row: Row) {
    this.#row = row;
    this.nodes = row.workers + 1;
    this.#items = ITEMS_PER_WORKER * row.workers;
  }

  readonly launch = (port: Port<LeaseMessage>): Process<LeaseMessage> => {
    if (port.index === 0) return this.#launchMaster(port);
    const worker = new LeaseWorkerProcess(port, {
      lanes: 1,
      serviceMs: SERVICE_MS,
      reportEveryMs: 200,
      isSteady: true,
      send: (from, message) => from.sendStream(0, message),
    });
    worker.slowness = port.index <= this.#row.slow ? SLOWNESS : 1;
    return worker;
  };

  begin({ world }: Stage<LeaseMessage>): void {
    this.#nowMs = () => world.nowMs;
    for (let node = 0; node < this.nodes; node++) world.start(node);
  }

  take(item: number, _fate: Fate): void {
    if (item !== this.next) throw new Violation(`the sink waits for item ${this.next} and gets ${item}`);
    this.next++;
    this.#endMs = this.#nowMs();
  }

  goal(): string | undefined {
    if (this.next < this.#items) return `item ${this.next} of ${this.#items} is missing`;
    const { leastShare } = this.#row;
    if (leastShare === undefined || this.#share >= leastShare) return undefined;
    return `${this.#row.workers} workers get ${this.#share.toFixed(2)} of their throughput done, ${leastShare} is required`;
  }

  measures(): Readonly<Record<string, number>> {
    return {};
  }

  report(): readonly string[] {
    const { hedges, slow, workers } = this.#row;
    const { cancelled, hedges: given } = this.#master!.counts;
    const cells = [
      workers,
      slow,
      hedges ? "yes" : "no",
      this.#perSecond.toFixed(0),
      this.#share.toFixed(3),
      given,
      cancelled,
    ];
    return [
      ...(this.#row === SCALING_ROWS[0] ? ["  workers  slow  hedging  items/s  of the ideal  hedges  cancelled"] : []),
      [9, 6, 9, 9, 14, 8, 11].map((width, at) => String(cells[at]).padStart(width)).join(""),
    ];
  }

  tagOf(message: LeaseMessage): number {
    return tagOfLease(message);
  }

  describe(message: LeaseMessage): string {
    return describeLease(message);
  }

  get #perSecond(): number {
    return (this.#items * 1000) / this.#endMs;
  }

  get #share(): number {
    const { slow, workers } = this.#row;
    return this.#perSecond / (((workers - slow + slow / SLOWNESS) * 1000) / SERVICE_MS);
  }

  #launchMaster(port: Port<LeaseMessage>): LeaseMasterProcess {
    const { hedges, workers } = this.#row;
    this.#master = new LeaseMasterProcess(port, {
      items: this.#items,
      openMax: workers * WINDOW * OPEN_PER_PLACE,
      options: { leaseMs: 3_000, workerWindow: () => WINDOW, ...(hedges && { hedge: HEDGE }) },
      rules: {},
      balancer: createBalancer("LEAST_CONNECTIONS", { random: port.random }),
      sink: this,
      tellsLost: true,
      pinnedTo: () => undefined,
      send: (from, to, message) => from.sendStream(to, message),
    });
    return this.#master;
  }
}
