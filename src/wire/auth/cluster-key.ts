/**
 * One cluster key: 32 random bytes that every member has. The key itself signs and seals nothing; what does is derived from
 * it with HKDF, one key per purpose, so that nothing learnt from one use helps with another. The bytes are private to the
 * object: printing or serialising it shows the id only.
 */
import { hkdfSync, timingSafeEqual } from "node:crypto";
import { Failure } from "../../base/errors.ts";
import type { Entropy } from "./entropy.ts";
import { CLUSTER_ID_BYTES, KEY_BYTES, KEY_ID_BYTES } from "./limits.ts";

const LABEL = "distributed_system 1 ";

export class ClusterKey {
  /** Eight hexadecimal digits that follow from the key. */
  readonly id: string;
  readonly #bytes: Buffer;
  /** Derived when first needed: many programs issue tokens and seal nothing. */
  readonly #derived = new Map<string, Uint8Array>();

  /** Fails with `auth.key_weak` when the bytes are not 32 or are all the same. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES || bytes.every((byte) => byte === bytes[0])) {
      const found = bytes.length === KEY_BYTES ? "the same byte 32 times" : `${bytes.length} bytes`;
      throw new Failure("auth.key_weak", `a cluster key is ${found}; ${KEY_BYTES} random bytes are required`);
    }
    this.#bytes = Buffer.from(bytes);
    this.id = Buffer.from(this.#derive("key id", KEY_ID_BYTES)).toString("hex");
  }

  static generate(entropy: Entropy): ClusterKey {
    return new ClusterKey(entropy(KEY_BYTES));
  }

  get tokenKey(): Uint8Array {
    return this.#derive("tokens");
  }

  get gossipKey(): Uint8Array {
    return this.#derive("gossip");
  }

  /** Names the cluster in API tokens, so that another one's are refused: 16 hexadecimal digits. No secret. */
  get clusterId(): string {
    return Buffer.from(this.#derive("cluster id", CLUSTER_ID_BYTES)).toString("hex");
  }

  /** The secret itself, for the key file only. */
  reveal(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  sameAs(other: ClusterKey): boolean {
    return timingSafeEqual(this.#bytes, other.#bytes);
  }

  toJSON(): { readonly id: string } {
    return { id: this.id };
  }

  #derive(purpose: string, sizeBytes = KEY_BYTES): Uint8Array {
    let derived = this.#derived.get(purpose);
    if (!derived) {
      derived = new Uint8Array(hkdfSync("sha256", this.#bytes, "", LABEL + purpose, sizeBytes));
      this.#derived.set(purpose, derived);
    }
    return derived;
  }
}
