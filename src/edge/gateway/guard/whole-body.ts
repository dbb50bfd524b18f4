/**
 * A whole body, masked: at once where it is short, else in turns, inflated in another thread before that where it came coded. All that it
 * is while that goes on counts as held.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import { finishAtOnce, type InTurns } from "../../../base/turns.ts";
import { KeptBytes } from "../../../wire/http/index.ts";
import {
  bodyKind,
  type InflateBounds,
  inflateBody,
  inflatedBytesAtMost,
  inflationOf,
  isCoded,
  MaskBudget,
  type MaskedPieces,
  type MaskRules,
  PlainMask,
  requireReadable,
} from "../mask/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { MaskJob } from "./mask-job.ts";
import type { MaskWork } from "./mask-work.ts";

/** Masked within a millisecond or so: then nobody has to wait for a turn. */
export const AT_ONCE_BYTES = 64 * 1024;
/** Inflated at once: what comes out is short too, or it is no usual text. */
const INFLATED_AT_ONCE_BYTES = 4 * 1024;

/** The pieces are whoever's who masks it. */
export interface WholeToMask {
  readonly pieces: KeptBytes;
  /** Values of the headers; empty without them. */
  readonly contentType: string;
  readonly contentEncoding: string;
}

export interface MaskedWhole extends MaskedPieces {
  /** Plain now: `content-encoding` has to go, and `content-length`, `etag` and digests are of another body. Else it is as it came. */
  readonly isChanged: boolean;
}

export interface WholeBodyPorts {
  readonly rules: MaskRules;
  readonly bounds: InflateBounds;
  readonly work: MaskWork;
  readonly held: HeldBytes;
}

/** `done` is called once, perhaps at once. */
export function maskWhole(
  body: WholeToMask,
  ports: WholeBodyPorts,
  done: (outcome: MaskedWhole | Failure) => void,
): MaskJob {
  const masking = new WholeBody(body, ports, done);
  masking.begin();
  return masking;
}

export function bodiesFull(): Failure {
  return new Failure(
    "gateway.bodies_full",
    "masking a body: as many bytes are held as all together, or those of this client, may have; fewer at a time are required",
    { data: { retryAfterMs: 1_000 } },
  );
}

class WholeBody implements MaskJob {
  readonly #body: WholeToMask;
  readonly #ports: WholeBodyPorts;
  readonly #done: (outcome: MaskedWhole | Failure) => void;
  #job: MaskJob | undefined;
  /** As it came, where it came coded: it goes on so where nothing is hidden. */
  #coded: Uint8Array | undefined;
  #isCancelled = false;

  constructor(body: WholeToMask, ports: WholeBodyPorts, done: (outcome: MaskedWhole | Failure) => void) {
    this.#body = body;
    this.#ports = ports;
    this.#done = done;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#job?.cancel();
  }

  begin(): void {
    const { contentEncoding, contentType, pieces } = this.#body;
    if (pieces.size === 0 || bodyKind(contentType) === "binary") this.#settle({ pieces, count: 0 });
    else this.#try(() => (isCoded(contentEncoding) ? this.#inflate() : this.#plain(pieces)));
  }

  #inflate(): MaskedPieces | Failure | undefined {
    const { contentEncoding, contentType, pieces } = this.#body;
    const { bounds, held, work } = this.#ports;
    requireReadable(contentType);
    const coded = pieces.takeAll();
    this.#coded = coded;
    if (coded.byteLength <= INFLATED_AT_ONCE_BYTES)
      return this.#plain(keptOf(inflateBody(coded, contentEncoding, bounds)));
    const inflation = inflationOf(coded, contentEncoding, bounds);
    if (!held.to(coded.byteLength + inflatedBytesAtMost(coded.byteLength, bounds))) return bodiesFull();
    this.#job = work.inflations.run(inflation, held, (outcome) => {
      if (outcome instanceof Failure) return this.#settle(outcome);
      this.#try(() => this.#plain(outcome));
    });
    return undefined;
  }

  /** Undefined: it comes later. */
  #plain(plain: KeptBytes): MaskedPieces | undefined {
    const { contentType } = this.#body;
    const { size } = plain;
    const mask = new PlainMask(shifted(plain), contentType, this.#ports.rules, new MaskBudget());
    if (size <= AT_ONCE_BYTES) return finishAtOnce(mask.run());
    if (!this.#holds(mask)) throw bodiesFull();
    const turns = this.#holding(mask);
    this.#job = this.#ports.work.run(turns, (outcome) =>
      this.#settle(outcome instanceof Failure ? outcome : outcome.result),
    );
    return undefined;
  }

  /** As much as it holds, from turn to turn. Throws `gateway.bodies_full`. */
  *#holding(mask: PlainMask): InTurns<MaskedPieces> {
    const turns = mask.run();
    for (;;) {
      const { done, value } = turns.next();
      if (!this.#holds(mask)) throw bodiesFull();
      if (done === true) return value;
      yield;
    }
  }

  /** False: there is no room for it. */
  #holds(mask: PlainMask): boolean {
    return this.#ports.held.to((this.#coded?.byteLength ?? 0) + mask.held);
  }

  #try(step: () => MaskedPieces | Failure | undefined): void {
    let outcome: MaskedPieces | Failure | undefined;
    try {
      outcome = step();
    } catch (thrown) {
      outcome = toFailure(thrown, "gateway.defect");
    }
    if (outcome !== undefined) this.#settle(outcome);
  }

  #settle(outcome: MaskedPieces | Failure): undefined {
    if (this.#isCancelled) return;
    if (outcome instanceof Failure) return this.#done(outcome) as undefined;
    const isChanged = outcome.count > 0;
    const isAsItCame = !isChanged && this.#coded !== undefined;
    this.#done({ ...outcome, isChanged, pieces: isAsItCame ? keptOf(this.#coded!) : outcome.pieces });
  }
}

function keptOf(bytes: Uint8Array): KeptBytes {
  const kept = new KeptBytes();
  kept.push(bytes);
  return kept;
}

/** They go as they are taken. */
function* shifted(kept: KeptBytes): Iterable<Uint8Array> {
  for (let piece = kept.shift(); piece !== undefined; piece = kept.shift()) yield piece;
}
