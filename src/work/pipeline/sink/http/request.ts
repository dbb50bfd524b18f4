/** One request with its answer, each within its bounds. What goes wrong on the way is an outcome too: it may go better later. */

import type { Clock } from "../../../../base/clock.ts";
import { messageOf } from "../../../../base/errors.ts";
import { NO_PROXY } from "../../../../base/no-proxy.ts";
import { type Outcome, outcomeOf } from "./answer.ts";
import type { HttpSettings } from "./settings.ts";

export interface Delivery {
  readonly body: Uint8Array;
  readonly key: string;
}

/** An answer is a few words; of a longer one the rest is not read. */
const ANSWER_BYTES_MAX = 64 * 1024;
const TYPES = { ndjson: "application/x-ndjson", json: "application/json" } as const;

export class Requests {
  readonly #settings: HttpSettings;
  readonly #clock: Clock;
  readonly #ca: string | undefined;

  constructor(settings: HttpSettings, clock: Clock, ca: string | undefined) {
    this.#settings = settings;
    this.#clock = clock;
    this.#ca = ca;
  }

  /** Never fails; an aborted one is an outcome that nobody looks at. */
  async send(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const { timeoutMs } = this.#settings;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    const timer = this.#clock.after(timeoutMs, end);
    signal.addEventListener("abort", end, { once: true });
    try {
      const response = await fetch(this.#settings.url, { ...this.#init(delivery), signal: ended.signal });
      const text = await beginningOf(response);
      return outcomeOf(response.status, response.headers.get("retry-after"), text, this.#clock.now());
    } catch (thrown) {
      const what = ended.signal.aborted ? `no answer within ${timeoutMs} ms` : messageOf(thrown);
      return { kind: "later", what, waitMs: undefined };
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", end);
    }
  }

  #init({ body, key }: Delivery): BunFetchRequestInit {
    const { format, headers, isLocal, method } = this.#settings;
    return {
      method,
      body: body as Uint8Array<ArrayBuffer>, // a copy of its own, never shared memory
      headers: { ...headers, "content-type": TYPES[format], "idempotency-key": key },
      redirect: "manual",
      decompress: false,
      ...(isLocal && NO_PROXY),
      ...(this.#ca !== undefined && { tls: { ca: this.#ca } }),
    };
  }
}

async function beginningOf({ body }: Response): Promise<string> {
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = body.getReader();
  while (bytes < ANSWER_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString("utf8");
    chunks.push(value);
    bytes += value.length;
  }
  await reader.cancel();
  return Buffer.concat(chunks).toString("utf8");
}
