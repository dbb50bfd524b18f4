/** What the API has answered: by route, verb and class of status, how long it took, how much went in and out. Plain data. */
import { Histogram } from "../../base/histogram.ts";

export interface RouteCounts {
  /** A path of the table, `/rpc/{service}/{method}`, an endpoint's path, `page` or `other`: as many as there are routes. */
  readonly route: string;
  readonly verb: string;
  /** `2xx`, `4xx`, … */
  readonly status: string;
  requests: number;
  readonly latency: Histogram;
}

export interface HttpCounts {
  readonly routes: readonly RouteCounts[];
  /** Requests whose answers have not begun yet. */
  readonly open: number;
  readonly receivedBytes: number;
  /** Of answers that are no streams. */
  readonly sentBytes: number;
  /** Requests without a good token. */
  readonly authFailures: number;
  readonly lockedOut: number;
}

export interface Answered {
  readonly route: string;
  readonly verb: string;
  readonly status: number;
  readonly tookMs: number;
  readonly sentBytes: number;
}

const VERBS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export class HttpCounter {
  readonly #routes = new Map<string, RouteCounts>();
  #open = 0;
  #receivedBytes = 0;
  #sentBytes = 0;
  #authFailures = 0;
  #lockedOut = 0;

  begun(): void {
    this.#open++;
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  answered({ route, verb: told, status, tookMs, sentBytes }: Answered): void {
    this.#open--;
    this.#sentBytes += sentBytes;
    if (status === 401) this.#authFailures++;
    if (status === 429) this.#lockedOut++;
    const verb = VERBS.has(told) ? told : "OTHER";
    const group = (status / 100) | 0;
    const key = `${verb} ${group} ${route}`;
    let counts = this.#routes.get(key);
    if (!counts) {
      counts = { route, verb, status: `${group}xx`, requests: 0, latency: new Histogram() };
      this.#routes.set(key, counts);
    }
    counts.requests++;
    counts.latency.record(tookMs);
  }

  counts(): HttpCounts {
    return {
      routes: [...this.#routes.values()],
      open: this.#open,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      authFailures: this.#authFailures,
      lockedOut: this.#lockedOut,
    };
  }
}
