/**
 * A secret that several nodes, or another issuer, share to sign API tokens with (HS256). There is none unless it is given, and
 * one that can be guessed is refused: whoever knows it signs tokens of any role.
 */
import { createHmac } from "node:crypto";
import { Failure } from "../../base/errors.ts";
import { SECRET_BYTES_MIN, SECRET_DISTINCT_MIN } from "./limits.ts";

export class SharedSecret {
  /** Tells two secrets apart in a token's head, and proves nothing. */
  readonly id: string;
  /** Where it was given, for messages. */
  readonly source: string;
  readonly #bytes: Buffer;

  /** Fails with `auth.jwt_secret_weak`, never showing the secret. */
  constructor(text: string, source: string) {
    this.source = source;
    this.#bytes = Buffer.from(text, "utf8");
    const found = this.#bytes.length;
    if (found < SECRET_BYTES_MIN) throw weak(source, `has ${found} bytes`);
    const distinct = new Set(text).size;
    if (distinct < SECRET_DISTINCT_MIN) throw weak(source, `has ${distinct} different characters`);
    this.id = `hs-${createHmac("sha256", this.#bytes).update("distributed_system key id").digest("hex").slice(0, 8)}`;
  }

  /** For signing only. */
  reveal(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }

  toJSON(): { readonly id: string } {
    return { id: this.id };
  }
}

function weak(source: string, found: string): Failure {
  const message = `${source} ${found}; ${SECRET_BYTES_MIN} random bytes or more are required, such as: openssl rand -base64 48. Unset it to sign with this node's own keys`;
  return new Failure("auth.jwt_secret_weak", message);
}
