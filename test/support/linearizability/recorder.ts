/**
 * Records a history while clients run. It draws its own rising numbers in the order in which it is called: a call gets its number
 * before the request leaves and a return after the answer has come, so that no order is claimed that was not there. It reads no clock.
 */
import type { Operation } from "./operation.ts";

export interface Recording<Output> {
  /** The answer has come. */
  ok(output: Output): void;
  /** Certainly not done, now or later: the operation is left out. A time-out or a broken link is `unknown`. */
  fail(): void;
  /** It may have taken effect, may do so later, or never will. */
  unknown(): void;
}

interface Entry<Input, Output> {
  readonly client: number | string;
  readonly key: string;
  readonly callMs: number;
  readonly input: Input;
  outcome: { readonly kind: "open" | "failed" | "unknown" } | { readonly kind: "ok"; returnMs: number; output: Output };
}

export class HistoryRecorder<Input, Output> {
  #now = 0;
  readonly #entries: Entry<Input, Output>[] = [];

  invoke(client: number | string, key: string, input: Input): Recording<Output> {
    const entry: Entry<Input, Output> = { client, key, callMs: ++this.#now, input, outcome: { kind: "open" } };
    this.#entries.push(entry);
    const settle = (outcome: Entry<Input, Output>["outcome"]): void => {
      if (entry.outcome.kind !== "open") {
        throw new Error(
          `recording the outcome of client ${client}: it was ${entry.outcome.kind} already, told once only`,
        );
      }
      entry.outcome = outcome;
    };
    return {
      ok: (output) => settle({ kind: "ok", returnMs: ++this.#now, output }),
      fail: () => settle({ kind: "failed" }),
      unknown: () => settle({ kind: "unknown" }),
    };
  }

  /** In the order of calls. What is still open counts as unknown; what has failed is left out. */
  operations(): Operation<Input, Output>[] {
    return this.#entries.flatMap(({ client, key, callMs, input, outcome }) => {
      if (outcome.kind === "failed") return [];
      const known = outcome.kind === "ok" ? outcome : { returnMs: undefined, output: undefined };
      return [{ client, key, callMs, input, returnMs: known.returnMs, output: known.output }];
    });
  }
}
