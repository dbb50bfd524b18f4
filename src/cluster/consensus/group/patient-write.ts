/** Writes to a log that may have no room for a while: the same write is tried again, and what depends on it waits. */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Entry, HardState } from "../../../protocol/raft/index.ts";
import type { GroupLog } from "./ports.ts";

/** Little against the time in which a person makes room. */
const AGAIN_MS = 500;
/** A leader that cannot write holds up all the others: it gives up then, and one of them leads. */
const TRIES_MAX = 10;

export interface PatientWritePorts {
  readonly log: Pick<GroupLog, "persist">;
  readonly clock: Clock;
  readonly tell: (text: string) => void;
  readonly defer: (callback: () => void) => void;
  /** Nobody else could go on: there is no end to the patience. */
  readonly isAlone: boolean;
  readonly isLeader: boolean;
  readonly isClosed: () => boolean;
}

/** Durable when it returns, or when that resolves. Fails as the log does. */
export function writePatiently(
  ports: PatientWritePorts,
  hardState: HardState | undefined,
  entries: readonly Entry[],
): void | Promise<void> {
  if (!ports.isLeader || ports.isAlone) return writeNow(ports, hardState, entries);
  // A write at once stands in the way of everything: what a leader has just said leaves first, and others write at the same time.
  return new Promise<void>((resolve) => ports.defer(resolve)).then(() => writeNow(ports, hardState, entries));
}

function writeNow(
  ports: PatientWritePorts,
  hardState: HardState | undefined,
  entries: readonly Entry[],
): void | Promise<void> {
  const again = (thrown: unknown): Promise<void> => writeAgain(thrown, ports, hardState, entries);
  try {
    return ports.log.persist(hardState, entries)?.catch(again);
  } catch (thrown) {
    return again(thrown);
  }
}

async function writeAgain(
  failed: unknown,
  { clock, isAlone, isClosed, log, tell }: PatientWritePorts,
  ...what: Parameters<GroupLog["persist"]>
): Promise<void> {
  let thrown = failed;
  for (let tries = 1; ; tries++) {
    if (!(thrown instanceof Failure) || !thrown.retryable || isClosed()) throw thrown;
    if (tries > TRIES_MAX && !isAlone) throw thrown;
    if (tries === 1) tell(`${thrown.message}; tried again until there is room`);
    await pause(clock, AGAIN_MS);
    try {
      return await log.persist(...what);
    } catch (again) {
      thrown = again;
    }
  }
}
