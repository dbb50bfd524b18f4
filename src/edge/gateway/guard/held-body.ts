/** A request's body gathered whole, in pieces, as far as one may be long, and as far as all that are held together leave room. */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import { bodiesFull } from "./whole-body.ts";

export interface GatheredPieces {
  readonly pieces: KeptBytes;
  readonly trailers: HeaderList | undefined;
}

/** `done` is called once, with `gateway.bodies_full` where there is no room, and `gateway.body_too_large`. */
export function gatherHeld(
  source: BodySource,
  bytesMax: number,
  held: HeldBytes,
  done: (outcome: GatheredPieces | Failure) => void,
): void {
  if (source.length === undefined || source.length <= bytesMax) return source.start(new HeldSink(bytesMax, held, done));
  const failure = tooLarge(source.length, bytesMax);
  source.cancel(failure);
  done(failure);
}

class HeldSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #bytesMax: number;
  readonly #held: HeldBytes;
  readonly #kept = new KeptBytes();
  #done: ((outcome: GatheredPieces | Failure) => void) | undefined;

  constructor(bytesMax: number, held: HeldBytes, done: (outcome: GatheredPieces | Failure) => void) {
    this.#bytesMax = bytesMax;
    this.#held = held;
    this.#done = done;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#done === undefined) return false;
    const size = this.#kept.size + chunk.byteLength;
    if (size > this.#bytesMax) return this.#refuse(tooLarge(size, this.#bytesMax));
    if (!this.#held.to(size)) return this.#refuse(bodiesFull());
    this.#kept.push(chunk);
    return true;
  }

  #refuse(failure: Failure): false {
    this.#finish(failure);
    this.onCancel?.(failure);
    return false;
  }

  end(trailers?: HeaderList): void {
    this.#finish({ pieces: this.#kept, trailers });
  }

  abort(cause: Failure): void {
    this.#finish(cause);
  }

  #finish(outcome: GatheredPieces | Failure): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome);
  }
}

function tooLarge(bytes: number, bytesMax: number): Failure {
  return new Failure("gateway.body_too_large", `gathering a body: ${bytes} bytes, at most ${bytesMax} are allowed`);
}
