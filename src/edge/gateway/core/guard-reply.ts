/** Where a reply goes that guards look at before the client gets any of it: through one behind the other, each opening the next. */
import { toFailure } from "../../../base/errors.ts";
import type { BodySink, ReplyHead } from "../../../wire/http/index.ts";
import { ClosedSink } from "./closed.ts";
import { refusalOf } from "./failures.ts";
import { isRefusal, type Refusal, type ReplyGuard, type ReplyWay } from "./words.ts";

/** `at`: the guard that sees it next. */
export function guardReply(
  way: ReplyWay,
  guards: readonly ReplyGuard[],
  head: ReplyHead,
  length: number | undefined,
  at = 0,
): BodySink {
  const guard = guards[at];
  if (guard === undefined) return way.respondUnguarded(head, length);
  const taken = orRefusal(() =>
    guard.take(way, head, length, (seen, size) => guardReply(way, guards, seen, size, at + 1)),
  );
  if (!isRefusal(taken)) return taken;
  way.refuse(taken);
  return new ClosedSink();
}

/** What a guard throws is a refusal: what it could not look at does not go on. */
function orRefusal(take: () => BodySink | Refusal): BodySink | Refusal {
  try {
    return take();
  } catch (thrown) {
    return refusalOf(toFailure(thrown, "gateway.defect"));
  }
}
