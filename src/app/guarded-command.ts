/**
 * A command of somebody else's that must not outlive what it runs under, such as a lock: when it ends, what it has started ends; when this
 * program is killed, also with -9, all of it ends. It keeps this program's environment, terminal and process group.
 */
import { systemClock } from "../base/clock.ts";
import { Failure, messageOf } from "../base/errors.ts";
import { hostKeeper } from "../process/limits/index.ts";

export interface GuardedCommand {
  /** 128 and the signal's number when one has ended it. */
  readonly exited: Promise<number>;
  readonly signalCode: NodeJS.Signals | number | null;
  readonly isRunning: boolean;
  kill(signal: NodeJS.Signals): void;
}

export interface CommandOptions {
  /** Beside this program's own. */
  readonly env: Readonly<Record<string, string>>;
  /** On its standard input; without it that is this program's. */
  readonly stdin?: Uint8Array | undefined;
}

/** Fails with `usage.command` when it cannot be run. */
export function runGuarded(command: readonly string[], { env, stdin }: CommandOptions): GuardedCommand {
  const pool = { ...process.env, ...env };
  const keeper = hostKeeper(systemClock);
  keeper.warden.watch(); // before the command: whoever kills this program may be quick
  const guard = keeper.guard({ argv: command, pool, passEnv: Object.keys(pool), limits: {}, sharedBytes: 0 });
  try {
    const child = Bun.spawn([...guard.settings.argv], {
      env: guard.settings.env,
      stdin: stdin ?? "inherit",
      stdout: "inherit",
      stderr: "inherit",
    });
    guard.watch(child.pid, () => {}); // it has no limits
    return {
      exited: child.exited.finally(() => void guard.ended()),
      get signalCode() {
        return child.signalCode;
      },
      get isRunning() {
        return child.exitCode === null && child.signalCode === null;
      },
      kill: (signal) => child.kill(signal),
    };
  } catch (thrown) {
    guard.ended();
    const message = `running ${JSON.stringify(command[0])}: ${messageOf(thrown)}; a program that can be run is required`;
    throw new Failure("usage.command", message, { cause: thrown });
  }
}
