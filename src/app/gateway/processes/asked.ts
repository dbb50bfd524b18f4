/** Questions over a channel that wait for their answers, each with a number and a deadline. */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";

/** Each is a request that waits; beyond, they are refused at once. */
const ASKED_MAX = 10_000;

interface Waiting {
  readonly answered: PromiseWithResolvers<unknown>;
  readonly timer: Timer;
}

export class Asked<Answer> {
  readonly #clock: Clock;
  readonly #what: string;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #id = 0;

  constructor(clock: Clock, what: string, timeoutMs: number) {
    this.#clock = clock;
    this.#what = what;
    this.#timeoutMs = timeoutMs;
  }

  /** `send` gets the number. Fails with `gateway.process_busy`, `gateway.process_silent`, or what `fail` was given. */
  ask(send: (id: number) => void): Promise<Answer> {
    if (this.#waiting.size >= ASKED_MAX) {
      const failure = new Failure("gateway.process_busy", `${this.#what}: ${ASKED_MAX} wait already`, {
        retryable: true,
      });
      return Promise.reject(failure);
    }
    const id = ++this.#id;
    const answered = Promise.withResolvers<unknown>();
    const timer = this.#clock.after(this.#timeoutMs, () => this.fail(id, this.#silent()));
    this.#waiting.set(id, { answered, timer });
    send(id);
    return answered.promise as Promise<Answer>; // `answer` takes nothing else
  }

  answer(id: number, answer: Answer): void {
    this.#take(id)?.resolve(answer);
  }

  fail(id: number, failure: Failure): void {
    this.#take(id)?.reject(failure);
  }

  /** Nobody answers any more. */
  close(failure: Failure): void {
    for (const id of [...this.#waiting.keys()]) this.fail(id, failure);
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.timer.cancel();
    return waiting?.answered;
  }

  #silent(): Failure {
    const message = `${this.#what}: no answer within ${this.#timeoutMs} ms`;
    return new Failure("gateway.process_silent", message, { retryable: true });
  }
}
