/**
 * The virtual world: nodes, a network between them, and one queue of what is going to happen. It runs as fast as it can, and
 * everything in it follows from the seed: the same seed gives the same run. What goes wrong, and when, is decided elsewhere
 * (faults.ts); the world has the means: cut, clog, pause, slow, kill, start, drift.
 */
import { assert } from "../../../src/base/errors.ts";
import { type Random, seededRandom } from "../../../src/base/random.ts";
import { exponential, fork } from "./chance.ts";
import { Disk } from "./disk.ts";
import { EventKind, EventQueue, type SimEvent } from "./event-queue.ts";
import { Network } from "./network.ts";
import { type Launch, LifePort, Node } from "./node.ts";
import { NodeClock } from "./node-clock.ts";
import type { Process } from "./process.ts";
import { Tally } from "./tally.ts";
import type { Trace } from "./trace.ts";

export interface WorldOptions<Message> {
  readonly seed: number;
  readonly nodes: number;
  readonly launch: Launch<Message>;
  readonly trace: Trace;
  /** A number made of a message's content, for the digest. */
  readonly tagOf: (message: Message) => number;
  /** A message in words, for verbose runs. */
  readonly describe: (message: Message) => string;
  /** Bytes on the wire, for the tally; 0 where nobody asks. */
  readonly sizeOf?: (message: Message) => number;
  /** Wall clocks are off by so much at most at the start. */
  readonly wallOffsetMsMax?: number;
}

/** A stream to where nobody listens is refused after a round trip; into a cut path it takes a time-out to know. */
const CONNECT_TIMEOUT_MS = 2_000;
/** A process woken so often at one instant will never let time pass: a defect. */
const WAKES_AT_ONCE_MAX = 10_000;
/** Bun's clocks start anywhere up to here: a month of uptime. */
const UPTIME_MS_MAX = 30 * 86_400_000;

const EVENT_NAMES = ["action", "wake", "datagram", "stream", "undelivered"] as const;

export class World<Message> {
  nowMs = 0;
  readonly nodes: readonly Node<Message>[];
  readonly network: Network;
  readonly trace: Trace;
  readonly tally: Tally;
  /** For schedules and scenarios. */
  readonly random: Random;
  readonly #options: WorldOptions<Message>;
  readonly #queue = new EventQueue<Message>();
  readonly #lives: Random;
  readonly #service: Random;
  #wakesAtOnce = 0;
  #wokenAtMs = -1;

  constructor(options: WorldOptions<Message>) {
    const seeds = seededRandom(options.seed);
    this.#options = options;
    this.trace = options.trace;
    this.random = fork(seeds);
    this.#lives = fork(seeds);
    this.#service = fork(seeds);
    this.network = new Network(options.nodes, fork(seeds));
    this.tally = new Tally(options.nodes);
    const clocks = fork(seeds);
    this.nodes = Array.from({ length: options.nodes }, (_, index) => {
      const offsetMs = (clocks.next() * 2 - 1) * (options.wallOffsetMsMax ?? 0);
      const clock = new NodeClock(this, clocks.below(UPTIME_MS_MAX), offsetMs);
      return new Node<Message>(index, clock, new Disk(fork(clocks)));
    });
  }

  get pending(): number {
    return this.#queue.size;
  }

  /** `action` happens at that time, or now if it is past. */
  at(atMs: number, action: () => void): void {
    this.#queue.add(Math.max(atMs, this.nowMs), EventKind.action, -1, -1, 0, undefined, action);
  }

  start(index: number): void {
    const node = this.nodes[index]!;
    if (node.isUp) return;
    node.life++;
    this.network.resetStreams(index);
    this.note(`node ${index} starts, life ${node.life}`);
    node.process = this.#options.launch(new LifePort(this, node, fork(this.#lives)));
    this.arm(node);
  }

  /** kill -9, and a loss of power for the disk. */
  kill(index: number): void {
    const node = this.nodes[index]!;
    if (!node.isUp) return;
    this.note(`node ${index} is killed`);
    node.clear();
    node.disk.crash();
  }

  pause(index: number): void {
    const node = this.nodes[index]!;
    if (node.isUp) node.isPaused = true;
  }

  /** What piled up is handled at once: timers first, as event loops do, or messages first; by default as chance has it. */
  resume(index: number, order: "timers" | "messages" | "chance" = "chance"): void {
    const node = this.nodes[index]!;
    if (!node.isPaused) return;
    node.isPaused = false;
    const backlog = node.backlog.splice(0);
    const timersFirst = order === "chance" ? this.#service.next() < 0.5 : order === "timers";
    const rank = ({ kind }: SimEvent<Message>): number => ((kind === EventKind.wake) === timersFirst ? 0 : 1);
    backlog.sort((left, right) => rank(left) - rank(right) || left.order - right.order);
    for (const event of backlog) this.#queue.put(event, this.nowMs);
  }

  drift(index: number, rate: number): void {
    const node = this.nodes[index]!;
    node.clock.drift(rate);
    // The wake that is in the queue was for the clock as it was; who wants none any more gets none.
    node.armedMs = Number.POSITIVE_INFINITY;
    node.ticket++;
    this.arm(node);
  }

  send(from: number, to: number, message: Message): void {
    const bytes = this.#options.sizeOf?.(message) ?? 0;
    this.tally.sent(from, bytes);
    if (!this.network.isOpen(from, to)) return this.tally.drop("blocked");
    const atMs = this.network.datagramArrivalMs(from, to, this.nowMs);
    if (atMs === undefined) this.tally.drop("lost");
    else this.#queue.add(atMs, EventKind.datagram, to, from, 0, message);
    const againMs = this.network.duplicateArrivalMs(from, to, this.nowMs);
    if (againMs !== undefined) this.#queue.add(againMs, EventKind.datagram, to, from, 0, message);
  }

  sendStream(from: number, to: number, message: Message): void {
    this.tally.sentStream(from, this.#options.sizeOf?.(message) ?? 0);
    const atMs = this.network.streamArrivalMs(from, to, this.nowMs);
    if (atMs === undefined) this.#undelivered(from, to, message);
    else this.#queue.add(atMs, EventKind.stream, to, from, this.nodes[from]!.life, message);
  }

  /** Puts the next wake of a node into the queue, unless an earlier one is there. */
  arm(node: Node<Message>): void {
    const dueMs = node.process?.wakeAtMs;
    if (dueMs === undefined || dueMs >= node.armedMs) return;
    node.armedMs = dueMs;
    this.#queue.add(node.clock.worldMs(dueMs), EventKind.wake, node.index, node.index, ++node.ticket, undefined);
  }

  /** An input from outside the world of messages: a person's command, a scenario's step. */
  poke(index: number, action: (process: Process<Message>, nowMs: number) => void): void {
    const node = this.nodes[index]!;
    if (node.process === undefined) return;
    action(node.process, node.clock.monotonic());
    this.arm(node);
  }

  run(untilMs: number): void {
    while (this.step(untilMs));
  }

  /** For whole parts: promises are settled after each event. */
  async runParts(untilMs: number): Promise<void> {
    while (this.step(untilMs)) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The next event, if it comes by then; else it is then. */
  step(untilMs: number): boolean {
    const next = this.#queue.peek();
    if (next === undefined || next.atMs > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs);
      return false;
    }
    this.#queue.take();
    this.nowMs = next.atMs;
    if (next.kind === EventKind.action) next.action!();
    else this.#dispatch(next);
    return true;
  }

  note(text: string): void {
    this.trace.text(text);
    if (this.trace.isVerbose) this.trace.line(this.nowMs, text);
  }

  #dispatch(event: SimEvent<Message>): void {
    const node = this.nodes[event.to]!;
    const isWake = event.kind === EventKind.wake;
    if (isWake ? event.stamp !== node.ticket : !this.#isFor(event, node)) return;
    if (event.isServed && !isWake) node.waiting--;
    if (node.isPaused) {
      event.isServed = false;
      node.backlog.push(event);
      return;
    }
    if (node.serviceMs > 0 && !event.isServed) return this.#queueUp(event, node);
    if (isWake) this.#wake(node);
    else this.#deliver(event, node);
    this.arm(node);
  }

  #isFor(event: SimEvent<Message>, node: Node<Message>): boolean {
    if (event.heldLife !== 0) return event.heldLife === node.life && node.isUp;
    if (!this.#admit(event, node)) return false;
    event.heldLife = node.life;
    return true;
  }

  /** Whether it gets there at all. */
  #admit(event: SimEvent<Message>, node: Node<Message>): boolean {
    const { kind, from, to } = event;
    if (kind === EventKind.datagram) {
      const reason = !this.network.isOpen(from, to)
        ? "blocked"
        : !node.isUp
          ? "down"
          : node.isFull
            ? "overflow"
            : undefined;
      if (reason !== undefined) this.tally.drop(reason);
      return reason === undefined;
    }
    if (kind === EventKind.stream) {
      const isOpen = this.network.isOpen(from, to) && this.network.isOpen(to, from);
      if (isOpen && node.isUp) return true;
      this.#undelivered(from, to, event.message!, isOpen ? 0 : CONNECT_TIMEOUT_MS, event.stamp);
      return false;
    }
    return node.isUp && (kind !== EventKind.undelivered || event.stamp === node.life);
  }

  #undelivered(
    from: number,
    to: number,
    message: Message,
    afterMs = CONNECT_TIMEOUT_MS,
    life = this.nodes[from]!.life,
  ): void {
    this.tally.drop("blocked");
    this.#queue.add(this.nowMs + afterMs, EventKind.undelivered, from, to, life, message);
  }

  /** A slow node handles one input after the other. */
  #queueUp(event: SimEvent<Message>, node: Node<Message>): void {
    node.freeAtMs = Math.max(node.freeAtMs, this.nowMs) + exponential(this.#service, node.serviceMs);
    if (event.kind !== EventKind.wake) node.waiting++;
    event.isServed = true;
    this.#queue.put(event, node.freeAtMs);
  }

  #deliver(event: SimEvent<Message>, node: Node<Message>): void {
    const { kind, from, message } = event;
    const process = node.process!;
    this.trace.event(this.nowMs, kind, node.index, from, this.#options.tagOf(message!));
    if (this.trace.isVerbose) {
      const arrow = kind === EventKind.undelivered ? "could not reach" : "from";
      this.trace.line(
        this.nowMs,
        `node ${node.index} ${EVENT_NAMES[kind]} ${arrow} ${from}: ${this.#options.describe(message!)}`,
      );
    }
    const nowMs = node.clock.monotonic();
    if (kind === EventKind.undelivered) return process.undelivered(from, message!, nowMs);
    this.tally.received(node.index);
    process.receive(from, message!, kind === EventKind.stream ? "stream" : "datagram", nowMs);
  }

  #wake(node: Node<Message>): void {
    node.clock.reach(node.armedMs);
    node.armedMs = Number.POSITIVE_INFINITY;
    const nowMs = node.clock.monotonic();
    const dueMs = node.process!.wakeAtMs;
    if (dueMs === undefined || dueMs > nowMs) return;
    this.#wakesAtOnce = this.#wokenAtMs === this.nowMs ? this.#wakesAtOnce + 1 : 0;
    this.#wokenAtMs = this.nowMs;
    assert(
      this.#wakesAtOnce < WAKES_AT_ONCE_MAX,
      `node ${node.index} wants to be woken again and again at ${this.nowMs} ms`,
    );
    this.trace.event(this.nowMs, EventKind.wake, node.index, node.index, 0);
    node.process!.wake(nowMs);
  }
}
