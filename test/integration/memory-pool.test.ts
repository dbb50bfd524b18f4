/**
 * The shared-memory pool with real processes: children that map an inherited descriptor, move bytes through slots and
 * are killed (-9) while they hold leases.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type Lease, MIN_SLOT_BYTES, Pool, type Segment, SharedMemory } from "../../src/process/memory/index.ts";

const CHILD = join(import.meta.dir, "memory-pool-child.ts");
const SEGMENT_BYTES = 16 * MIN_SLOT_BYTES;
/** Index in the child's `stdio` list, hence the descriptor under which it finds the segment. */
const CHILD_FD = 3;

interface Child {
  readonly pid: number;
  readonly exited: Promise<number>;
  ask(line: string): Promise<string>;
  kill(): Promise<void>;
}

const started: Child[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) await child.kill();
});

function startChild(segment: Segment): Child {
  const subprocess = Bun.spawn([process.execPath, CHILD, String(CHILD_FD), String(segment.sizeBytes)], {
    stdio: ["pipe", "pipe", "inherit", segment.fd],
    env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1" },
  });
  const [stdin, stdout] = [subprocess.stdin as Bun.FileSink, subprocess.stdout as ReadableStream<Uint8Array>];
  const answers = lines(stdout);
  const child: Child = {
    pid: subprocess.pid,
    exited: subprocess.exited,
    ask: async (line) => {
      stdin.write(`${line}\n`);
      await stdin.flush();
      const answer = await answers.next();
      return answer.done ? "(ended)" : answer.value;
    },
    kill: async () => {
      subprocess.kill("SIGKILL");
      await subprocess.exited;
    },
  };
  started.push(child);
  return child;
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

function poolOfSegment(): { memory: SharedMemory; segment: Segment; pool: Pool } {
  const memory = new SharedMemory();
  const segment = memory.createSegment(SEGMENT_BYTES);
  return { memory, segment, pool: new Pool(segment.view, systemClock) };
}

describe("Pool with child processes", () => {
  test("attachSegment() in a child reads and writes the bytes of the parent's lease", async () => {
    const { segment, pool } = poolOfSegment();
    const child = startChild(segment);
    const lease = pool.tryLease(1000, "child")!;
    lease.view.fill(5);
    expect(await child.ask(`sum ${lease.offset} ${lease.sizeBytes}`)).toBe("5000");
    expect(await child.ask(`fill ${lease.offset} ${lease.sizeBytes} 6`)).toBe("done");
    expect(lease.view.every((byte) => byte === 6)).toBe(true);
    segment.close();
  });

  test("attachSegment() refuses a slot outside of the segment, and the child lives on", async () => {
    const { segment } = poolOfSegment();
    const child = startChild(segment);
    expect(await child.ask(`fill ${SEGMENT_BYTES - 10} 11 1`)).toBe("memory.slot_out_of_range");
    expect(await child.ask("sum 0 10")).toBe("0");
    segment.close();
  });

  test("createSegment() keeps its descriptor from children and grandchildren that were not given it", async () => {
    const { segment } = poolOfSegment();
    const child = startChild(segment);
    expect(await child.ask("grandchild-segments")).toBe("0");
    const stranger = Bun.spawn(["ls", "-l", "/proc/self/fd"], { stdout: "pipe" });
    expect(await stranger.stdout.text()).not.toContain("distributed_system-");
    segment.close();
  });

  test("createSegment() leaves nothing in the file system when its owner is killed", async () => {
    const { segment } = poolOfSegment();
    const child = startChild(segment);
    expect(await child.ask("own-segment")).toBe("made");
    await child.kill();
    expect(readdirSync("/dev/shm").filter((name) => name.startsWith(`distributed_system-${child.pid}-`))).toEqual([]);
    segment.close();
  });

  test("releaseOwner() gives all of a killed child's bytes to who waits, again and again", async () => {
    const { segment, pool } = poolOfSegment();
    for (let round = 0; round < 5; round++) {
      const child = startChild(segment);
      const owner = `child ${child.pid}`;
      const leases = Array.from({ length: 16 }, () => pool.tryLease(MIN_SLOT_BYTES, owner)!);
      expect(pool.tryLease(1, "parent")).toBeUndefined();
      const wait = pool.lease(SEGMENT_BYTES, "parent");
      await child.ask(`fill ${leases[0]!.offset} ${MIN_SLOT_BYTES} 9`);
      await child.kill();
      expect(pool.releaseOwner(owner)).toBe(16);
      (await wait).release();
    }
    expect(pool.statistics()).toMatchObject({ usedBytes: 0, leases: 0, reclaimed: 80 });
    segment.close();
  });

  test("lease() keeps children apart while they write and are killed at random", async () => {
    const { segment, pool } = poolOfSegment();
    const kills = await churn(segment, pool, 20261121);
    expect(kills).toBeGreaterThan(3);
    expect(pool.statistics()).toMatchObject({ usedBytes: 0, leases: 0, waiters: 0 });
    expect(pool.tryLease(SEGMENT_BYTES, "last")).toBeDefined();
    segment.close();
  }, 20_000);
});

const WORKERS = 3;
const ROUNDS_PER_WORKER = 40;
const KILL_CHANCE = 0.08;

/** Workers lease, fill their slot through a child with a mark of their own, check it, and lose the child now and then. */
async function churn(segment: Segment, pool: Pool, seed: number): Promise<number> {
  const random = seededRandom(seed);
  let kills = 0;
  const worker = async (mark: number): Promise<void> => {
    let child = startChild(segment);
    for (let round = 0; round < ROUNDS_PER_WORKER; round++) {
      const owner = `child ${child.pid}`;
      const lease = await pool.lease(1 + random.below(SEGMENT_BYTES / 2), owner);
      if (random.next() < KILL_CHANCE) {
        void child.ask(fillOrder(lease, mark));
        await child.kill();
        expect(pool.releaseOwner(owner)).toBe(1);
        child = startChild(segment);
        kills++;
        continue;
      }
      expect(await child.ask(fillOrder(lease, mark))).toBe("done");
      expect(lease.view.every((byte) => byte === mark)).toBe(true);
      lease.release();
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, index) => worker(index + 1)));
  return kills;
}

function fillOrder(lease: Lease, mark: number): string {
  return `fill ${lease.offset} ${lease.sizeBytes} ${mark}`;
}
