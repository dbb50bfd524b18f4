/**
 * What a record batch cannot be decoded without: the schema and the dictionaries as they stand at that place of the stream.
 * A dictionary replaces the one of the same number, a delta comes on top of it.
 */
import { Failure } from "../../../base/errors.ts";
import type { ArrowMessage } from "../../../wire/format/index.ts";

export class ArrowPreamble {
  #schema: Uint8Array | undefined;
  #isFromStream = false;
  readonly #dictionaries = new Map<string, Uint8Array[]>();
  bytes = 0;

  get schema(): Uint8Array | undefined {
    return this.#schema;
  }

  /** The schema as a file's footer has it; one in the stream takes its place. */
  setSchema(frame: Uint8Array): void {
    this.#schema = frame;
    this.#measure();
  }

  /** Takes a schema or dictionary message; `frame` is all of it with its prefix. */
  add(message: ArrowMessage, frame: Uint8Array): void {
    if (message.kind === "dictionary") {
      const before = message.isDelta ? this.#dictionaries.get(message.dictionary) : undefined;
      this.#dictionaries.set(message.dictionary, [...(before ?? []), frame]);
    } else {
      if (this.#isFromStream) throw new Failure("format.arrow", "cannot read Arrow IPC: a second schema in one stream");
      this.#isFromStream = true;
      this.#schema = frame;
    }
    this.#measure();
  }

  /** Returns the bytes written. */
  writeTo(target: Uint8Array): number {
    let at = 0;
    for (const frame of this.#frames()) {
      target.set(frame, at);
      at += frame.length;
    }
    return at;
  }

  #measure(): void {
    this.bytes = this.#frames().reduce((sum, part) => sum + part.length, 0);
  }

  #frames(): Uint8Array[] {
    if (this.#schema === undefined) return [];
    return [this.#schema, ...[...this.#dictionaries.values()].flat()];
  }
}
