/**
 * The processes of a run's plugin tasks. Tasks of one library with equal parameters share processes; more are started while tasks
 * wait, up to a limit of all, and an idle process of one plugin makes room for another's first. A plugin that keeps something
 * between batches gets a process of its own for each task: what one task did must not show in the next.
 */
import type { Clock } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import { Pool, type Segment, SharedMemory } from "../../process/memory/index.ts";
import { type HostCommand, type HostOptions, HostProcess, type LoadedMessage } from "../../process/plugin/index.ts";
import { type HostPort, IN_FLIGHT_MAX, NOT_BEGUN, PluginHost, type Slots } from "./plugin-host.ts";
import { convertTaskParams, variablesNamedBy } from "./plugin-params.ts";
import type { ReadyPlugin } from "./ready-task.ts";
import { isIdempotent, type Json } from "./types.ts";

export interface PluginHostsOptions {
  readonly command: HostCommand;
  readonly clock: Clock;
  readonly workDirectory?: string;
  /** What plugins print. */
  readonly show: (plugin: string, stream: string, line: string) => void;
  /** Processes of all plugins together. */
  readonly hostsMax?: number;
  readonly load?: (options: HostOptions) => Promise<{ readonly host: HostPort; readonly loaded: LoadedMessage }>;
}

/** About 35 MB each; tasks that wait for something outside overlap by so many. */
export const HOSTS_MAX = 8;
/** At once: starting is work for a processor, and there are few. */
const STARTS_MAX = 2;
/** Room for the largest batch of records beside a hundred small ones. Untouched pages cost nothing. */
const SEGMENT_BYTES = 32 * 2 ** 20;
const START_TIMEOUT_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;

/** The process went before the task's turn came: another one takes it. */
const NOBODYS_FAULT = new Set([NOT_BEGUN, "memory.owner_gone", "memory.closed"]);

interface Job {
  readonly work: ReadyPlugin;
  readonly id: string;
  readonly signal: AbortSignal;
  resolve(output: Json): void;
  reject(thrown: unknown): void;
}

/** One library with one set of parameters, and tasks that are idempotent or are not. */
interface Group {
  readonly key: string;
  readonly name: string;
  readonly work: ReadyPlugin;
  readonly waiting: Set<Job>;
  readonly hosts: Set<PluginHost>;
  starting: number;
  /** No more than these are started: one more could not be. */
  most: number;
  loaded?: LoadedMessage;
  /** While it has processes. No plugin sees another's records. */
  memory?: Memory;
}

interface Memory {
  readonly segments: readonly [input: Segment, output: Segment];
  readonly slots: Slots;
}

export class PluginHosts {
  readonly #options: PluginHostsOptions;
  readonly #groups = new Map<string, Group>();
  readonly #shared = new SharedMemory();
  #jobs = 0;
  #hosts = 0;
  #lane = 0;
  #closed = false;

  constructor(options: PluginHostsOptions) {
    this.#options = options;
  }

  /** `{ records, rejected, counts }`. */
  async run(work: ReadyPlugin, signal: AbortSignal): Promise<Json> {
    const { promise, reject, resolve } = Promise.withResolvers<Json>();
    const group = this.#groupOf(work);
    const job: Job = { work, id: `task@${++this.#jobs}`, signal, resolve, reject };
    group.waiting.add(job);
    const givenUp = (): void => {
      if (group.waiting.delete(job)) reject(signal.reason);
    };
    signal.addEventListener("abort", givenUp, { once: true });
    this.#serve(group);
    return promise.finally(() => signal.removeEventListener("abort", givenUp));
  }

  /** Plugins clean up, within a limit. */
  async close(): Promise<void> {
    this.#closed = true;
    const groups = [...this.#groups.values()];
    for (const group of groups) failAll(group, new Failure("plugin.stopped", "the run has ended", { retryable: true }));
    await Promise.all(groups.flatMap(({ hosts }) => [...hosts].map((host) => host.stop(STOP_TIMEOUT_MS))));
    for (const group of groups) closeMemory(group);
  }

  #groupOf(work: ReadyPlugin): Group {
    const key = JSON.stringify([work.library, work.params, isIdempotent(work)]);
    const known = this.#groups.get(key);
    if (known) return known;
    const name = work.library.split("/").at(-1)!;
    const group: Group = {
      key,
      name,
      work: { ...work, records: [] },
      waiting: new Set(),
      hosts: new Set(),
      starting: 0,
      most: this.#options.hostsMax ?? HOSTS_MAX,
    };
    this.#groups.set(key, group);
    return group;
  }

  #serve(group: Group): void {
    for (const job of group.waiting) {
      const host = leastLoaded(group);
      if (!host) break;
      group.waiting.delete(job);
      void this.#process(group, host, job);
    }
    if (group.waiting.size > 0) this.#grow(group);
  }

  async #process(group: Group, host: PluginHost, job: Job): Promise<void> {
    const finish = group.loaded?.sequential === true;
    const { id, signal, work } = job;
    try {
      job.resolve(await host.process({ id, records: work.records, finish, timeMs: this.#options.clock.now() }, signal));
    } catch (thrown) {
      const isNobodysFault = thrown instanceof Failure && NOBODYS_FAULT.has(thrown.code);
      if (isNobodysFault && !signal.aborted && !this.#closed) group.waiting.add(job);
      else job.reject(signal.aborted ? signal.reason : thrown);
    }
    if (host.isSpent) void host.stop(STOP_TIMEOUT_MS);
    this.#serve(group);
    this.#serveStarving();
  }

  #grow(group: Group): void {
    if (this.#closed) return failAll(group, new Failure("plugin.stopped", "the run has ended", { retryable: true }));
    const most = this.#options.hostsMax ?? HOSTS_MAX;
    while (
      group.starting < Math.min(STARTS_MAX, group.waiting.size) &&
      group.hosts.size + group.starting < group.most
    ) {
      if (group.loaded === undefined && group.starting > 0) return; // the first says what kind of plugin it is
      if (this.#hosts >= most) return hasNone(group) ? this.#makeRoom(group) : undefined;
      group.starting++;
      void this.#start(group);
    }
  }

  /** An idle process of another plugin goes; its exit serves those that starve. */
  #makeRoom(group: Group): void {
    for (const other of this.#groups.values()) {
      const idle = other === group || other.waiting.size > 0 ? undefined : idleHost(other);
      if (!idle) continue;
      other.hosts.delete(idle); // nobody gives it work any more
      return void idle.stop(STOP_TIMEOUT_MS);
    }
  }

  #ended(group: Group): void {
    if (this.#closed) return;
    if (group.waiting.size > 0) this.#grow(group);
    else this.#forgetUnused(group);
    this.#serveStarving();
  }

  /** A worker lives long, and graphs call with ever other parameters. */
  #forgetUnused(group: Group): void {
    if (!hasNone(group)) return;
    closeMemory(group);
    if (this.#groups.get(group.key) === group) this.#groups.delete(group.key);
  }

  #serveStarving(): void {
    for (const group of this.#groups.values()) if (group.waiting.size > 0 && hasNone(group)) this.#grow(group);
  }

  async #start(group: Group): Promise<void> {
    try {
      group.hosts.add(await this.#open(group));
    } catch (thrown) {
      const { code, message } = toFailure(thrown, "plugin.failed");
      const retryable = !/^(plugin\.(load|definition|not_found)|task\.)/.test(code);
      if (group.hosts.size > 0) group.most = group.hosts.size;
      else failAll(group, new Failure(code, message, { cause: thrown, retryable, data: { untouched: true } }));
    } finally {
      group.starting--;
    }
    if (group.waiting.size === 0) this.#forgetUnused(group);
    this.#serve(group);
    this.#serveStarving();
  }

  async #open(group: Group): Promise<PluginHost> {
    const { library, params } = group.work;
    const { slots } = this.#memoryOf(group);
    const lane = this.#lane++;
    let user: PluginHost | undefined;
    let gone = false;
    const handlers: HostOptions["handlers"] = {
      message: (message) => user?.message(message),
      exit: (exit) => {
        gone = true;
        this.#hosts--;
        if (user) group.hosts.delete(user);
        user?.exited(exit);
        this.#ended(group);
      },
      output: (stream, line) => this.#options.show(group.name, stream, line),
    };
    const request = this.#request(group, lane, handlers);
    this.#hosts++; // until its exit
    const { host, loaded } = await (this.#options.load ?? HostProcess.load)(request);
    group.loaded = loaded;
    if (loaded.exclusive) group.most = 1;
    if (variablesNamedBy(params, loaded.params).length > request.passEnv!.length) return this.#openAgain(group, host);
    try {
      const values = convertTaskParams(library, params, loaded.params);
      const faults = loaded.checks ? await host.check(values, START_TIMEOUT_MS) : [];
      if (faults[0])
        throw new Failure("task.plugin.params", `params of ${library}: ${faults[0].param}: ${faults[0].message}`);
      await host.start({ params: values, inputBytes: SEGMENT_BYTES, outputBytes: SEGMENT_BYTES }, START_TIMEOUT_MS);
    } catch (thrown) {
      host.kill("could not be started");
      throw thrown;
    }
    const inFlightMax = isIdempotent(group.work) ? IN_FLIGHT_MAX : 1; // of one that ended is known then what it had begun
    user = new PluginHost(host, { slots, owner: `${group.name} ${lane}`, isSingleUse: loaded.sequential, inFlightMax });
    if (gone)
      throw new Failure("plugin.exited", `the process of ${library} ended as it was ready`, { retryable: true });
    return user;
  }

  /** Defaults of its parameters name variables that it was started without. */
  #openAgain(group: Group, host: HostPort): Promise<PluginHost> {
    host.kill("is started again with its variables");
    return this.#open(group);
  }

  #request({ loaded, memory, name, work }: Group, lane: number, handlers: HostOptions["handlers"]): HostOptions {
    const { clock, command, workDirectory } = this.#options;
    const [input, output] = memory!.segments;
    return {
      command,
      segments: { inputFd: input.fd, inputBytes: SEGMENT_BYTES, outputFd: output.fd, outputBytes: SEGMENT_BYTES },
      request: { library: work.library, pipeline: "task", run: "task", stage: name, lane },
      handlers,
      clock,
      timeoutMs: START_TIMEOUT_MS,
      passEnv: variablesNamedBy(work.params, loaded?.params),
      workDirectory,
    };
  }

  #memoryOf(group: Group): Memory {
    if (group.memory) return group.memory;
    const segments = [this.#shared.createSegment(SEGMENT_BYTES), this.#shared.createSegment(SEGMENT_BYTES)] as const;
    const { clock } = this.#options;
    const slots = { input: new Pool(segments[0].view, clock), output: new Pool(segments[1].view, clock) };
    group.memory = { segments, slots };
    return group.memory;
  }
}

/** Nobody uses it any more: its processes are gone. */
function closeMemory(group: Group): void {
  group.memory?.slots.input.close();
  group.memory?.slots.output.close();
  for (const segment of group.memory?.segments ?? []) segment.close();
  delete group.memory;
}

function leastLoaded({ hosts }: Group): PluginHost | undefined {
  let best: PluginHost | undefined;
  for (const host of hosts) if (host.hasRoom && (!best || host.load < best.load)) best = host;
  return best;
}

function idleHost({ hosts }: Group): PluginHost | undefined {
  for (const host of hosts) if (host.load === 0 && !host.isSpent) return host;
  return undefined;
}

function hasNone({ hosts, starting }: Group): boolean {
  return hosts.size + starting === 0;
}

function failAll(group: Group, failure: Failure): void {
  const jobs = [...group.waiting];
  group.waiting.clear();
  for (const { reject } of jobs) reject(failure);
}
