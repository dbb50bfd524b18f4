/** The words of limits: what a request is counted by, and what becomes of it. Times are monotonic milliseconds, handed in. */
import type { HeaderList } from "../../../wire/http/index.ts";
import type { LimitPlan } from "../words/index.ts";

/** What keys are read from. */
export interface LimitRequest {
  /** As `ClientAddresses` found it: canonical, IPv4 in IPv6 as IPv4. */
  readonly client: string;
  readonly headers: HeaderList;
  /** Of the token, where it was checked. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** `missing`: the request has no key and the limit says deny. `crowded`: no place to wait, or no place to count another key in. */
export type LimitCause = "rate" | "concurrency" | "missing" | "crowded";

/**
 * `pass`: go on, and `release` it when the exchange is over. `wait`: its `onSettled` is called once, with one of the others; `cancel`
 * it when the client goes. `reject`: answer `status` with `refusalHeaders`. `drop`: no answer, `exchange.reset`.
 */
export class LimitVerdict {
  kind: "pass" | "wait" | "reject" | "drop" = "pass";
  cause: LimitCause | undefined = undefined;
  /** The one that refused; of `pass` the one that has the least left. */
  limit: LimitPlan | undefined = undefined;
  /** What is left under `limit`. */
  remaining = 0;
  /** Until all of `limit` is there again. */
  resetMs = 0;
  /** Of a refusal: asking before this is in vain; infinity when nobody knows. */
  retryMs = 0;
  onSettled: ((verdict: LimitVerdict) => void) | undefined = undefined;
  /** The route's `ratelimit-policy`; empty where no limit may be told. */
  policy = "";
  /** Places taken under limits of concurrency. */
  held: HeldPlace[] | undefined = undefined;

  get status(): number {
    if (this.cause !== "missing") return 429;
    return this.limit?.key.kind === "claim" ? 403 : 400;
  }
}

export interface HeldPlace {
  readonly giveBack: (key: string) => void;
  readonly key: string;
}
