/** The codes say link: there they were met first, and people know them. */
import { Failure } from "../../base/errors.ts";

export function malformed(what: string): Failure {
  return new Failure("link.malformed", what);
}

export function tooLarge(what: string, sizeBytes: number | string, bytesMax: number): Failure {
  return new Failure("link.too_large", `${what} has ${sizeBytes} bytes; at most ${bytesMax} are sent`);
}
