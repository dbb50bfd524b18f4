/**
 * The second signature of a token where there is TLS: the node's own, by the private key of its certificate, which comes
 * along (`x5c`). The certificate has to be of the cluster's authority, valid now, and for the node that speaks. A node whose
 * certificate is named NAME speaks as NAME, or as `NAME@anything` when several processes share it.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { certifiedName } from "./certificate-names.ts";
import { type Claims, fromPayload, malformed } from "./claims.ts";
import { CERTIFICATES_MAX } from "./limits.ts";

const ALGORITHM = "ES256";

/** PEM texts. */
export interface IdentityPem {
  readonly cert: string;
  readonly key: string;
}

/** Signs as the node. */
export class Identity {
  /** What the certificate is named. */
  readonly name: string;
  readonly #key: KeyObject;
  readonly #certificate: string;

  /** Fails with `auth.certificate` when the key is not the certificate's. */
  constructor({ cert, key }: IdentityPem) {
    const certificate = new X509Certificate(cert);
    this.name = certifiedName(certificate);
    this.#key = createPrivateKey(key);
    this.#certificate = certificate.raw.toString("base64");
    if (!certificate.checkPrivateKey(this.#key)) {
      throw new Failure("auth.certificate", `the private key is not that of the certificate of ${this.name}`);
    }
  }

  /** Signs claims of the node `id`. Fails with `auth.certificate` when the certificate is not for that one. */
  async sign(payload: Uint8Array, id: string): Promise<string> {
    if (!mayActAs(this.name, id)) {
      const message = `node ${id} has the certificate of ${this.name}; one of its own is required, or an id such as ${this.name}@1`;
      throw new Failure("auth.certificate", message);
    }
    const { CompactSign } = await import("jose");
    const header = { alg: ALGORITHM, typ: "JWT", x5c: [this.#certificate] };
    return new CompactSign(payload).setProtectedHeader(header).sign(this.#key);
  }
}

/** Believes nodes whose certificates are of one authority. Remembers those it has verified. */
export class Identities {
  readonly #authority: X509Certificate;
  readonly #clock: Pick<Clock, "now">;
  readonly #known = new Map<string, X509Certificate>();

  readonly #max: number;

  /** `authority` is a PEM text. */
  constructor(authority: string, clock: Pick<Clock, "now">, max = CERTIFICATES_MAX) {
    this.#max = max;
    this.#authority = new X509Certificate(authority);
    this.#clock = clock;
  }

  /** Certificates that are remembered. */
  get knownCount(): number {
    return this.#known.size;
  }

  /** The claims of a token signed by a node. Fails with `auth.token_certificate`, `auth.token_forged`, `auth.token_malformed`. */
  async verify(token: string): Promise<Claims> {
    const { compactVerify } = await import("jose");
    let certificate: X509Certificate | undefined;
    const keyOf = ({ x5c }: { readonly x5c?: readonly string[] }): KeyObject => {
      certificate = this.#believe(x5c);
      return certificate.publicKey;
    };
    let payload: Uint8Array;
    try {
      ({ payload } = await compactVerify(token, keyOf, { algorithms: [ALGORITHM] }));
    } catch (thrown) {
      if (thrown instanceof Failure) throw thrown;
      const message = "the token's signature is not that of its certificate's key";
      throw new Failure("auth.token_forged", message, { cause: thrown });
    }
    const claims = fromPayload(payload);
    const name = certifiedName(certificate!); // compactVerify has asked for the key, or thrown
    if (!mayActAs(name, claims.id)) {
      const message = `the token of ${claims.id} is signed with the certificate of ${name}; its own is required`;
      throw new Failure("auth.token_certificate", message);
    }
    return claims;
  }

  #believe(chain: readonly string[] | undefined): X509Certificate {
    const encoded = chain?.[0];
    if (chain?.length !== 1 || typeof encoded !== "string")
      throw malformed("names no certificate, or several; one is required");
    let certificate = this.#known.get(encoded);
    if (!certificate) {
      certificate = this.#verified(encoded);
      if (this.#known.size >= this.#max) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(encoded, certificate);
    }
    const nowMs = this.#clock.now();
    if (nowMs < certificate.validFromDate.getTime() || nowMs > certificate.validToDate.getTime()) {
      const message = `the certificate of ${certifiedName(certificate)} is valid from ${certificate.validFrom} to ${certificate.validTo} only`;
      throw new Failure("auth.token_certificate", message);
    }
    return certificate;
  }

  #verified(encoded: string): X509Certificate {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(Buffer.from(encoded, "base64"));
    } catch (thrown) {
      throw malformed("names a certificate that cannot be read", thrown);
    }
    const isOurs = certificate.checkIssued(this.#authority) && certificate.verify(this.#authority.publicKey);
    if (isOurs && !certificate.ca) return certificate;
    throw new Failure("auth.token_certificate", "the token's certificate is not of this cluster's authority");
  }
}

export function mayActAs(certificateName: string, id: string): boolean {
  return id === certificateName || id.startsWith(`${certificateName}@`);
}
