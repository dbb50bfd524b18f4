/** Requests to a supervisor that are not answered yet, and its answers as promises: done, or a Failure that says why not. */
import { Failure } from "../../base/errors.ts";
import type { ReplyResult } from "../../protocol/supervision/index.ts";

/** What each refusal means, after the action that it refuses. */
const MEANING: Readonly<Record<Exclude<ReplyResult, "ok">, string>> = {
  already_started: "a child of that name runs, another name is required",
  already_present: "a child of that name exists and does not run; restart or delete it",
  not_found: "there is no child of that name",
  running: "it runs; terminate it before",
  restarting: "it is being restarted; terminate it before, or wait",
  simple_one_for_one: "children of a simple_one_for_one supervisor can only be started and terminated",
  start_failed: "it ended before it served",
  invalid_spec: "its spec is wrong",
  not_running: "the supervisor does not run",
};

interface Open {
  readonly action: string;
  readonly answer: PromiseWithResolvers<void>;
}

export class Requests {
  readonly #open = new Map<number, Open>();
  #last = 0;

  /** `action` is what a refusal says could not be done. */
  open(action: string): { readonly request: number; readonly answered: Promise<void> } {
    const answer = Promise.withResolvers<void>();
    this.#open.set(++this.#last, { action, answer });
    return { request: this.#last, answered: answer.promise };
  }

  settle(request: number, result: ReplyResult, detail: string | undefined): void {
    const open = this.#open.get(request);
    this.#open.delete(request);
    if (result === "ok") return open?.answer.resolve();
    const more = detail === undefined ? "" : ` (${detail})`;
    open?.answer.reject(new Failure(`supervision.${result}`, `cannot ${open.action}: ${MEANING[result]}${more}`));
  }
}
