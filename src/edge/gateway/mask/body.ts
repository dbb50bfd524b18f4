/** Masks over a body that is there as a whole: made plain within bounds, and masked by its content type. */
import { finishAtOnce, type InTurns } from "../../../base/turns.ts";
import { bodyKind, requireReadable } from "./body-kind.ts";
import { MaskBudget } from "./budget.ts";
import { type InflateBounds, inflateBody } from "./inflate.ts";
import { PlainMask } from "./plain-mask.ts";
import type { MaskRules } from "./rules.ts";

export interface BodyToMask {
  readonly bytes: Uint8Array;
  /** Values of the headers; empty without them. */
  readonly contentType: string;
  readonly contentEncoding: string;
}

export interface MaskedBody {
  /** The body's own when nothing was hidden; then its coding is as it was. */
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Plain now: `content-encoding` has to go, and `content-length`, `etag` and digests are of another body. */
  readonly isChanged: boolean;
}

/** `budget`: of a stream whose records are masked one by one. Throws `gateway.body_unreadable` and `gateway.body_too_large`. */
export function maskBody(
  body: BodyToMask,
  rules: MaskRules,
  bounds: InflateBounds,
  budget = new MaskBudget(),
): MaskedBody {
  if (bodyKind(body.contentType) === "binary" || body.bytes.length === 0) return unchanged(body.bytes);
  requireReadable(body.contentType);
  const plain = inflateBody(body.bytes, body.contentEncoding, bounds);
  const masked = finishAtOnce(plainInTurns(plain, body.contentType, rules, budget));
  return masked.isChanged ? masked : unchanged(body.bytes);
}

/** One that is not coded. */
export function* plainInTurns(
  bytes: Uint8Array,
  contentType: string,
  rules: MaskRules,
  budget = new MaskBudget(),
): InTurns<MaskedBody> {
  const { count, pieces } = yield* new PlainMask([bytes], contentType, rules, budget).run();
  return count === 0 ? unchanged(bytes) : { bytes: pieces.takeAll(), count, isChanged: true };
}

function unchanged(bytes: Uint8Array): MaskedBody {
  return { bytes, count: 0, isChanged: false };
}
