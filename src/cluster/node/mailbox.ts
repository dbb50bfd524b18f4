/**
 * A node's mailbox: messages in the order of their arrival, handed to one handler, one at a time. It is bounded in messages and
 * in bytes; what does not fit is dropped by the chosen rule and counted, never silently. It knows no network.
 */
import { Failure } from "../../base/errors.ts";

/** `drop-newest` refuses what comes, `drop-oldest` makes room for it. */
export const OVERFLOWS = ["drop-newest", "drop-oldest"] as const;
export type Overflow = (typeof OVERFLOWS)[number];

export interface MailboxOptions {
  /** Messages that wait at most, the one being handled not among them. */
  readonly maxSize?: number;
  /** Bytes that wait at most, as counted on the wire. */
  readonly maxBytes?: number;
  readonly overflow?: Overflow;
}

/** A second of a busy node: who falls further behind does not catch up by waiting. */
export const MAILBOX_SIZE_DEFAULT = 10_000;
/** So that large messages do not fill the memory before their number is reached. */
export const MAILBOX_BYTES_DEFAULT = 64 * 1024 * 1024;
const SIZE_MAX = 10_000_000;

export interface MailboxCounts {
  /** received = delivered + failed + dropped + waiting + the one being handled. */
  readonly received: number;
  readonly delivered: number;
  /** The handler threw. */
  readonly failed: number;
  readonly dropped: number;
  readonly waiting: number;
  readonly waitingBytes: number;
  /** The most that ever waited. */
  readonly waitingMax: number;
}

export interface Letter<Meta> {
  readonly message: unknown;
  readonly meta: Meta;
  readonly sizeBytes: number;
}

export type MailboxHandler<Meta> = (message: unknown, meta: Meta) => unknown;

export interface MailboxPorts<Meta> {
  /** Hears of each message that is dropped. */
  readonly dropped?: (letter: Letter<Meta>, total: number) => void;
  /** Hears what the handler threw; the next message follows all the same. */
  readonly failed: (thrown: unknown, letter: Letter<Meta>) => void;
}

export class Mailbox<Meta> {
  readonly #maxSize: number;
  readonly #maxBytes: number;
  readonly #overflow: Overflow;
  readonly #ports: MailboxPorts<Meta>;
  readonly #counts = { received: 0, delivered: 0, failed: 0, dropped: 0, waitingMax: 0 };
  #letters: Letter<Meta>[] = [];
  /** Where the oldest letter lies; what is in front of it has been taken. */
  #head = 0;
  #bytes = 0;
  #handler: MailboxHandler<Meta> | undefined;
  #isHandling = false;
  #isClosed = false;

  constructor(options: MailboxOptions, ports: MailboxPorts<Meta>) {
    this.#maxSize = bounded("maxSize", options.maxSize ?? MAILBOX_SIZE_DEFAULT, SIZE_MAX);
    this.#maxBytes = bounded("maxBytes", options.maxBytes ?? MAILBOX_BYTES_DEFAULT, Number.MAX_SAFE_INTEGER);
    this.#overflow = options.overflow ?? "drop-newest";
    if (!OVERFLOWS.includes(this.#overflow)) {
      throw invalid(`overflow is ${JSON.stringify(this.#overflow)}; ${OVERFLOWS.join(" or ")} is required`);
    }
    this.#ports = ports;
  }

  counts(): MailboxCounts {
    return { ...this.#counts, waiting: this.#waiting, waitingBytes: this.#bytes };
  }

  /** Messages wait until there is a handler. A new one takes the place of the old. */
  handle(handler: MailboxHandler<Meta>): void {
    this.#handler = handler;
    void this.#deliver();
  }

  /** Whether it was taken in; with `drop-oldest` it always is, unless it is larger than the whole mailbox. */
  offer(letter: Letter<Meta>): boolean {
    this.#counts.received++;
    if (
      this.#isClosed ||
      letter.sizeBytes > this.#maxBytes ||
      (this.#overflow === "drop-newest" && !this.#fits(letter))
    ) {
      this.#drop(letter);
      return false;
    }
    while (!this.#fits(letter)) this.#drop(this.#take()!);
    this.#letters.push(letter);
    this.#bytes += letter.sizeBytes;
    this.#counts.waitingMax = Math.max(this.#counts.waitingMax, this.#waiting);
    void this.#deliver();
    return true;
  }

  /** What waits, and what comes from now on, is dropped; the message that is being handled is handled to its end. */
  close(): void {
    this.#isClosed = true;
    for (let letter = this.#take(); letter; letter = this.#take()) this.#drop(letter);
  }

  get #waiting(): number {
    return this.#letters.length - this.#head;
  }

  #fits({ sizeBytes }: Letter<Meta>): boolean {
    return this.#waiting < this.#maxSize && this.#bytes + sizeBytes <= this.#maxBytes;
  }

  #drop(letter: Letter<Meta>): void {
    this.#counts.dropped++;
    this.#ports.dropped?.(letter, this.#counts.dropped);
  }

  #take(): Letter<Meta> | undefined {
    const letter = this.#letters[this.#head];
    if (!letter) return undefined;
    this.#head++;
    this.#bytes -= letter.sizeBytes;
    if (this.#head * 2 > this.#letters.length && this.#head > 1_000) {
      this.#letters = this.#letters.slice(this.#head);
      this.#head = 0;
    }
    return letter;
  }

  async #deliver(): Promise<void> {
    if (this.#isHandling || !this.#handler) return;
    this.#isHandling = true;
    for (let letter = this.#take(); letter; letter = this.#take()) {
      try {
        const result = this.#handler(letter.message, letter.meta);
        if (result instanceof Promise) await result;
        this.#counts.delivered++;
      } catch (thrown) {
        this.#counts.failed++;
        this.#ports.failed(thrown, letter);
      }
    }
    this.#letters = [];
    this.#head = 0;
    this.#isHandling = false;
  }
}

function bounded(name: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw invalid(`${name} is ${value}; a whole number from 1 to ${max} is required`);
}

function invalid(what: string): Failure {
  return new Failure("node.mailbox.invalid_options", `mailbox: ${what}`);
}
