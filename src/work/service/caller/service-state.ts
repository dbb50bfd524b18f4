/** What is held of a service whatever its versions and places: calls under way, its retry budget, its counts. */
import { Failure } from "../../../base/errors.ts";
import { RetryBudget } from "../../../protocol/retry/index.ts";
import { BUDGET_RESERVE, BUDGET_SHARE, BUDGET_WINDOW_MS, STREAMS_OPEN_MAX } from "./limits.ts";
import { MethodTally } from "./tally.ts";

export class ServiceState {
  readonly name: string;
  readonly budget = new RetryBudget({ share: BUDGET_SHARE, reserve: BUDGET_RESERVE, windowMs: BUDGET_WINDOW_MS });
  readonly #callsMax: number;
  readonly #tallies = new Map<string, MethodTally>();
  #calls = 0;
  #streams = 0;

  constructor(name: string, callsMax: number) {
    this.name = name;
    this.#callsMax = callsMax;
  }

  get isIdle(): boolean {
    return this.#calls + this.#streams === 0;
  }

  get tallies(): readonly MethodTally[] {
    return [...this.#tallies.values()];
  }

  tally(method: string): MethodTally {
    const tally = this.#tallies.get(method) ?? new MethodTally(this.name, method);
    this.#tallies.set(method, tally);
    return tally;
  }

  /** The bulkhead: one service that does not answer must not hold all that this node can have under way. */
  enter(what: string): void {
    const refusal = this.admit(what);
    if (refusal) throw refusal;
  }

  /** Why not, instead of a throw. */
  admit(what: string): Failure | undefined {
    if (this.#calls >= this.#callsMax) return overloaded(what, `${this.#calls} calls`, this.#callsMax);
    this.#calls++;
    return undefined;
  }

  leave(): void {
    this.#calls--;
  }

  openStream(what: string): void {
    if (this.#streams >= STREAMS_OPEN_MAX) throw overloaded(what, `${this.#streams} streams`, STREAMS_OPEN_MAX);
    this.#streams++;
  }

  closeStream(): void {
    this.#streams--;
  }
}

function overloaded(what: string, held: string, max: number): Failure {
  const message = `${what} was not begun: this node has ${held} of that service under way, at most ${max} are allowed`;
  return new Failure("service.overloaded", message, { retryable: true });
}
