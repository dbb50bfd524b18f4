/**
 * A node of the world: its clocks, its disk, and the process that lives on it now, if any. A process acts on the world through
 * the `Port` of its life; the port of a life that is over does nothing.
 */
import type { Random } from "../../../src/base/random.ts";
import type { Disk } from "./disk.ts";
import type { SimEvent } from "./event-queue.ts";
import { type NodeClock, PartClock, type WorldTime } from "./node-clock.ts";
import type { Process } from "./process.ts";

export interface Port<Message> {
  /** Its address in the world. */
  readonly index: number;
  /** From 1; a restart counts on. */
  readonly life: number;
  /** For this life. */
  readonly random: Random;
  readonly disk: Disk;
  readonly clock: NodeClock;
  /** The clock port of a whole part. */
  partClock(): PartClock;
  /** May be lost, doubled, late, overtaken. */
  send(to: number, message: Message): void;
  /** Reliable and in order while nothing is cut; else the process hears that it was not delivered. */
  sendStream(to: number, message: Message): void;
}

export type Launch<Message> = (port: Port<Message>) => Process<Message>;

/** What the kernel holds for a process that does not read; what comes then is dropped (default buffers of a socket, by count). */
const BACKLOG_MAX = 512;

export class Node<Message> {
  readonly index: number;
  readonly clock: NodeClock;
  readonly disk: Disk;
  process: Process<Message> | undefined;
  /** How many processes were started here. */
  life = 0;
  /** Paused until somebody resumes it; what comes piles up. */
  isPaused = false;
  readonly backlog: SimEvent<Message>[] = [];
  /** Mean time that each input takes; 0: none. */
  serviceMs = 0;
  freeAtMs = 0;
  waiting = 0;
  /** For what time of the own clock a wake is in the queue, and its ticket: others are out of date. */
  armedMs = Number.POSITIVE_INFINITY;
  ticket = 0;

  constructor(index: number, clock: NodeClock, disk: Disk) {
    this.index = index;
    this.clock = clock;
    this.disk = disk;
  }

  get isUp(): boolean {
    return this.process !== undefined;
  }

  /** No room for another datagram. */
  get isFull(): boolean {
    return this.backlog.length + this.waiting >= BACKLOG_MAX;
  }

  /** The process is gone, and with it all that waited for it. */
  clear(): void {
    this.process?.end?.();
    this.process = undefined;
    this.isPaused = false;
    this.backlog.length = 0;
    this.waiting = 0;
    this.freeAtMs = 0;
    this.armedMs = Number.POSITIVE_INFINITY;
    this.ticket++;
  }
}

export interface Sender<Message> extends WorldTime {
  send(from: number, to: number, message: Message): void;
  sendStream(from: number, to: number, message: Message): void;
  arm(node: Node<Message>): void;
}

export class LifePort<Message> implements Port<Message> {
  readonly index: number;
  readonly life: number;
  readonly random: Random;
  readonly disk: Disk;
  readonly clock: NodeClock;
  readonly #world: Sender<Message>;
  readonly #node: Node<Message>;

  constructor(world: Sender<Message>, node: Node<Message>, random: Random) {
    this.#world = world;
    this.#node = node;
    this.index = node.index;
    this.life = node.life;
    this.clock = node.clock;
    this.disk = node.disk;
    this.random = random;
  }

  partClock(): PartClock {
    return new PartClock(this.clock, () => {
      if (this.#node.life === this.life && this.#node.isUp) this.#world.arm(this.#node);
    });
  }

  send(to: number, message: Message): void {
    if (this.#node.life === this.life) this.#world.send(this.index, to, message);
  }

  sendStream(to: number, message: Message): void {
    if (this.#node.life === this.life) this.#world.sendStream(this.index, to, message);
  }
}
