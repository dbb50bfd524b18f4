/**
 * What a daemon has for all its hosts together: its name, the one timer of the watch, the sweep, the warden, the place for
 * control groups; made with the first host. And for each host a guard: how to spawn it, and what to do at its end.
 */
import { basename, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { type CgroupHome, groupsNamed, type HostCgroup, hostCgroup, prepareCgroupHome, removeGroup } from "./cgroup.ts";
import type { Environment } from "./environment.ts";
import { HostGuard } from "./host-guard.ts";
import type { HostLimits } from "./host-limits.ts";
import { HostWatch } from "./host-watch.ts";
import { instanceState, ownInstance } from "./instance.ts";
import { Sweeper } from "./sweeper.ts";
import { Warden } from "./warden.ts";
import { clearStaleDirectories, instanceDirectory, makeWorkDirectory } from "./work-directory.ts";

export interface GuardRequest {
  readonly argv: readonly string[];
  /** Variables to choose from. */
  readonly pool: Environment;
  readonly passEnv: readonly string[];
  readonly limits: HostLimits;
  /** Base of the working directories; the daemon's own when left out. */
  readonly workDirectory?: string | undefined;
  /** Memory that the host maps and does not own: its segments. */
  readonly sharedBytes: number;
}

/** For a second keeper in one process, which must not take the first one's hosts for its own. */
export interface KeeperOptions {
  readonly instance?: string;
  readonly prepareHome?: typeof prepareCgroupHome;
}

const MIB = 2 ** 20;
/** Groups are named so, the instance and the host's number behind it. */
const GROUP_PREFIX = "distributed_system-";
/**
 * What a group counts beside own memory: files read, and pages of the segments that the host was first to touch. The limit
 * itself is kept by the watch, which can tell them apart; the group is the hard stop a little above.
 */
const GROUP_SPARE_FACTOR = 1.25;
const GROUP_SPARE_BYTES = 32 * MIB;

export class HostKeeper {
  readonly instance: string;
  readonly watch: HostWatch;
  readonly sweeper: Sweeper;
  readonly warden: Warden;
  readonly #clock: Clock;
  readonly #prepareCgroupHome: typeof prepareCgroupHome;
  readonly #live = new Set<number>();
  readonly #bases = new Set<string>();
  readonly #groupsLeft = new Set<string>();
  #groups: { readonly home: CgroupHome | undefined } | undefined;
  #lastHost = 0;

  constructor(clock: Clock, { instance = ownInstance(), prepareHome = prepareCgroupHome }: KeeperOptions = {}) {
    this.#clock = clock;
    this.#prepareCgroupHome = prepareHome;
    this.instance = instance;
    this.watch = new HostWatch(clock);
    this.sweeper = new Sweeper(this.instance, (host) => this.#live.has(host), clock);
    this.warden = new Warden(this.instance);
  }

  /** Fails with `plugin.work_directory` when there is none to be had. */
  guard(request: GuardRequest): HostGuard {
    const host = ++this.#lastHost;
    const directory = request.workDirectory === undefined ? undefined : this.#directory(request.workDirectory, host);
    this.#live.add(host);
    return new HostGuard(this, { ...request, host, directory, group: this.#group(request, host) });
  }

  /** The warden starts when the event loop is free: it must not delay a host. */
  spawned(): void {
    if (this.warden.pid === undefined) this.#clock.after(0, () => this.warden.watch());
  }

  groupsRefused(): void {
    this.#groups = { home: undefined };
  }

  ended(host: number, group: HostCgroup | undefined): void {
    this.#live.delete(host);
    this.sweeper.schedule();
    if (group && !group.remove()) this.#groupsLeft.add(group.path);
    for (const path of this.#groupsLeft) if (removeGroup(path)) this.#groupsLeft.delete(path);
  }

  #directory(base: string, host: number): string {
    if (!this.#bases.has(base)) {
      this.#bases.add(base);
      void clearStaleDirectories(base);
      this.warden.removeDirectory(instanceDirectory(base, this.instance));
    }
    return makeWorkDirectory(base, this.instance, host);
  }

  /** Undefined without a memory limit, and where no group can be made: then the other methods hold alone. */
  #group({ limits, sharedBytes }: GuardRequest, host: number): HostCgroup | undefined {
    if (limits.memoryBytes === undefined) return undefined;
    this.#groups ??= { home: this.#prepareHome() };
    const { home } = this.#groups;
    if (!home) return undefined;
    const hardStop = Math.ceil(limits.memoryBytes * GROUP_SPARE_FACTOR) + GROUP_SPARE_BYTES + sharedBytes;
    try {
      return hostCgroup(home, `${GROUP_PREFIX}${this.instance}-${host}`, hardStop);
    } catch {
      return undefined; // the groups that this machine allows are used up, or it refuses the limit
    }
  }

  #prepareHome(): CgroupHome | undefined {
    const home = this.#prepareCgroupHome();
    if (!("path" in home)) return undefined;
    for (const path of groupsNamed(home, GROUP_PREFIX)) {
      const instance = basename(path).slice(GROUP_PREFIX.length).replace(/-\d+$/, "");
      if (instanceState(instance) === "dead") removeGroup(path);
    }
    this.warden.removeGroups(join(home.path, `${GROUP_PREFIX}${this.instance}-`));
    return home;
  }
}

let own: { readonly keeper: HostKeeper; readonly clock: Clock } | undefined;

/**
 * The one of this process: pid, session and children are the process's, so two would take each other's hosts for leftovers.
 * It runs by one clock, the first that it is asked with; being asked with another is a defect, and throws.
 */
export function hostKeeper(clock: Clock): HostKeeper {
  own ??= { keeper: new HostKeeper(clock), clock };
  if (own.clock !== clock)
    throw new Error("hostKeeper() is asked with a second clock; the one of the first call is required");
  return own.keeper;
}
