/** A request's body gathered whole, as far as one may be long, and as far as all that are held together leave room. */
import type { Failure } from "../../../base/errors.ts";
import { type BodySource, type Gathered, GatheringSink, gather } from "../../../wire/http/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import { bodiesFull } from "./whole-body.ts";

/** `done` is called once, with `gateway.bodies_full` where there is no room. */
export function gatherHeld(
  source: BodySource,
  bytesMax: number,
  held: HeldBytes,
  done: (outcome: Gathered | Failure) => void,
): void {
  const isTooLong = source.length !== undefined && source.length > bytesMax;
  if (isTooLong) gather(source, bytesMax, done);
  else source.start(new HeldSink(bytesMax, held, done));
}

class HeldSink extends GatheringSink {
  readonly #held: HeldBytes;
  #size = 0;
  #isOver = false;

  constructor(bytesMax: number, held: HeldBytes, done: (outcome: Gathered | Failure) => void) {
    super(bytesMax, done);
    this.#held = held;
  }

  override write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#size += chunk.byteLength;
    if (this.#held.to(this.#size)) return super.write(chunk);
    this.#isOver = true;
    const failure = bodiesFull();
    super.abort(failure);
    this.onCancel?.(failure);
    return false;
  }
}
