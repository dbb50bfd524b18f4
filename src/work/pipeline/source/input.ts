/**
 * One input as the cutting code sees it: bytes at an offset. A regular file is read in place, a compressed file or a pipe
 * as a stream that is kept as far as it may be asked for again.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import type { FileHead } from "./source.ts";

export interface Filled {
  readonly bytes: number;
  /** Nothing follows these bytes. */
  readonly atEnd: boolean;
}

export interface Input {
  readonly path: string;
  /** Undefined for anything but a regular file. */
  readonly timeMs: number | undefined;
  readonly head: FileHead;
  /** Undefined for what can only be read forwards. */
  readonly sizeBytes: number | undefined;
  /**
   * Fills the target with the bytes from `offset` on: all of it, unless the input ends or, a pipe only, has nothing more
   * for now and gave more than `known` bytes. `offset` never goes back behind an earlier one
   * where `sizeBytes` is undefined.
   */
  read(target: Uint8Array, offset: number, known?: number): Promise<Filled>;
  /** Bytes of the file, as it lies on the disk, used up when everything before `offset` is. */
  progressBytes(offset: number): number;
  close(): Promise<void>;
}

export interface StreamWait {
  readonly clock: Clock;
  /** How long a pipe may keep a batch waiting that has at least one record. */
  readonly lingerMs: number;
}

export function readFailed(path: string, offset: number, thrown: unknown): Failure {
  return new Failure("source.read_failed", `cannot read ${path} at byte ${offset}: ${messageOf(thrown)}`, {
    cause: thrown,
  });
}

export function shortened(path: string, wanted: number, actual: number): Failure {
  return new Failure(
    "source.shortened",
    `cannot go on in ${path} at byte ${wanted}: it ends at byte ${actual}; restore the file or start over with --fresh`,
  );
}
