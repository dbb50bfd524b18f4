/** What the HTTP API is given: a table of routes, and narrow ports to what lies behind them. It knows no contract by itself. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Tracer } from "../../base/trace.ts";
import type { Call, Caller, Connection, Contract, Reply } from "../../wire/rpc/index.ts";
import type { ServiceDoor } from "../../work/service/words/index.ts";

export type Verb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** How a list is told in pages. Whatever the method does, callers see `limit`, an opaque `cursor` and `next_cursor`. */
export type Paged =
  /** The method gives all of it; an item is known again by its key. */
  | { readonly kind: "slice"; readonly items: string; readonly key: string }
  /** The method takes `limit` and `after`, the key of the last item that is known, and says whether there is `more`. */
  | { readonly kind: "after"; readonly items: string; readonly key: string }
  /** The method takes `from`, a position, and tells the `total`. */
  | { readonly kind: "from"; readonly items: string; readonly total: string }
  /** The method takes `limit`, at most `limitMax`, and `offset`, and tells the next offset in `next`. */
  | { readonly kind: "offset"; readonly items: string; readonly next: string; readonly limitMax: number }
  /** The method takes `limit` and `cursor` itself, and tells the next one in `next`. */
  | { readonly kind: "cursor"; readonly items: string; readonly next: string };

/** A path of the API and the method behind it. Fields of the input come from the path, the query and the body. */
export interface Route {
  readonly verb: Verb;
  /** `/pipelines/{pipeline}/pause`: a name in braces is a field of the method's input. */
  readonly path: string;
  readonly contract: string;
  readonly method: string;
  /** A group on the page. */
  readonly tag: string;
  /** In place of the method's own words. */
  readonly about?: string;
  /** Of a success; 200 when left out. */
  readonly status?: number;
  /** Answered without a token, on behalf of nobody in particular. */
  readonly isPublic?: boolean;
  /** Fields that the path itself says. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  readonly paged?: Paged;
  /** A field of the output: where it is missing or an empty list there is nothing at the path, which is 404. The method says so by 200. */
  readonly content?: string;
}

/** What carries out calls: a Dispatcher. */
export interface CallPort {
  call(call: Call): Promise<Reply>;
  readonly contracts: readonly Contract[];
}

export interface Readiness {
  readonly live: boolean;
  readonly ready: boolean;
  /** For people: `draining`. No data. */
  readonly why?: string | undefined;
}

/** How a request came. */
export interface RequestInfo extends Connection {
  readonly address?: string | undefined;
  /** The answer is there: the connection may be cut for its silence again. */
  readonly settled?: () => void;
}

/** In the form that the `Accept` header asked for. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

export interface AdminPorts {
  readonly routes: readonly Route[];
  readonly dispatcher: CallPort;
  /** Fails with `rpc.unauthenticated`, or with `auth.locked_out` (429, `data.retryAfterMs`). */
  readonly authenticate: (request: Request, sender: Pick<RequestInfo, "address">) => Caller | Promise<Caller>;
  readonly readiness: () => Readiness;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly services?: ServiceDoor | undefined;
  /** The text of Prometheus. */
  readonly metrics?: ((accept: string | null) => MetricsPage | Promise<MetricsPage>) | undefined;
  /** Public pages without data in them: the dashboard and its files. */
  readonly pages?: ((path: string, headers: Headers) => Response | Promise<Response> | undefined) | undefined;
  readonly tracer?: Tracer | undefined;
  /** Of one input of a contract under `/rpc`. */
  readonly requestBytesMax?: number | undefined;
}
