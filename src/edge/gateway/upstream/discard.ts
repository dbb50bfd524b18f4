/** A reply that nobody wants: a small one is read to its end, so that its connection can be used again; a longer one is cut off. */
import { Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource } from "../../../wire/http/index.ts";

/** Less than a new connection costs. */
const READ_BYTES_MAX = 64 * 1_024;

export function discard(body: BodySource, bytesMax = READ_BYTES_MAX): void {
  if (body.length !== undefined && body.length > bytesMax) body.cancel(unwanted());
  else body.start(new DiscardingSink(bytesMax));
}

class DiscardingSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  #left: number;

  constructor(bytesMax: number) {
    this.#left = bytesMax;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#left < 0) return false;
    this.#left -= chunk.byteLength;
    if (this.#left < 0) this.onCancel?.(unwanted());
    return this.#left >= 0;
  }

  end(): void {}

  abort(): void {}
}

function unwanted(): Failure {
  return new Failure("gateway.unwanted", "nobody wants this reply");
}
