/** A worker whose hosts are no processes, and masters that speak to it over pretended links, on a clock that a test moves. */
import { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { machineId, placeOfSegment, type Segment, SharedMemory } from "../../../../../src/process/memory/index.ts";
import { RAW_HEADER_BYTES, sealRaw } from "../../../../../src/wire/batch/index.ts";
import type { MessageContext, PeerLink, RequestContext } from "../../../../../src/wire/link/index.ts";
import { ForeignSegments } from "../../../../../src/work/pipeline/dispatch/contents.ts";
import type { DeployMessage, LeaseMessage, LeaseReply } from "../../../../../src/work/pipeline/dispatch/messages.ts";
import { TOPICS } from "../../../../../src/work/pipeline/dispatch/messages.ts";
import { Worker } from "../../../../../src/work/pipeline/dispatch/worker.ts";
import type { Settings } from "../../../../../src/work/pipeline/file/index.ts";
import type { PipelinePorts, StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";
import { FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { checkOf, planOf, whole } from "./plans.ts";
import { settingsOf } from "./remote-rig.ts";

const SEGMENT_BYTES = 16 * 2 ** 20;
const SLOT_BYTES = 2 ** 20;

/** Starts hosts that are none, each over the memory that it is lent. */
export function fakePorts(hosts: FakeHosts, clock: SteppedClock): PipelinePorts {
  const mapped = (fd: number) => Bun.mmap(`/proc/self/fd/${fd}`, { shared: true });
  return {
    clock,
    random: seededRandom(1),
    host: { argv: [], env: {} },
    load: (options) => {
      const { inputFd, outputFd } = options.segments!; // every host of a stage has them
      const [input, output] = [mapped(inputFd), mapped(outputFd)];
      hosts.memory = { input: () => input, output: () => output };
      return hosts.load(options);
    },
    show: () => {},
  };
}

/** Memory of a master, with batches in it. */
export class MasterMemory {
  readonly segment: Segment = new SharedMemory().createSegment(SEGMENT_BYTES);
  readonly place = placeOfSegment(this.segment, machineId());
  #slots = 0;

  raw(text: string): LeaseMessage["content"] {
    const offset = (this.#slots++ % (SEGMENT_BYTES / SLOT_BYTES)) * SLOT_BYTES;
    const view = this.segment.view.subarray(offset, offset + SLOT_BYTES);
    const payload = Buffer.from(text);
    view.set(payload, RAW_HEADER_BYTES);
    const bytes = sealRaw(view, { id: "x@0", timeMs: 0, line: 1, format: { kind: "ndjson" } }, payload.length);
    return { place: this.place, offset, bytes };
  }
}

export class FakeLink {
  readonly peer: { readonly id: string; readonly instance: string; readonly address: undefined };
  isOpen = true;
  readonly told: { readonly topic: string; readonly payload: unknown }[] = [];
  readonly #closed = Promise.withResolvers<unknown>();
  readonly closed = this.#closed.promise;
  /** What its send buffer does: nothing goes out while it is full. */
  isFull = false;

  constructor(id: string, instance = `${id}-1`) {
    this.peer = { id, instance, address: undefined };
  }

  get link(): PeerLink {
    return this as unknown as PeerLink; // it has what a worker uses of one
  }

  notify(topic: string, payload: unknown): void {
    if (!this.isOpen) throw new Failure("link.closed", "it is closed");
    if (this.isFull) throw new Failure("link.overloaded", "it is full");
    this.told.push({ topic, payload });
  }

  close(): void {
    this.isOpen = false;
    this.#closed.resolve(undefined);
  }

  named<T>(topic: string): T[] {
    return this.told.filter((each) => each.topic === topic).map(({ payload }) => payload as T);
  }
}

export class WorkerRig implements AsyncDisposable {
  readonly clock = new SteppedClock();
  readonly hosts: FakeHosts;
  readonly worker: Worker;
  readonly memory = new MasterMemory();
  readonly told: string[] = [];
  readonly links: FakeLink[] = [];
  /** Stages' files that are kept for a deployment now. */
  kept = 0;
  /** Called before a stage's files are here. */
  fetching: (plan: StagePlan) => Promise<void> = async () => {};
  readonly #foreign = new ForeignSegments();
  #lease = 0;

  constructor(libraries: Readonly<Record<string, FakeLibrary>>, settings: Partial<Settings> = {}) {
    this.hosts = new FakeHosts(libraries);
    this.worker = new Worker({
      clock: this.clock,
      capacity: 3,
      pipelinePorts: () => fakePorts(this.hosts, this.clock),
      settings: (packed) => settingsOf({ ...(packed as Partial<Settings>), ...settings }),
      unpack: async (packed) => {
        const plan = packed as StagePlan;
        await this.fetching(plan);
        this.kept++;
        return { plan, release: () => void this.kept-- };
      },
      load: () => ({ cpu: 0.25, memory: 0.5 }),
      linkTo: (peer) => this.links.findLast((link) => link.peer.id === peer && link.isOpen)?.link,
      tell: (text) => void this.told.push(text),
    });
  }

  master(id = "m", instance?: string): FakeLink {
    const link = new FakeLink(id, instance);
    this.links.push(link);
    return link;
  }

  request(link: FakeLink, topic: string, payload: unknown, signal = new AbortController().signal): Promise<unknown> {
    const context = { link: link.link, signal } as unknown as RequestContext; // a worker uses no more of it
    return (async () => this.worker.handlers[topic]!.request!(payload, context))();
  }

  notify(link: FakeLink, topic: string, payload: unknown): void {
    this.worker.handlers[topic]!.notify!(payload, { link: link.link } as unknown as MessageContext); // likewise
  }

  deploy(link: FakeLink, more: Partial<Omit<DeployMessage, "plans">> & { plans?: readonly Partial<StagePlan>[] } = {}) {
    const { plans = [{}], ...rest } = more;
    return this.request(link, TOPICS.deploy, {
      deployment: "d",
      probe: this.memory.place,
      pipeline: "p",
      run: "r",
      plans: plans.map((plan) => planOf("s", { library: "a", ...plan })),
      settings: {},
      encoding: "ndjson",
      isSequential: false,
      inFlight: 8,
      firstSeq: 0,
      states: [],
      ...rest,
    });
  }

  /** A message for the next lease. */
  leaseOf(text: string, more: Partial<LeaseMessage> = {}): LeaseMessage {
    const lease = ++this.#lease;
    const content = more.content ?? this.memory.raw(text);
    const flags = { barrier: false, finish: false, failsOver: false, asBytes: false, check: checkOf(content) };
    return { deployment: "d", lease, seq: lease - 1, id: `x@${lease}`, ...flags, ...more, content };
  }

  lease(link: FakeLink, text: string, more: Partial<LeaseMessage> = {}, signal?: AbortSignal): Promise<LeaseReply> {
    return this.request(link, TOPICS.lease, this.leaseOf(text, more), signal) as Promise<LeaseReply>; // its answer
  }

  textOf({ content }: LeaseReply): string {
    return Buffer.from(this.#foreign.batchOf(whole(content), () => {}).view).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.close();
    for (const link of this.links) link.close();
    this.memory.segment.close();
  }
}

export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (thrown: Failure) => thrown.code,
  );
}
