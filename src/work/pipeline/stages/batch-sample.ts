/**
 * A copy of one batch of a stage, for hosts that warm up: the first that a host has finished once somebody has asked, so that
 * no host dies of it. It stays as it is, since batches of one pipeline are much alike.
 */
import type { Item } from "./types.ts";

/** A larger one would take longer to send, once for each host, than it saves. */
const SAMPLE_BYTES_MAX = 4 * 2 ** 20;

export class BatchSample {
  #wanted = false;
  /** Base64: it travels over the control channel. */
  text: string | undefined;
  readonly #taken = Promise.withResolvers<string>();

  /** The next batch is to be taken. */
  want(): void {
    this.#wanted = this.text === undefined;
  }

  /** Resolves when there is one: perhaps never. */
  get taken(): Promise<string> {
    this.want();
    return this.#taken.promise;
  }

  /** A batch has been processed and is still where it was. On the way of every batch: it must cost nothing. */
  pass(item: Item): void {
    if (!this.#wanted || item.bytes > SAMPLE_BYTES_MAX || item.finish) return;
    this.#wanted = false;
    this.text = Buffer.from(item.slot.view.subarray(0, item.bytes)).toString("base64");
    this.#taken.resolve(this.text);
  }
}
