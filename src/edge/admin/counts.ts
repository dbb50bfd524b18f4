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

const VERBS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];
const OTHER = VERBS.length - 1;
/** Classes of status: 0xx to 9xx. */
const GROUPS = 10;

export class HttpCounter {
  /** Of each route by verb and class of status: no text is made for a request. */
  readonly #routes = new Map<string, (RouteCounts | undefined)[]>();
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
    const counts = this.#of(route, told, (status / 100) | 0);
    counts.requests++;
    counts.latency.record(tookMs);
  }

  #of(route: string, told: string, group: number): RouteCounts {
    let kinds = this.#routes.get(route);
    if (!kinds) {
      kinds = [];
      this.#routes.set(route, kinds);
    }
    const known = VERBS.indexOf(told);
    const verb = known === -1 ? OTHER : known;
    const kind = verb * GROUPS + group;
    kinds[kind] ??= { route, verb: VERBS[verb]!, status: `${group}xx`, requests: 0, latency: new Histogram() };
    return kinds[kind];
  }

  counts(): HttpCounts {
    return {
      routes: [...this.#routes.values()].flatMap((each) => each.filter((counts) => counts !== undefined)),
      open: this.#open,
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      authFailures: this.#authFailures,
      lockedOut: this.#lockedOut,
    };
  }
}
