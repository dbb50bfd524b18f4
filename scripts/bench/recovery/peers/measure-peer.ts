/**
 * One supervisor measured: how long a killed child is away, what the supervisor takes in memory, alone and for each child,
 * and what becomes of the children when the supervisor itself is killed.
 */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { pause, systemClock } from "../../../../src/base/clock.ts";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import { descendantsOfAllThreads, type Memory, memoryOf } from "../../common/process-tree.ts";
import { mean } from "../../common/statistics.ts";
import { Hub } from "./hub.ts";
import type { Peer, Supervising } from "./peer.ts";

export interface PeerFigures {
  readonly label: string;
  readonly children: number;
  /** Each kill's time until another process of the same name had answered. */
  readonly recoveriesMs: readonly number[];
  readonly before: Memory;
  readonly after: Memory;
  readonly withOneChild: Memory;
  /** One child's, on average. */
  readonly child: Memory;
  /** Children that live on after kill -9 of the supervisor. */
  readonly orphans: { readonly ofIdle: number; readonly ofMinding: number; readonly started: number };
}

const CHILDREN = 10;
const ORPHAN_CHILDREN = 3;
/** PM2 needs some seconds for its daemon; beyond this something is wrong. */
const START_MS_MAX = 60_000;
const RECOVERY_MS_MAX = 30_000;
/** Garbage of the start is collected, and processes have come to rest. */
const SETTLE_MS = 3_000;
/** Children that go with their supervisor have gone long before. */
const ORPHAN_WAIT_MS = 3_000;
const CALM_MS_MIN = 20;
const CALM_MS_SPREAD = 40;

export async function measurePeer(peer: Peer, kills: number, directory: string): Promise<PeerFigures> {
  const withOneChild = await withFamily(peer, directory, { count: 1 }, async ({ hub, supervising }) => {
    await pause(systemClock, SETTLE_MS);
    return supervisorMemory(supervising, hub);
  });
  const killed = await withFamily(peer, directory, { count: CHILDREN }, (family) => killAndLook(family, kills));
  const ofIdle = await orphansOf(peer, directory, false);
  const ofMinding = await orphansOf(peer, directory, true);
  const orphans = { ofIdle, ofMinding, started: ORPHAN_CHILDREN };
  return { label: peer.label, children: CHILDREN, ...killed, withOneChild, orphans };
}

interface Started {
  readonly hub: Hub;
  readonly supervising: Supervising;
  readonly names: readonly string[];
}

async function withFamily<T>(
  peer: Peer,
  directory: string,
  { count, mindsInput = false }: { readonly count: number; readonly mindsInput?: boolean },
  work: (started: Started) => Promise<T>,
): Promise<T> {
  const place = mkdtempSync(join(directory, `${peer.name}-`));
  const names = Array.from({ length: count }, (_, index) => `child-${index}`);
  using hub = new Hub(join(place, "hub.sock"));
  const supervising = await peer.start({ hub: hub.path, names, mindsInput, directory: place });
  try {
    await hub.until(`${count} children of ${peer.name} serve`, () => hub.serving().size === count, START_MS_MAX);
    return await work({ hub, supervising, names });
  } finally {
    await supervising.stop();
  }
}

async function killAndLook({ hub, supervising, names }: Started, kills: number) {
  await pause(systemClock, SETTLE_MS);
  const before = supervisorMemory(supervising, hub);
  const child = average([...hub.serving().values()].map(memoryOf));
  const random = seededRandom(11);
  const recoveriesMs: number[] = [];
  while (recoveriesMs.length < kills) recoveriesMs.push(await killOne(hub, names, random));
  await pause(systemClock, SETTLE_MS);
  return { recoveriesMs, before, child, after: supervisorMemory(supervising, hub) };
}

async function killOne(hub: Hub, names: readonly string[], random: Random): Promise<number> {
  await pause(systemClock, CALM_MS_MIN + random.below(CALM_MS_SPREAD));
  const name = names[random.below(names.length)]!;
  const pid = hub.serving().get(name);
  if (pid === undefined) throw new Error(`${name} does not serve, though nobody has killed it`);
  const killedMs = systemClock.monotonic();
  process.kill(pid, "SIGKILL");
  const { atMs } = await hub.successor(name, pid, RECOVERY_MS_MAX);
  return atMs - killedMs;
}

/** Everything below the supervisor that is no child of the comparison belongs to it. */
function supervisorMemory({ pid }: Supervising, hub: Hub): Memory {
  const children = new Set(hub.serving().values());
  const parts = descendantsOfAllThreads(pid).filter((each) => !children.has(each));
  return parts.map(memoryOf).reduce((sum, { ownBytes, residentBytes }) => ({
    ownBytes: sum.ownBytes + ownBytes,
    residentBytes: sum.residentBytes + residentBytes,
  }));
}

function average(all: readonly Memory[]): Memory {
  return {
    ownBytes: mean(all.map(({ ownBytes }) => ownBytes)),
    residentBytes: mean(all.map(({ residentBytes }) => residentBytes)),
  };
}

async function orphansOf(peer: Peer, directory: string, mindsInput: boolean): Promise<number> {
  return withFamily(peer, directory, { count: ORPHAN_CHILDREN, mindsInput }, async ({ hub, supervising }) => {
    process.kill(supervising.pid, "SIGKILL");
    await hub.until("the children have gone", () => hub.serving().size === 0, ORPHAN_WAIT_MS).catch(() => {}); // those that stay are the answer
    const left = [...hub.serving().values()];
    for (const pid of left) process.kill(pid, "SIGKILL");
    await hub.until("the orphans are gone", () => hub.serving().size === 0, START_MS_MAX);
    return left.length;
  });
}
