/** Looks at the data directory and at shared memory. Waits for a slow disk without holding up the other checks. */
import { constants } from "node:fs";
import { access, mkdtemp, open, rm, rmdir, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { settingSchema } from "../../work/pipeline/file/index.ts";
import { type Diagnosis, unknown } from "./check.ts";
import { judgeDirectory, judgeDiskSpace, judgeSharedMemory, judgeSync } from "./judge-storage.ts";

const SHARED_MEMORY = "/dev/shm";

export async function probeSharedMemory(): Promise<Diagnosis> {
  const instead = tmpdir();
  const [memory, disk] = [await spaceOf(SHARED_MEMORY), await spaceOf(instead)];
  return judgeSharedMemory({
    directory: SHARED_MEMORY,
    totalBytes: memory?.totalBytes ?? 0,
    freeBytes: memory?.freeBytes ?? 0,
    insteadDirectory: instead,
    insteadFreeBytes: disk?.freeBytes ?? 0,
    edgeBytes: settingSchema.memory.default,
  });
}

export async function probeDirectory(dataDir: string): Promise<Diagnosis> {
  const existing = await nearestExisting(dataDir);
  const { mode, uid } = await stat(existing);
  const own = process.getuid?.();
  return judgeDirectory({
    path: dataDir,
    existing,
    mode,
    ownedByUs: own === undefined || uid === own,
    unwritable: await whyUnwritable(existing),
  });
}

export async function probeDiskSpace(dataDir: string): Promise<Diagnosis> {
  const space = await spaceOf(await nearestExisting(dataDir));
  return space ? judgeDiskSpace(space) : unknown("the file system does not tell its space");
}

/** Enough for a median, and for the odd slow one to be seen. */
const SYNCS = 50;
/** A slow disk has shown itself by then. */
const SYNC_BUDGET_MS = 800;
/** What a checkpoint changes is about a page. */
const BLOCK_BYTES = 4096;

export async function probeSync(dataDir: string, clock: Clock): Promise<Diagnosis> {
  const place = await nearestExisting(dataDir);
  const why = await whyUnwritable(place);
  if (why !== undefined) return unknown(`nothing can be written in ${place}: ${why}`);
  const times = (await syncTimes(place, clock)).sort((a, b) => a - b);
  const medianMs = times[Math.floor(times.length / 2)]!;
  return judgeSync({ medianMs, maxMs: times.at(-1)!, count: times.length, fileSystem: await fileSystemOf(place) });
}

async function syncTimes(place: string, clock: Clock): Promise<number[]> {
  const folder = await mkdtemp(join(place, ".distributed_system-doctor-"));
  const path = join(folder, "probe");
  try {
    await using file = await open(path, "wx", 0o600);
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    const endMs = clock.monotonic() + SYNC_BUDGET_MS;
    const times: number[] = [];
    while (times.length < SYNCS && (times.length === 0 || clock.monotonic() < endMs)) {
      const fromMs = clock.monotonic();
      await file.write(block);
      await file.datasync();
      times.push(clock.monotonic() - fromMs);
    }
    return times;
  } finally {
    await rm(path, { force: true });
    await rmdir(folder);
  }
}

/** By its number in the kernel's `statfs`, for those that matter to the judgement or are usual. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xff534d42, "cifs"],
  [0x65735546, "fuse"],
  [0x794c7630, "overlay"],
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
]);

async function fileSystemOf(path: string): Promise<string> {
  const { type } = await statfs(path);
  return FILE_SYSTEMS.get(Number(type) >>> 0) ?? `a file system of type 0x${(Number(type) >>> 0).toString(16)}`;
}

async function spaceOf(path: string) {
  try {
    const { bavail, blocks, bsize, ffree, files } = await statfs(path);
    const freeInodes = files > 0 ? ffree : undefined;
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freeInodes };
  } catch {
    return undefined; // not there
  }
}

/** The path itself or the nearest directory above it. */
async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (at === dirname(at) || (await stat(at).catch(() => undefined))) return at;
  }
}

async function whyUnwritable(path: string): Promise<string | undefined> {
  if (!(await stat(path)).isDirectory()) return `${path} is no directory`;
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown);
  }
}
