/** What disks and shared memory mean for checkpoints and batches. Pure: figures in, words out. */
import { formatBytes, formatDurationMs } from "../../base/units.ts";
import { bad, type Diagnosis, ok, warn } from "./check.ts";

/** Edges of a pipeline with one stage: source to stage, stage to sink. Below that nothing runs. */
const EDGES_LEAST = 2;
/** Of the pipeline that is shipped, with five stages. */
const EDGES_USUAL = 6;

export interface SharedMemoryFacts {
  readonly directory: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Where segments lie instead when the first place is full. */
  readonly insteadDirectory: string;
  readonly insteadFreeBytes: number;
  /** Default of the setting `memory`: what one edge may grow to. */
  readonly edgeBytes: number;
}

export function judgeSharedMemory(facts: SharedMemoryFacts): Diagnosis {
  const { directory, edgeBytes, freeBytes, insteadDirectory, insteadFreeBytes, totalBytes } = facts;
  const edges = Math.floor(freeBytes / edgeBytes);
  const each = `${formatBytes(edgeBytes)} between two stages`;
  const found = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free in ${directory}, room for ${edges} times ${each}`;
  if (edges >= EDGES_USUAL) return ok(found);
  const advice = `enlarge ${directory} (mount -o remount,size=2G ${directory}; docker run --shm-size=2g), or set|memory=16MiB,batch_bytes=256KiB,max_record_bytes=256KiB in the pipeline file`;
  if (edges >= EDGES_LEAST)
    return warn(`${found}; longer pipelines go on in ${insteadDirectory}, which is slower`, advice);
  if (insteadFreeBytes >= EDGES_LEAST * edgeBytes) {
    return warn(`${found}; batches will lie in files in ${insteadDirectory}, which is slower`, advice);
  }
  return bad(`${found}, and ${insteadDirectory} has only ${formatBytes(insteadFreeBytes)}: no pipeline starts`, advice);
}

/** A checkpoint syncs the output, then the database twice. */
const SYNCS_A_CHECKPOINT = 3;
/** Of the default checkpoint_interval of 500 ms, a checkpoint then takes a tenth and more. */
const SYNC_MS_SLOW = 20;

export interface SyncFacts {
  readonly medianMs: number;
  readonly maxMs: number;
  readonly count: number;
  readonly fileSystem: string;
}

const IN_MEMORY: ReadonlySet<string> = new Set(["tmpfs", "ramfs"]);
const REMOTE: ReadonlySet<string> = new Set(["nfs", "smb", "cifs", "fuse"]);

export function judgeSync({ medianMs, maxMs, count, fileSystem }: SyncFacts): Diagnosis {
  const times = `fdatasync takes ${formatDurationMs(medianMs)} (median of ${count}, most ${formatDurationMs(maxMs)}) on ${fileSystem}`;
  const found = `${times}: a checkpoint about ${formatDurationMs(medianMs * SYNCS_A_CHECKPOINT)}`;
  if (IN_MEMORY.has(fileSystem)) {
    return warn(`${found}; this is memory: checkpoints do not outlive the machine`, "choose a --data-dir on a disk");
  }
  if (medianMs >= SYNC_MS_SLOW) {
    return warn(found, "choose a --data-dir on a faster disk, or a longer checkpoint_interval in the pipeline file");
  }
  if (REMOTE.has(fileSystem)) {
    return warn(`${found}; locks over a network are not dependable`, "choose a --data-dir on a local disk");
  }
  return ok(found);
}

/** Below this a run with dead letters and checkpoints can fill the disk within minutes. */
const DISK_BYTES_ENOUGH = 2 ** 30;
const DISK_BYTES_LEAST = 64 * 2 ** 20;
const INODES_LEAST = 1000;

export interface DiskFacts {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Undefined where the file system has no such count. */
  readonly freeInodes: number | undefined;
}

export function judgeDiskSpace({ freeBytes, freeInodes, totalBytes }: DiskFacts): Diagnosis {
  const found = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
  const advice = "free some space, or choose a --data-dir on another disk";
  if (freeInodes !== undefined && freeInodes < INODES_LEAST)
    return bad(`${found}, but only ${freeInodes} files can be made`, advice);
  if (freeBytes < DISK_BYTES_LEAST) return bad(found, advice);
  return freeBytes < DISK_BYTES_ENOUGH ? warn(found, advice) : ok(found);
}

const GROUP_OR_OTHERS_WRITE = 0o022;
const GROUP_OR_OTHERS = 0o077;

export interface DirectoryFacts {
  readonly path: string;
  /** What is there: the directory itself, or the nearest one above it. */
  readonly existing: string;
  readonly mode: number;
  readonly ownedByUs: boolean;
  /** In words why nothing can be written there; undefined when it can. */
  readonly unwritable: string | undefined;
}

export function judgeDirectory({ existing, mode, ownedByUs, path, unwritable }: DirectoryFacts): Diagnosis {
  const made = existing === path;
  if (unwritable !== undefined) {
    return bad(
      `${path} cannot be ${made ? "written" : "made"}: ${unwritable}`,
      `give ${existing} to this user, or choose another --data-dir`,
    );
  }
  if (!made) return ok(`${path} will be made, for this user alone`);
  const rights = (mode & 0o777).toString(8).padStart(4, "0");
  if (!ownedByUs) return warn(`${path} belongs to another user`, `chown it to the user that runs pipelines`);
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0) {
    return bad(`${path} has mode ${rights}: others may change checkpoints and keys in it`, `chmod 700 ${path}`);
  }
  if ((mode & GROUP_OR_OTHERS) !== 0) {
    return warn(`${path} has mode ${rights}: others may read what lies in it`, `chmod 700 ${path}`);
  }
  return ok(`${path} is this user's alone (mode ${rights})`);
}
