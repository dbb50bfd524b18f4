/**
 * CUSTOM: a `select` function given from outside. It is not trusted: whatever it does, somebody who may be chosen is chosen. When it
 * throws, or its answer is none of the ids it was given, the turn goes round robin and the fault is reported, each time.
 * Not here: a time limit. A function that must not hang this process belongs into another one.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import { eligible } from "./candidates.ts";
import type { Balancer, Candidate, Choice, CustomSelect } from "./contract.ts";
import { RoundRobin } from "./round-robin.ts";

/** `balance.custom.threw` or `balance.custom.wrong_answer`; `data.fallback` is the node chosen instead. */
export type CustomFaultListener = (fault: Failure) => void;

export class Custom implements Balancer {
  readonly #select: CustomSelect;
  readonly #report: CustomFaultListener;
  readonly #fallback = new RoundRobin();

  constructor(select: CustomSelect, report: CustomFaultListener) {
    this.#select = select;
    this.#report = report;
  }

  get remembered(): number {
    return this.#fallback.remembered;
  }

  /** `select` sees only those who may be chosen, in an array of its own. */
  pick(candidates: readonly Candidate[], choice: Choice, nowMs: number): string | undefined {
    const list = [...eligible(candidates, choice.exclude)];
    if (list.length === 0) return undefined;
    let answer: unknown;
    try {
      answer = this.#select([...list], choice, nowMs);
    } catch (thrown) {
      return this.#fallBack(list, nowMs, "balance.custom.threw", `threw: ${messageOf(thrown)}`, thrown);
    }
    const chosen = list.find(({ id }) => id === answer);
    if (chosen !== undefined) return chosen.id;
    return this.#fallBack(list, nowMs, "balance.custom.wrong_answer", `answered ${shown(answer)}`);
  }

  forget(id: string): void {
    this.#fallback.forget(id);
  }

  #fallBack(
    list: readonly Candidate[],
    nowMs: number,
    code: string,
    what: string,
    cause?: unknown,
  ): string | undefined {
    const fallback = this.#fallback.pick(list, {});
    const demand = `the id of one of its ${list.length} candidates is required; ${fallback} was chosen round robin`;
    this.#report(
      new Failure(code, `select of the CUSTOM balancer ${what}; ${demand}`, { data: { fallback, nowMs }, cause }),
    );
    return fallback;
  }
}

/** An answer may be of any size. */
const SHOWN_LENGTH_MAX = 80;

function shown(answer: unknown): string {
  if (answer instanceof Promise) {
    answer.catch(() => {}); // it is refused anyway, and reported: its own failure must not end the process
    return "a promise, but it must answer at once";
  }
  const text = typeof answer === "string" ? JSON.stringify(answer) : `something of type ${typeof answer}`;
  return answer === undefined ? "nothing" : text.slice(0, SHOWN_LENGTH_MAX);
}
