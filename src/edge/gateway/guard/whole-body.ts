/**
 * A whole body, masked: at once where it is short, else in turns, inflated in another thread before that where it came coded. All that it
 * is while that goes on counts as held.
 */
import { Failure, toFailure } from "../../../base/errors.ts";
import {
  atOnce,
  type BodyToMask,
  bodyKind,
  type InflateBounds,
  inflateBody,
  inflatedBytesAtMost,
  inflationOf,
  isCoded,
  type MaskedBody,
  type MaskRules,
  maskBody,
  plainInTurns,
} from "../mask/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { MaskJob } from "./mask-job.ts";
import type { MaskWork } from "./mask-work.ts";

/** Masked within a millisecond or so: then nobody has to wait for a turn. */
export const AT_ONCE_BYTES = 64 * 1024;
/** Inflated at once: what comes out is short too, or it is no usual text. */
const INFLATED_AT_ONCE_BYTES = 4 * 1024;

export interface WholeBodyPorts {
  readonly rules: MaskRules;
  readonly bounds: InflateBounds;
  readonly work: MaskWork;
  readonly held: HeldBytes;
}

/** `done` is called once, perhaps at once. The body's own bytes come back where nothing was hidden. */
export function maskWhole(
  body: BodyToMask,
  ports: WholeBodyPorts,
  done: (outcome: MaskedBody | Failure) => void,
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
  readonly #body: BodyToMask;
  readonly #ports: WholeBodyPorts;
  readonly #done: (outcome: MaskedBody | Failure) => void;
  #job: MaskJob | undefined;
  #isCancelled = false;

  constructor(body: BodyToMask, ports: WholeBodyPorts, done: (outcome: MaskedBody | Failure) => void) {
    this.#body = body;
    this.#ports = ports;
    this.#done = done;
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#job?.cancel();
  }

  begin(): void {
    const { bytes, contentEncoding, contentType } = this.#body;
    if (bytes.byteLength === 0 || bodyKind(contentType) === "binary") {
      this.#settle(unchanged(bytes));
      return;
    }
    const { bounds, rules } = this.#ports;
    if (!isCoded(contentEncoding))
      this.#try(() => (bytes.byteLength <= AT_ONCE_BYTES ? maskBody(this.#body, rules, bounds) : this.#plain(bytes)));
    else if (bytes.byteLength <= INFLATED_AT_ONCE_BYTES)
      this.#try(() => this.#plain(inflateBody(bytes, contentEncoding, bounds)));
    else this.#inflate();
  }

  #inflate(): void {
    const { bytes, contentEncoding } = this.#body;
    const { bounds, held, work } = this.#ports;
    const inflated = (outcome: Uint8Array | Failure): undefined => {
      if (outcome instanceof Failure) return this.#settle(outcome);
      held.to(bytes.byteLength + outcome.byteLength);
      this.#try(() => this.#plain(outcome));
    };
    this.#try(() => {
      const inflation = inflationOf(bytes, contentEncoding, bounds);
      const most = bytes.byteLength + inflatedBytesAtMost(bytes.byteLength, bounds);
      if (!held.to(most)) return bodiesFull();
      this.#job = work.inflations.run(inflation, held, inflated);
      return undefined;
    });
  }

  /** Undefined: it comes later. */
  #plain(plain: Uint8Array): MaskedBody | undefined {
    const { rules, work } = this.#ports;
    const turns = plainInTurns(plain, this.#body.contentType, rules);
    if (plain.byteLength <= AT_ONCE_BYTES) return atOnce(turns);
    this.#job = work.run(turns, (outcome) => this.#settle(outcome instanceof Failure ? outcome : outcome.result));
    return undefined;
  }

  #try(step: () => MaskedBody | Failure | undefined): void {
    let outcome: MaskedBody | Failure | undefined;
    try {
      outcome = step();
    } catch (thrown) {
      outcome = toFailure(thrown, "gateway.defect");
    }
    if (outcome !== undefined) this.#settle(outcome);
  }

  #settle(outcome: MaskedBody | Failure): undefined {
    if (this.#isCancelled) return;
    const isSame = !(outcome instanceof Failure) && !outcome.isChanged;
    this.#done(isSame ? unchanged(this.#body.bytes) : outcome);
  }
}

function unchanged(bytes: Uint8Array): MaskedBody {
  return { bytes, count: 0, isChanged: false };
}
