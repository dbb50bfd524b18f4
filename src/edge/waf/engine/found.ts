/** One value that a rule looks at, and where it was found: `ARGS:q`. Its name is put together only when somebody wants to read it. */
import type { Bytes, Subject } from "../match/index.ts";

export class Found {
  readonly collection: string;
  /** Undefined for variables that are one value (`REQUEST_URI`). */
  readonly key: Bytes | undefined;
  readonly subject: Subject;

  constructor(collection: string, key: Bytes | undefined, subject: Subject) {
    this.collection = collection;
    this.key = key;
    this.subject = subject;
  }

  get name(): Bytes {
    return this.key === undefined ? this.collection : `${this.collection}:${this.key}`;
  }

  get value(): Bytes {
    return this.subject.value;
  }
}

export const NOTHING_FOUND: readonly Found[] = [];
