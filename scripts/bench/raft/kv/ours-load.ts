/** The load on our masters: a program of its own. Takes the work as JSON in its first argument, prints figures as one line. */
import { connectData, Node, type StrongMap } from "../../../../src/app/node/library.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { askFor, type Figures } from "../../common/figures.ts";
import type { Via } from "./ours.ts";
import type { KvWork } from "./work.ts";

interface Work extends KvWork {
  readonly via: Via;
  readonly endpoints: readonly string[];
  readonly dataDir: string;
}

const FILL_AT_ONCE = 100;

const work = JSON.parse(process.argv[2]!) as Work; // by the benchmark
const random = seededRandom(1);
const value = Uint8Array.from({ length: work.valueBytes }, () => random.below(256));
const node = work.via === "links" ? await startNode(work) : undefined;
const data = node?.data ?? (await connectData({ nodes: work.endpoints, dataDir: work.dataDir }));
const map = data.map("bench");
await fill(map);
const all: Figures[] = [];
for (const { clients, ms, op, warmMs } of work.steps) {
  const ask = (): Promise<unknown> => {
    const key = keyOf(random.below(work.keys));
    return op === "put" ? map.put(key, value) : map.get(key);
  };
  await askFor(warmMs, clients, ask);
  all.push(await askFor(ms, clients, ask));
}
console.log(JSON.stringify(all));
await node?.stop();
process.exit(0); // whatever connections a pool keeps

function startNode({ dataDir, endpoints }: Work): Promise<Node> {
  return Node.start({ alias: "load", seeds: endpoints, pmd: false, dataDir, logger: { level: "error" } });
}

async function fill(target: StrongMap): Promise<void> {
  for (let from = 0; from < work.keys; from += FILL_AT_ONCE) {
    const keys = Array.from({ length: Math.min(FILL_AT_ONCE, work.keys - from) }, (_, at) => keyOf(from + at));
    await Promise.all(keys.map((key) => target.put(key, value)));
  }
}

function keyOf(index: number): string {
  return `key-${String(index).padStart(6, "0")}`;
}
