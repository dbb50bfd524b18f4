/**
 * Sends finished spans to a collector, many at a time: `POST …/v1/traces` in JSON, which Jaeger and every OpenTelemetry collector take. A
 * collector that is slow or gone costs spans, which are counted, and nothing else: the queue is bounded and nobody waits for it.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { NO_PROXY } from "../../base/no-proxy.ts";
import type { FinishedSpan } from "../../base/tracer.ts";
import { type Resource, tracesRequest } from "./traces-request.ts";

export interface OtlpOptions {
  /** `http://127.0.0.1:4318`; `/v1/traces` is put behind it unless it is there. */
  readonly endpoint: string;
  /** It is taken as it is. */
  readonly isWholeUrl?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource: Resource;
  readonly clock: Clock;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Told when spans get lost, once in a while. */
  readonly warn: (what: string) => void;
}

export interface OtlpCounts {
  readonly exported: number;
  readonly dropped: number;
  readonly failedRequests: number;
  readonly waiting: number;
}

/** OpenTelemetry's batch processor has these: some seconds of a busy node, and a message of a few hundred kilobytes. */
const WAITING_MAX = 4_096;
const BATCH_MAX = 512;
const INTERVAL_MS = 1_000;
const REQUEST_TIMEOUT_MS = 10_000;
/** What a closing node waits for its last spans. */
const CLOSE_TIMEOUT_MS = 2_000;
/** After a failure; doubled up to the last. */
const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 30_000;
/** Of OTLP: these may be sent again. */
const RETRYABLE = new Set([429, 502, 503, 504]);
/** A batch that has failed so often is dropped: those behind it may be fine. */
const ATTEMPTS_MAX = 5;
const WARN_EVERY_MS = 60_000;

export class OtlpExporter {
  readonly #options: OtlpOptions;
  readonly #url: string;
  #waiting: FinishedSpan[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #attempts = 0;
  #pauseMs = 0;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  readonly #counts = { exported: 0, dropped: 0, failedRequests: 0 };

  /** Fails with `otlp.endpoint` when it is no http(s) URL. */
  constructor(options: OtlpOptions) {
    this.#options = options;
    this.#url = tracesUrl(options.endpoint, options.isWholeUrl === true);
  }

  counts(): OtlpCounts {
    return { ...this.#counts, waiting: this.#waiting.length };
  }

  /** Takes it, or counts it as dropped. */
  readonly export = (span: FinishedSpan): void => {
    if (this.#isClosed || this.#waiting.length >= WAITING_MAX) return this.#drop(1, "the collector is too slow");
    this.#waiting.push(span);
    if (this.#waiting.length >= BATCH_MAX && this.#pauseMs === 0) this.#soon(0);
    else this.#soon(Math.max(INTERVAL_MS, this.#pauseMs));
  };

  /** What is left is sent, once, within a limit. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const over = Promise.withResolvers<void>();
    const limit = this.#options.clock.after(CLOSE_TIMEOUT_MS, over.resolve);
    await Promise.race([this.#sendAll(), over.promise]);
    limit.cancel();
    if (this.#waiting.length > 0) this.#drop(this.#waiting.splice(0).length, "the node ended");
  }

  #soon(delayMs: number): void {
    if (this.#sending || (this.#timer && delayMs > 0)) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      void this.#send();
    });
  }

  async #sendAll(): Promise<void> {
    await this.#sending;
    for (let before = Number.POSITIVE_INFINITY; this.#waiting.length > 0 && this.#waiting.length < before; ) {
      before = this.#waiting.length;
      await this.#send();
    }
  }

  #send(): Promise<void> {
    this.#sending = this.#sendBatch().finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length === 0 || this.#isClosed) return;
      this.#soon(this.#pauseMs > 0 ? this.#pauseMs : this.#waiting.length >= BATCH_MAX ? 0 : INTERVAL_MS);
    });
    return this.#sending;
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.slice(0, BATCH_MAX);
    const outcome = await this.#post(tracesRequest(this.#options.resource, batch));
    if (outcome === "taken") {
      this.#counts.exported += batch.length;
      this.#attempts = this.#pauseMs = 0;
    } else {
      this.#counts.failedRequests++;
      this.#pauseMs = Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS, this.#pauseMs * 2));
      if (outcome.isRetryable && ++this.#attempts < ATTEMPTS_MAX) return this.#warn(outcome.why);
      this.#attempts = 0;
      this.#drop(batch.length, outcome.why);
    }
    this.#waiting.splice(0, batch.length);
  }

  async #post(body: string): Promise<"taken" | { readonly isRetryable: boolean; readonly why: string }> {
    const { clock, fetch: send = fetch, headers } = this.#options;
    const late = new AbortController();
    const timer = clock.after(REQUEST_TIMEOUT_MS, () =>
      late.abort(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)),
    );
    try {
      const response = await send(this.#url, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
        redirect: "error",
        signal: late.signal,
        ...NO_PROXY,
      });
      await response.body?.cancel();
      if (response.ok) return "taken";
      return { isRetryable: RETRYABLE.has(response.status), why: `it answered ${response.status}` };
    } catch (thrown) {
      return { isRetryable: true, why: messageOf(thrown) };
    } finally {
      timer.cancel();
    }
  }

  #drop(count: number, why: string): void {
    this.#counts.dropped += count;
    this.#warn(why);
  }

  #warn(why: string): void {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = nowMs;
    const { dropped, failedRequests } = this.#counts;
    this.#options.warn(
      `traces to ${this.#url}: ${why}; ${failedRequests} requests failed, ${dropped} spans dropped so far`,
    );
  }
}

const TRACES_PATH = "/v1/traces";

function tracesUrl(endpoint: string, isWhole: boolean): string {
  const url = URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.hash !== "") {
    const message = `the collector's address is ${JSON.stringify(endpoint.slice(0, 200))}; a URL such as http://127.0.0.1:4318 is required`;
    throw new Failure("otlp.endpoint", message);
  }
  if (!isWhole && !url.pathname.endsWith(TRACES_PATH)) url.pathname = url.pathname.replace(/\/$/, "") + TRACES_PATH;
  return url.href;
}
