/**
 * Masks before a route: what others must not see is hidden in requests before they are sent on, and in replies before the client gets
 * them. Bodies are taken whole, up to a bound; lists of records that come one by one (server-sent events, NDJSON) are masked record by
 * record. What cannot be looked into is refused: forms of data that masks do not read (gRPC, msgpack), connections that leave HTTP.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { type HeaderList, headersOf, withHeader, withoutHeader } from "../../../wire/http/index.ts";
import {
  changedBody,
  type Passage,
  type Refusal,
  type ReplyGuard,
  refusalOf,
  type Step,
  type Went,
} from "../core/index.ts";
import { bodyKind, type InflateBounds, type MaskRules, maskForm, mayHide } from "../mask/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import { type GatheredPieces, gatherHeld } from "./held-body.ts";
import { HeldSource } from "./held-source.ts";
import type { MaskCounts } from "./mask-counts.ts";
import type { MaskWork } from "./mask-work.ts";
import { maskedHeaders } from "./masked-headers.ts";
import { ReplyMasks } from "./reply-masks.ts";
import { trailing } from "./trailing-sink.ts";
import { maskWhole } from "./whole-body.ts";

const UNREADABLE = "gateway.body_unreadable";
const UNSUPPORTED_MEDIA_TYPE = 415;
const NOT_IMPLEMENTED = 501;

/** `request` and `reply`: what is hidden there; undefined: nothing. At least one of them is there. */
export interface RouteMaskRules {
  readonly request: MaskRules | undefined;
  readonly reply: MaskRules | undefined;
}

export class RouteMasks {
  readonly counts: MaskCounts;
  readonly #rules: RouteMaskRules;
  readonly #bounds: InflateBounds;
  readonly #work: MaskWork;

  /** `bounds.inflatedBytesMax` holds for bodies as they come too. `work`: of all routes. `counts`: those of the same route before. */
  constructor(
    rules: RouteMaskRules,
    bounds: InflateBounds,
    work: MaskWork,
    counts: MaskCounts = { masked: 0, refused: 0 },
  ) {
    this.#rules = rules;
    this.#bounds = bounds;
    this.#work = work;
    this.counts = counts;
  }

  readonly step: Step = (passage) => {
    const { reply, request } = this.#rules;
    const types = headersOf(passage.request.headers, "content-type");
    const refusal = unreadable(passage, types, request !== undefined);
    if (refusal !== undefined) return this.#refuse(passage, refusal);
    // What comes back has to be read; a coding that nobody here knows could not be.
    if (reply !== undefined) passage.headers = wholeAndPlain(passage.headers);
    return request === undefined ? "on" : this.#request(passage, types[0] ?? "", request);
  };

  #request(passage: Passage, type: string, rules: MaskRules): Went {
    try {
      this.#requestHead(passage, rules);
    } catch (thrown) {
      return this.#refuseFor(passage, thrown);
    }
    if (passage.body.length === 0) return "on";
    if (!mayHide(type, rules)) return this.#unseen(passage, rules);
    const held = this.#work.holder(passage.client);
    passage.atEnd(() => held.free());
    let isNow = true;
    let result: Went = "held";
    const wentOn = (went: Went): void => {
      result = went;
      if (!isNow && went === "on") passage.goOn();
    };
    gatherHeld(passage.body, this.#bounds.inflatedBytesMax, held, (outcome) => {
      if (passage.isEnded) return;
      if (outcome instanceof Failure) wentOn(this.#refuseFor(passage, outcome));
      else this.#gathered(passage, { type, rules, held, outcome }, wentOn);
    });
    isNow = false;
    return result;
  }

  /** It goes on as it comes, and may end with trailers. */
  #unseen(passage: Passage, rules: MaskRules): Went {
    const refused = (failure: Failure): void => {
      this.counts.refused++;
      passage.break(failure, refusalOf(failure));
    };
    passage.body = trailing(passage.body, (trailers) => maskedHeaders(trailers, rules), refused);
    return "on";
  }

  #requestHead(passage: Passage, rules: MaskRules): void {
    passage.headers = maskedHeaders(passage.headers, rules);
    const { hit } = passage;
    if (hit === undefined || hit.query === "") return;
    const { count, text } = maskForm(hit.query, rules);
    if (count > 0) passage.hit = { ...hit, query: text };
    this.#note(passage, count);
  }

  #gathered(passage: Passage, { held, outcome, rules, type }: RequestBody, went: (went: Went) => void): void {
    const contentEncoding = headersOf(passage.headers, "content-encoding").join(", ");
    const body = { pieces: outcome.pieces, contentType: type, contentEncoding };
    const job = maskWhole(body, { rules, bounds: this.#bounds, work: this.#work, held }, (masked) => {
      if (passage.isEnded) return;
      try {
        if (masked instanceof Failure) throw masked;
        const trailers = outcome.trailers && maskedHeaders(outcome.trailers, rules);
        if (masked.isChanged) passage.headers = changedBody(passage.headers);
        this.#note(passage, masked.count);
        passage.body = new HeldSource(masked.pieces, held, trailers);
      } catch (thrown) {
        return went(this.#refuseFor(passage, thrown));
      }
      went("on");
    });
    passage.atEnd(() => job.cancel());
  }

  #refuseFor(passage: Passage, thrown: unknown): Went {
    const failure = toFailure(thrown, "gateway.defect");
    return this.#refuse(passage, refusalOf(failure), failure.message);
  }

  #refuse(passage: Passage, refusal: Refusal, detail?: string): Went {
    this.counts.refused++;
    passage.refuse(refusal, detail);
    return "ended";
  }

  #note(passage: Passage, count: number): void {
    if (count === 0) return;
    this.counts.masked += count;
    passage.notes.push({ masked: count });
  }

  /** Undefined where nothing is hidden in replies. */
  get guard(): ReplyGuard | undefined {
    const { reply } = this.#rules;
    if (reply === undefined) return undefined;
    const masks = new ReplyMasks(reply, this.#bounds, this.#work, this.counts);
    return { isStrict: true, take: (passage, head, length, open) => masks.take(passage, head, length, open) };
  }
}

/** Several parts of a reply nobody could look into; one part is refused where its type has to be looked into. */
function wholeAndPlain(headers: HeaderList): HeaderList {
  const plain = withHeader(headers, "accept-encoding", "identity");
  if (!headersOf(plain, "range").join(",").includes(",")) return plain;
  return withoutHeader(withoutHeader(plain, "range"), "if-range");
}

interface RequestBody {
  readonly type: string;
  readonly rules: MaskRules;
  readonly held: HeldBytes;
  readonly outcome: GatheredPieces;
}

/** Whatever the request carries or asks for that masks of this route could not look into. */
function unreadable(
  { body, request }: Passage,
  types: readonly string[],
  isRequestMasked: boolean,
): Refusal | undefined {
  const why = (status: number, detail: string): Refusal => ({ status, code: UNREADABLE, detail });
  if (request.protocol !== undefined)
    return why(NOT_IMPLEMENTED, "this route hides data, which it cannot in a connection that leaves HTTP");
  const type = types[0] ?? "";
  if (/^application\/grpc/i.test(type))
    return why(UNSUPPORTED_MEDIA_TYPE, "this route hides data, which it cannot in gRPC messages");
  if (!isRequestMasked || body.length === 0) return undefined;
  if (types.length > 1) return why(UNSUPPORTED_MEDIA_TYPE, "the body has more than one content type");
  if (bodyKind(type) !== "records") return undefined;
  return why(UNSUPPORTED_MEDIA_TYPE, "this route hides data, which it cannot in bodies of this type");
}
