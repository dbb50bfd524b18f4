/** JSON that is masked as it comes. It says of what is no JSON that the body cannot be read. */
import { Failure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { MaskBudget } from "./budget.ts";
import { ByteFlow } from "./byte-flow.ts";
import { JsonMask } from "./json-mask.ts";
import { NoJson } from "./json-text.ts";
import type { MaskRules } from "./rules.ts";

export class JsonFlow extends ByteFlow {
  constructor(rules: MaskRules) {
    const budget = new MaskBudget();
    budget.grant(0);
    super(new JsonMask(rules, budget), budget);
  }

  /** Throws `gateway.body_unreadable`. */
  override *feed(chunk: Uint8Array, isLast: boolean): InTurns<void> {
    try {
      yield* super.feed(chunk, isLast);
    } catch (cause) {
      throw noJson(cause);
    }
  }
}

/** What was thrown, in the words of a body. */
export function noJson(cause: unknown): unknown {
  if (!(cause instanceof NoJson)) return cause;
  return new Failure(
    "gateway.body_unreadable",
    `looking for fields to hide in a body: ${cause.message}, JSON is required`,
    { cause },
  );
}
