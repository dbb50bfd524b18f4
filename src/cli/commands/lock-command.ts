/**
 * Runs a command while a lock is held. When the lock is lost the command is told to end, and is killed when it does not: whoever gets
 * the lock next must not find it at work, nor what it has started; they end with this program, too, when that is killed with -9. A
 * command that could do harm in those seconds compares the token, which is in its environment.
 */
import { runGuarded } from "../../app/guarded-command.ts";
import { pause, systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { EXIT } from "../command.ts";
import { untilSignal } from "../until-signal.ts";

/** Between SIGTERM and SIGKILL: most of what is left of the time that was not counted on. */
const GRACE_MS = 2_000;

interface Held {
  readonly token: number;
  readonly holder: string;
  readonly name: string;
  readonly lost: AbortSignal;
}

/** What it needs of a lock. */
export interface LockToRunUnder<Options> {
  withLock<T>(work: (held: Held) => Promise<T>, options: Options): Promise<T>;
}

/** The command's exit code; 1 when the lock was lost. Signals go to the command, and the lock is released when it has ended. */
export function runUnderLock<Options extends object>(
  lock: LockToRunUnder<Options & { readonly signal: AbortSignal }>,
  options: Options,
  command: readonly string[],
): Promise<number> {
  return untilSignal((signal) => lock.withLock((held) => run(held, command, signal), { ...options, signal }));
}

async function run(held: Held, command: readonly string[], signal: AbortSignal): Promise<number> {
  const child = runGuarded(command, { env: variablesOf(held) });
  const end = new AbortController();
  const kill = async (): Promise<void> => {
    child.kill("SIGTERM");
    await pause(systemClock, GRACE_MS, end.signal);
    if (child.isRunning) child.kill("SIGKILL");
  };
  const stop = (): void => void kill();
  for (const each of [held.lost, signal]) {
    if (each.aborted) stop();
    each.addEventListener("abort", stop, { once: true });
  }
  const code = await child.exited;
  end.abort();
  if (!held.lost.aborted) return code;
  process.stderr.write(`${messageOf(held.lost.reason)}; the command was ended\n`);
  return EXIT.failures;
}

function variablesOf({ holder, name, token }: Held): Readonly<Record<string, string>> {
  return {
    DISTRIBUTED_SYSTEM_LOCK: name,
    DISTRIBUTED_SYSTEM_LOCK_HOLDER: holder,
    DISTRIBUTED_SYSTEM_LOCK_TOKEN: String(token),
  };
}
