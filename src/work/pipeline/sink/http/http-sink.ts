/**
 * Each batch as a request to somebody else's service. Nothing can be taken back there: a batch that was sent and not
 * committed when a run dies is sent again, under the same idempotency key, and so is one whose answer got lost. A service that
 * knows the key takes it once; for any other this is delivery at least once.
 */
import { readFileSync } from "node:fs";
import { type Clock, pause } from "../../../../base/clock.ts";
import { Failure, messageOf } from "../../../../base/errors.ts";
import type { Random } from "../../../../base/random.ts";
import { formatDurationMs } from "../../../../base/units.ts";
import { checkKind } from "../failures.ts";
import type { Sink, SinkPosition } from "../sink.ts";
import type { LaterOutcome } from "./answer.ts";
import { type Delivery, Requests } from "./request.ts";
import type { HttpSettings } from "./settings.ts";

export interface HttpSinkOptions {
  readonly settings: HttpSettings;
  /** The same for all attempts to bring one run to its end: with the batch's id it makes the key. */
  readonly run: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The first wait; it doubles. */
const BACKOFF_MS = 100;
/** Longer waits spare the other side nothing and cost us time when it is back. */
const BACKOFF_MS_MAX = 10_000;
/** Services keep keys of at most this length. */
const KEY_CHARS_MAX = 255;
const NEWLINE = 10;

export class HttpSink implements Sink {
  readonly encoding = "ndjson";
  readonly #options: HttpSinkOptions;
  readonly #underWay = new Set<Promise<void>>();
  #requests: Requests | undefined;
  #abort = new AbortController();
  #failure: Failure | undefined;
  #batches = 0;

  constructor(options: HttpSinkOptions) {
    this.#options = options;
  }

  /** What was sent behind the position stays sent. */
  async open(position: SinkPosition | undefined): Promise<void> {
    await this.abort();
    if (position !== undefined) checkKind(position, "http");
    const { clock, settings } = this.#options;
    this.#abort = new AbortController();
    this.#failure = undefined;
    this.#batches = Number(position?.batches ?? 0);
    this.#requests = new Requests(settings, clock, readCa(settings.caPath));
  }

  /** Resolves when a request for it has begun. */
  async write(bytes: Uint8Array, batchId: string): Promise<void> {
    const { run, settings } = this.#options;
    while (this.#underWay.size >= settings.concurrency && !this.#failure) await Promise.race(this.#underWay);
    this.#throwFailure();
    const body = settings.format === "json" ? arrayOf(bytes) : new Uint8Array(bytes); // a copy: `slice` of a Buffer is none
    const work = this.#deliver({ body, key: keyOf(`${run}/${batchId}`) }, this.#abort.signal);
    const ended = work.catch((thrown: Failure) => {
      this.#failure ??= thrown;
    });
    const counted = ended.finally(() => this.#underWay.delete(counted));
    this.#underWay.add(counted);
  }

  async flush(): Promise<SinkPosition> {
    await Promise.all(this.#underWay);
    this.#throwFailure();
    return { v: 1, kind: "http", batches: this.#batches };
  }

  async close(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async abort(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#underWay);
  }

  async #deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    const startMs = clock.monotonic();
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#requests!.send(delivery, signal); // opened before it is written to
      if (signal.aborted) return;
      if (outcome.kind === "taken") {
        this.#batches++;
        return;
      }
      if (outcome.kind === "never") throw refused(settings, delivery, outcome.what);
      const spentMs = clock.monotonic() - startMs;
      const leftMs = settings.retryForMs - spentMs;
      if (leftMs <= 0) throw unreachable(settings, delivery, outcome, { attempts: attempt, spentMs });
      await pause(clock, Math.min(leftMs, Math.max(this.#backoffMs(attempt), outcome.waitMs ?? 0)), signal);
    }
  }

  /** Half of it is chance, so that many senders do not come back at one moment. */
  #backoffMs(attempt: number): number {
    const ms = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (attempt - 1));
    return ms / 2 + (ms / 2) * this.#options.random.next();
  }

  #throwFailure(): void {
    if (!this.#requests) throw new Failure("sink.not_open", "cannot write to sink:http: it is not open");
    if (this.#failure) throw this.#failure;
  }
}

/** Of characters that a header may hold, and short enough; different batches keep different keys. */
function keyOf(text: string): string {
  const key = text.replace(/[^\x21-\x7e]|%/gu, (char) => encodeURIComponent(char.toWellFormed()));
  if (key.length <= KEY_CHARS_MAX) return key;
  const digest = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return `${key.slice(0, KEY_CHARS_MAX - digest.length - 1)}~${digest}`;
}

/** Lines hold no line feed but the one at their end. */
function arrayOf(lines: Uint8Array): Uint8Array {
  const array = new Uint8Array(lines.length + 2);
  array[0] = 0x5b;
  array.set(lines, 1);
  for (let at = array.indexOf(NEWLINE); at >= 0; at = array.indexOf(NEWLINE, at + 1)) array[at] = 0x2c;
  const end = lines[lines.length - 1] === NEWLINE ? lines.length : lines.length + 1;
  array[end] = 0x5d;
  return array.subarray(0, end + 1);
}

function readCa(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path, "utf8");
  } catch (thrown) {
    throw new Failure("sink.param", `cannot open sink:http: tls_ca=${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function refused({ method, url }: HttpSettings, { key }: Delivery, what: string): Failure {
  return new Failure("sink.http.refused", `cannot send batch ${key}: ${method} ${url}: ${what}; 2xx is required`);
}

function unreachable(
  { method, retryForMs, url }: HttpSettings,
  { key }: Delivery,
  { waitMs = 0, what }: LaterOutcome,
  { attempts, spentMs }: { readonly attempts: number; readonly spentMs: number },
): Failure {
  const wish = waitMs > 0 ? `, and wants to be left alone for ${formatDurationMs(waitMs)} more` : "";
  return new Failure(
    "sink.http.unreachable",
    `cannot send batch ${key}: ${method} ${url}: ${what}${wish}, at attempt ${attempts}; given up after ` +
      `${formatDurationMs(spentMs)} (retry_for is ${formatDurationMs(retryForMs)}); run again to go on, as a master does by itself`,
    { retryable: true },
  );
}
