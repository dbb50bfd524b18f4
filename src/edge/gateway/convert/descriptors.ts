/**
 * The descriptors of one route: given by files, or fetched from the upstream by the first request that needs them. Requests wait for one fetch
 * together; after a failed one the next is made no sooner than its pause; a method that is not known has them fetched again, for the upstream may
 * have learnt it.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { DescriptorStore } from "../../../wire/protobuf/index.ts";
import { REFLECTION_REFRESH_MS, REFLECTION_RETRY_MS, REFLECTION_WAITERS_MAX } from "./limits.ts";
import { reflect } from "./reflection-client.ts";
import type { ConvertAsk, ConvertMatch } from "./words.ts";

type Waiter = (result: DescriptorStore | Failure) => void;

export class RouteDescriptors {
  readonly given: DescriptorStore | undefined;
  readonly #clock: Clock;
  #fetched: DescriptorStore | undefined;
  #failure: Failure | undefined;
  #nextMs = Number.NEGATIVE_INFINITY;
  #waiters: Waiter[] = [];
  #isFetching = false;
  fetches = 0;
  failures = 0;

  constructor(given: DescriptorStore | undefined, clock: Clock) {
    this.given = given;
    this.#clock = clock;
  }

  /** Those that are there, at once; else they are fetched by this request's way. */
  get(match: ConvertMatch, ask: ConvertAsk, use: Waiter): void {
    const known = this.given ?? this.#fetched;
    if (known !== undefined) return use(known);
    if (!this.#isFetching && this.#failure !== undefined && this.#clock.monotonic() < this.#nextMs)
      return use(this.#failure);
    this.#wait(match, ask, use);
  }

  /** Fetched anew, where that may help: after what is known was not enough. Else as it was. */
  refresh(match: ConvertMatch, ask: ConvertAsk, use: Waiter): void {
    const known = this.given ?? this.#fetched;
    if (this.given !== undefined || (known !== undefined && this.#clock.monotonic() < this.#nextMs)) return use(known!);
    this.#wait(match, ask, use);
  }

  #wait(match: ConvertMatch, ask: ConvertAsk, use: Waiter): void {
    if (this.#waiters.length >= REFLECTION_WAITERS_MAX) {
      return use(
        new Failure(
          "gateway.convert_busy",
          `converting failed: ${this.#waiters.length} requests wait for descriptors; fewer are required`,
        ),
      );
    }
    this.#waiters.push(use);
    if (this.#isFetching) return;
    this.#isFetching = true;
    reflect(match, ask, (result) => this.#fetchedAs(result));
  }

  #fetchedAs(result: DescriptorStore | Failure): void {
    this.#isFetching = false;
    this.fetches++;
    const isFailed = result instanceof Failure;
    this.#nextMs = this.#clock.monotonic() + (isFailed ? REFLECTION_RETRY_MS : REFLECTION_REFRESH_MS);
    if (isFailed) {
      this.failures++;
      this.#failure = result;
    } else {
      this.#fetched = result;
      this.#failure = undefined;
    }
    // A refresh that failed leaves what was known.
    const outcome = isFailed ? (this.#fetched ?? result) : result;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(outcome);
  }
}
