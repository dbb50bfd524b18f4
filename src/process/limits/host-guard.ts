/**
 * One host's guard: says how it is spawned, watches it while it lives, and at its end kills what is left of its process
 * group, gives its directory and its control group back, and tells whether a limit was the cause.
 */
import type { HostCgroup } from "./cgroup.ts";
import { type Environment, hostEnvironment } from "./environment.ts";
import { type EndOfHost, explainExit } from "./explain-exit.ts";
import type { HostLimits, LimitExceeded } from "./host-limits.ts";
import type { HostWatch, Watched } from "./host-watch.ts";
import { markerOf } from "./instance.ts";
import { killQuietly } from "./marked-processes.ts";
import { dataLimitBytes, hasShell, withResourceLimits } from "./resource-limits.ts";
import { removeDirectory } from "./work-directory.ts";

/** What a guard needs of the keeper. */
export interface Keeper {
  readonly instance: string;
  readonly watch: HostWatch;
  spawned(): void;
  /** Groups can be made and not be used: the next hosts do without. */
  groupsRefused(): void;
  ended(host: number, group: HostCgroup | undefined): void;
}

export interface GuardedHost {
  readonly host: number;
  readonly argv: readonly string[];
  readonly pool: Environment;
  readonly passEnv: readonly string[];
  readonly limits: HostLimits;
  readonly sharedBytes: number;
  readonly directory: string | undefined;
  readonly group: HostCgroup | undefined;
}

export interface SpawnSettings {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
}

/** Pages of the program's own file, which the peak counts and the limit does not. */
const PROGRAM_BYTES = 64 * 2 ** 20;

export class HostGuard {
  readonly #keeper: Keeper;
  readonly #host: GuardedHost;
  readonly #refusesMemory: boolean;
  readonly settings: SpawnSettings;
  #watched: Watched | undefined;

  constructor(keeper: Keeper, host: GuardedHost) {
    this.#keeper = keeper;
    this.#host = host;
    const { argv, directory, group, limits, passEnv, pool } = host;
    this.#refusesMemory =
      !group && hasShell() && dataLimitBytes(limits.memoryBytes ?? Number.POSITIVE_INFINITY) !== undefined;
    this.settings = {
      argv: hasShell() ? withResourceLimits(argv, limits, !group) : argv,
      env: hostEnvironment(pool, passEnv, markerOf(keeper.instance, host.host)),
      cwd: directory,
    };
  }

  /** The process is there. `exceeded` is called at most once; killing it is the caller's. */
  watch(pid: number, exceeded: (how: LimitExceeded) => void): void {
    const { group, limits } = this.#host;
    group?.adopt(pid, () => this.#keeper.groupsRefused());
    this.#watched = { pid, limits, exceeded, outOfMemory: () => group?.outOfMemory() ?? false };
    this.#keeper.watch.add(this.#watched);
    this.#keeper.spawned();
  }

  /** Call it as soon as the end is seen, or when the spawn has failed. The limit behind it, if that was the cause. */
  ended(end?: EndOfHost): LimitExceeded | undefined {
    const { directory, group, host, limits, sharedBytes } = this.#host;
    if (this.#watched) {
      this.#keeper.watch.remove(this.#watched);
      // The number is not given to another process while its group has members, nor in the microseconds since its end.
      killQuietly(-this.#watched.pid, "SIGKILL");
    }
    const evidence = {
      outOfMemory: group?.outOfMemory() ?? false,
      refusesMemory: this.#refusesMemory,
      sharedBytes: sharedBytes + PROGRAM_BYTES,
    };
    const cause = end && explainExit(limits, end, evidence);
    for (const pid of group?.pids() ?? []) killQuietly(pid, "SIGKILL");
    this.#keeper.ended(host, group);
    if (directory !== undefined) void removeDirectory(directory);
    return cause;
  }
}
