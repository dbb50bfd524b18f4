/** What readers of bodies write to, and how they end: a body that cannot be read is a fault that the rules get to see, never an exception. */
import type { Bytes } from "../../match/index.ts";
import { ARGUMENT_BYTES_MAX, ARGUMENTS_MAX } from "../limits.ts";
import type { Variables } from "../variables.ts";

/** Undefined: read without a fault. */
export type BodyFault = string | undefined;

/** Arguments of query and body, bounded together. */
export class ArgumentSink {
  readonly #variables: Variables;
  readonly #countMax: number;
  #count = 0;
  #bytes = 0;
  /** Too many or too long: from then on nothing is taken, and the request must not pass. */
  isOverflown = false;

  constructor(variables: Variables, countMax = ARGUMENTS_MAX) {
    this.#variables = variables;
    this.#countMax = countMax;
  }

  get combinedBytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Something else of the request does not fit. */
  overflow(): void {
    this.isOverflown = true;
  }

  /** False: no more are taken. */
  add(from: "GET" | "POST", name: Bytes, value: Bytes): boolean {
    if (this.#count >= this.#countMax || this.#bytes + name.length + value.length > ARGUMENT_BYTES_MAX) {
      this.isOverflown = true;
      return false;
    }
    this.#count += 1;
    this.#bytes += name.length + value.length;
    this.#variables.addArgument(from, name, value);
    return true;
  }
}
