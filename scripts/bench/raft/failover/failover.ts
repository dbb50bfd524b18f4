/**
 * Leaders that are killed with -9, one after the other: how long until a write that began after the kill is acknowledged by the others. The
 * writer is a program with a node of its own. Meanwhile callers count in a replicated counter: at the end it has to be what was acknowledged.
 */
import { join } from "node:path";
import { type Counter, connectData, Failure, Node } from "../../../../src/app/node/library.ts";
import { pause, systemClock } from "../../../../src/base/clock.ts";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import { quantile } from "../../common/statistics.ts";
import { table } from "../../common/table.ts";
import { Masters } from "../masters.ts";
import type { Options } from "../options.ts";
import type { Site } from "../site.ts";

const MASTERS = 3;
const COUNTERS_AT_ONCE = 4;
/** Between the group being whole and the next kill: not always in the same moment of a heart-beat. */
const CALM_MS = 300;

interface Times {
  /** Of the first write that began after the kill. */
  readonly written: number;
  /** Of the dead process, started again, until it has all. */
  readonly whole: number;
}

/** False when an acknowledged write was lost or done twice. */
export async function measureFailover(site: Site, { kills }: Options): Promise<boolean> {
  await using masters = await Masters.start({
    executable: site.executable,
    directory: join(site.directory, "failover"),
    size: MASTERS,
  });
  const seeds = masters.addresses;
  const node = await Node.start({
    ...{ alias: "writer", seeds, pmd: false, dataDir: masters.dataDir },
    logger: { level: "error" },
  });
  try {
    const counting = new Counting(node.data.counter("kills"));
    const random = seededRandom(1);
    const times: Times[] = [];
    for (let kill = 1; kill <= kills; kill++) {
      times.push(await killLeader(masters, node, random));
      if (kill % 20 === 0) console.error(`${kill} of ${kills} leaders killed …`);
    }
    const { acknowledged, unknown } = await counting.stop();
    const data = await connectData({ nodes: masters.addresses, dataDir: masters.dataDir });
    return report(times, { acknowledged, unknown, sum: await data.counter("kills").get() });
  } finally {
    await node.stop();
  }
}

async function killLeader(masters: Masters, { data }: Node, random: Random): Promise<Times> {
  const leader = await masters.untilWhole();
  await pause(systemClock, CALM_MS + random.below(CALM_MS));
  const killedMs = performance.now();
  const killed = masters.kill(leader);
  await data.map("failover").put("leader", leader);
  const written = performance.now() - killedMs;
  await killed;
  const startedMs = performance.now();
  masters.spawn(leader);
  await masters.untilWhole();
  return { written, whole: performance.now() - startedMs };
}

/** Callers that add one, again and again. */
class Counting {
  readonly #counter: Counter;
  readonly #loops: readonly Promise<void>[];
  #isOver = false;
  #acknowledged = 0;
  #unknown = 0;

  constructor(counter: Counter) {
    this.#counter = counter;
    this.#loops = Array.from({ length: COUNTERS_AT_ONCE }, () => this.#loop());
  }

  async stop(): Promise<{ readonly acknowledged: number; readonly unknown: number }> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    return { acknowledged: this.#acknowledged, unknown: this.#unknown };
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#counter.add();
        this.#acknowledged++;
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.code !== "data.unknown_outcome") throw thrown;
        this.#unknown++;
      }
    }
  }
}

function report(
  times: readonly Times[],
  { acknowledged, sum, unknown }: { readonly acknowledged: number; readonly unknown: number; readonly sum: number },
): boolean {
  const row = (title: string, values: readonly number[]): string[] => [
    title,
    ...[0.5, 0.99, 1].map((share) => `${Math.round(quantile(values, share))} ms`),
  ];
  const kills = `${times.length} leaders killed with -9`;
  const rows = [
    row(
      "to the first acknowledged write",
      times.map(({ written }) => written),
    ),
    row(
      "started again, to having all",
      times.map(({ whole }) => whole),
    ),
  ];
  const isRight = sum >= acknowledged && sum <= acknowledged + unknown;
  const verdict = isRight ? "none lost, none done twice" : "WRONG";
  const counted = `${acknowledged} additions acknowledged, ${unknown} of unknown outcome, the counter says ${sum}: ${verdict}`;
  console.log(`${table([kills, "p50", "p99", "max"], rows)}\n${counted}\n`);
  return isRight;
}
