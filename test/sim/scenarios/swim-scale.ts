/**
 * Scenario `swim-scale`: clusters of 50 to 1,000 nodes, one size a seed. What a node sends in a quiet minute must not depend on
 * how many others there are, and when one more joins, all must know within ten protocol periods. Prints a row of the table.
 */
import { lanOptions, type SwimMessage, type SwimOptions } from "../../../src/protocol/swim/index.ts";
import { defineScenario, type Setup, type Stage } from "../run/index.ts";
import { CALM, total } from "../world/index.ts";
import { SwimCast, simulated } from "./swim-cast.ts";
import { idOf } from "./swim-nodes.ts";

export const SCALE_SIZES = [50, 100, 200, 500, 1_000] as const;

/** All nodes start within this time, as after a deployment. */
const START_MS = 5_000;
/** The news of 1,000 starts at once has been told as often as it has to be after 100 s: counting begins. */
const SETTLED_MS = 120_000;
const COUNTED_MS = 60_000;
const OPTIONS: SwimOptions = simulated(lanOptions(SCALE_SIZES.at(-1)));
const JOIN_PERIODS_MAX = 10;
/** A probe and its answer each period, and as much for others: two sent, and a comparison of views now and then. */
const MESSAGES_PER_SECOND_MAX = 2.5;
const BYTES_PER_SECOND_MAX = 300;

interface Counted {
  readonly datagrams: number;
  readonly bytes: number;
}

export const swimScaleScenario = defineScenario<SwimMessage>({
  name: "swim-scale",
  summary: "50, 100, 200, 500 and 1,000 nodes (seeds 1 to 5): the same load for each, and a join known in 10 periods",
  faultsMs: SETTLED_MS + COUNTED_MS,
  convergeMs: JOIN_PERIODS_MAX * OPTIONS.probeIntervalMs,
  checkEveryMs: 30_000,
  seedsMax: SCALE_SIZES.length,
  bugs: {},
  cast: (setup) => new ScaledSwim(setup, SCALE_SIZES[(setup.seed - 1) % SCALE_SIZES.length]!),
});

class ScaledSwim extends SwimCast {
  readonly #size: number;
  #settled: Counted = { datagrams: 0, bytes: 0 };
  #counted: Counted = { datagrams: 0, bytes: 0 };
  #convergedMs = 0;

  constructor(setup: Setup, size: number) {
    super(setup, { nodes: size + 1, options: OPTIONS, weather: CALM, mix: { kinds: {} } });
    this.#size = size;
  }

  override begin({ world }: Stage<SwimMessage>): void {
    this.swim.enter(world);
    for (let node = 0; node < this.#size; node++) world.at((START_MS * node) / this.#size, () => world.start(node));
    world.at(SETTLED_MS, () => {
      this.#settled = this.#count();
    });
  }

  /** Time for the newcomer, who was not started by the healing alone: it never ran. */
  healed(): void {
    this.#counted = this.#count();
  }

  override goal({ world }: Stage<SwimMessage>): string | undefined {
    const { digest } = this.swim.machine(this.#size)!;
    for (const { index } of world.nodes) {
      const machine = this.swim.machine(index)!;
      if (machine.digest !== digest) return `node ${index} and the newcomer differ`;
      if (machine.member(idOf(this.#size))?.state !== "alive") return `node ${index} does not know the newcomer`;
    }
    this.#convergedMs = world.nowMs - SETTLED_MS - COUNTED_MS;
    return this.#tooMuch();
  }

  override measures(): Readonly<Record<string, number>> {
    return {};
  }

  report(): readonly string[] {
    const { bytes, datagrams } = this.#perSecond();
    const periods = this.#convergedMs / OPTIONS.probeIntervalMs;
    const cells = [String(this.#size), datagrams.toFixed(2), bytes.toFixed(0), periods.toFixed(2)];
    return [
      ...(this.#size === SCALE_SIZES[0] ? ["   nodes  messages/node/s  bytes/node/s  join known after periods"] : []),
      [8, 17, 14, 26].map((width, at) => cells[at]!.padStart(width)).join(""),
    ];
  }

  #tooMuch(): string | undefined {
    const { bytes, datagrams } = this.#perSecond();
    if (datagrams > MESSAGES_PER_SECOND_MAX)
      return `a node sends ${datagrams} messages a second, ${MESSAGES_PER_SECOND_MAX} are allowed`;
    return bytes > BYTES_PER_SECOND_MAX
      ? `a node sends ${bytes} bytes a second, ${BYTES_PER_SECOND_MAX} are allowed`
      : undefined;
  }

  #perSecond(): Counted {
    const perSecond = (from: number, to: number): number => ((to - from) * 1000) / COUNTED_MS / this.#size;
    return {
      datagrams: perSecond(this.#settled.datagrams, this.#counted.datagrams),
      bytes: perSecond(this.#settled.bytes, this.#counted.bytes),
    };
  }

  /** Datagrams and stream messages together. */
  #count(): Counted {
    const { datagramBytes, datagrams, streamBytes, streams } = this.swim.world.tally;
    return { datagrams: total(datagrams) + total(streams), bytes: total(datagramBytes) + total(streamBytes) };
  }
}
