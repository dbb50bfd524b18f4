/** Keys as jose wants them: imported once each. */
import type { CryptoKey } from "jose";
import type { SharedSecret } from "./shared-secret.ts";
import type { PublicJwk, SigningKey } from "./signing-key.ts";

/** Keys of a cluster's nodes, with room for rotated ones; at a kilobyte each. Beyond it the oldest is imported again. */
const IMPORTED_MAX = 4_096;

export class ImportedKeys {
  readonly #known = new Map<string, Promise<CryptoKey>>();

  public({ kty, crv, x, kid }: PublicJwk): Promise<CryptoKey> {
    return this.#once(kid, () => crypto.subtle.importKey("jwk", { kty, crv, x }, "Ed25519", false, ["verify"]));
  }

  private(key: SigningKey): Promise<CryptoKey> {
    const importKey = () => crypto.subtle.importKey("jwk", key.reveal(), "Ed25519", false, ["sign"]);
    return this.#once(`private ${key.id}`, importKey);
  }

  secret(secret: SharedSecret): Promise<CryptoKey> {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const importKey = () => crypto.subtle.importKey("raw", secret.reveal(), algorithm, false, ["sign", "verify"]);
    return this.#once(secret.id, importKey);
  }

  #once(id: string, importKey: () => Promise<CryptoKey>): Promise<CryptoKey> {
    const known = this.#known.get(id);
    if (known) return known;
    if (this.#known.size >= IMPORTED_MAX) this.#known.delete(this.#known.keys().next().value!);
    const imported = importKey();
    this.#known.set(id, imported);
    return imported;
  }
}
