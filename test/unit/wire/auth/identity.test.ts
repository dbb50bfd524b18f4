/** Tokens with a node's own signature: one member cannot speak as another, nor strangers with certificates of their own. */
import { beforeAll, describe, expect, test } from "bun:test";
import {
  type CertifiedKey,
  Identities,
  Identity,
  makeAuthority,
  makeCertificate,
  Tokens,
} from "../../../../src/wire/auth/index.ts";
import { codeOf, keyringOf, SetClock, seededEntropy } from "../../../support/auth.ts";

const DAY_MS = 24 * 60 * 60_000;
const AUD = "10.0.0.9:8080";

let seeds = 2000;
let ours: CertifiedKey;
let theirs: CertifiedKey;
const certified = new Map<string, CertifiedKey>();

const ports = (clock = new SetClock()) => ({ clock, entropy: seededEntropy(seeds++) });

beforeAll(async () => {
  [ours, theirs] = [await makeAuthority(ports()), await makeAuthority(ports())];
  for (const name of ["alpha", "beta"]) certified.set(name, await makeCertificate(ours, { name, hosts: [] }, ports()));
  const disguise = { cert: ours.cert, key: theirs.key }; // names our authority, signed by another
  certified.set("pretended", await makeCertificate(disguise, { name: "alpha", hosts: [] }, ports()));
  certified.set("stranger", await makeCertificate(theirs, { name: "alpha", hosts: [] }, ports()));
});

/** Speaks with that certificate, or with none. */
function speaker(name?: string, clock = new SetClock()): Tokens {
  const identity = name === undefined ? {} : { identity: new Identity(certified.get(name)!) };
  return new Tokens({ keyring: keyringOf(1), ...ports(clock), ...identity });
}

function listener(clock = new SetClock()): Tokens {
  return new Tokens({ keyring: keyringOf(1), ...ports(clock), identities: new Identities(ours.cert, clock) });
}

/** Puts another first part, of the claims' own token, into a nested one and signs the whole again under the cluster key. */
function rewrapped(token: string, change: (inner: string) => string): string {
  const [head, body] = token.split(".") as [string, string];
  const inner = change(Buffer.from(body, "base64url").toString());
  const text = `${head}.${Buffer.from(inner).toString("base64url")}`;
  const signature = new Bun.CryptoHasher("sha256", keyringOf(1).first.tokenKey).update(text).digest();
  return `${text}.${Buffer.from(signature).toString("base64url")}`;
}

function decoded(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

describe("Identities", () => {
  test("verify() believes a node that signs with its own certificate, also as one of several processes", async () => {
    for (const sub of ["alpha", "alpha@8081"]) {
      expect((await listener().verify(await speaker("alpha").issue({ sub, aud: AUD }), AUD)).id).toBe(sub);
    }
  });

  test("verify() accepts such a token once", async () => {
    const to = listener();
    const token = await speaker("alpha").issue({ sub: "alpha", aud: AUD });
    await to.verify(token, AUD);
    expect(await codeOf(() => to.verify(token, AUD))).toBe("auth.token_replayed");
  });

  test("verify() refuses a node without a certificate, and believes a client without one", async () => {
    const bare = speaker();
    expect(await codeOf(async () => listener().verify(await bare.issue({ sub: "alpha", aud: AUD }), AUD))).toBe(
      "auth.token_certificate",
    );
    const client = await bare.issue({ sub: "shell", aud: AUD, role: "client", access: "operate" });
    expect((await listener().verify(client, AUD)).role).toBe("client");
    const withCertificate = await speaker("alpha").issue({ sub: "shell", aud: AUD, role: "client" });
    expect((await listener().verify(withCertificate, AUD)).id).toBe("shell");
  });

  test("verify() refuses one member's certificate under another's name", async () => {
    const token = await speaker("beta").issue({ sub: "beta", aud: AUD });
    const asAlpha = rewrapped(token, (inner) => {
      const [head, body] = inner.split(".") as [string, string];
      const claims = encoded({ ...decoded(body), sub: "alpha" });
      return `${head}.${claims}.${inner.split(".")[2]}`;
    });
    expect(await codeOf(() => listener().verify(asAlpha, AUD))).toBe("auth.token_forged");
    const identity = new Identity(certified.get("beta")!);
    expect(await codeOf(() => speaker("beta").issue({ sub: "alpha", aud: AUD }))).toBe("auth.certificate");
    expect(await codeOf(() => speaker("beta").issue({ sub: "betamax", aud: AUD }))).toBe("auth.certificate");
    const genuine = decoded(Buffer.from(token.split(".")[1]!, "base64url").toString().split(".")[1]!);
    const signed = await signAs(identity, { ...genuine, sub: "alpha" });
    expect(
      await codeOf(() =>
        listener().verify(
          rewrapped(token, () => signed),
          AUD,
        ),
      ),
    ).toBe("auth.token_certificate");
  });

  test("verify() refuses a captured signature of one member in a token of another", async () => {
    const captured = await speaker("alpha").issue({ sub: "alpha", aud: "10.0.0.5:8080" }); // alpha spoke to beta
    const again = rewrapped(captured, (inner) => inner);
    expect(await codeOf(() => listener().verify(again, AUD))).toBe("auth.token_audience");
  });

  test("verify() refuses certificates of other authorities, and the authority's own", async () => {
    for (const name of ["stranger", "pretended"]) {
      const token = await speaker(name).issue({ sub: "alpha", aud: AUD });
      expect(await codeOf(() => listener().verify(token, AUD))).toBe("auth.token_certificate");
    }
    const own = rewrapped(await speaker("alpha").issue({ sub: "alpha", aud: AUD }), (inner) =>
      withChain(inner, [derOf(ours.cert)]),
    );
    expect(await codeOf(() => listener().verify(own, AUD))).toBe("auth.token_certificate");
  });

  test("verify() refuses a token whose certificate is missing, doubled, damaged or another node's", async () => {
    const token = await speaker("alpha").issue({ sub: "alpha", aud: AUD });
    const alpha = derOf(certified.get("alpha")!.cert);
    const wrong: readonly (readonly [chain: unknown, code: string])[] = [
      [undefined, "auth.token_malformed"],
      [[], "auth.token_malformed"],
      [[alpha, alpha], "auth.token_malformed"],
      [[alpha.slice(0, 100)], "auth.token_malformed"],
      [["!"], "auth.token_malformed"],
      [[7], "auth.token_malformed"],
      ["x", "auth.token_malformed"],
      [[derOf(certified.get("beta")!.cert)], "auth.token_forged"],
    ];
    for (const [chain, code] of wrong) {
      expect(
        await codeOf(() =>
          listener().verify(
            rewrapped(token, (inner) => withChain(inner, chain)),
            AUD,
          ),
        ),
      ).toBe(code);
    }
    expect(
      await codeOf(() =>
        listener().verify(
          rewrapped(token, () => "no token"),
          AUD,
        ),
      ),
    ).toStartWith("auth.token_");
  });

  test("verify() refuses a node's token where there is no authority to verify it by", async () => {
    const token = await speaker("alpha").issue({ sub: "alpha", aud: AUD });
    expect(await codeOf(() => speaker().verify(token, AUD))).toBe("auth.token_malformed");
  });

  test("verify() refuses a certificate that has ended, also one that it has believed before", async () => {
    const clock = new SetClock();
    const [from, to] = [speaker("alpha", clock), listener(clock)];
    await to.verify(await from.issue({ sub: "alpha", aud: AUD }), AUD);
    clock.ms += 366 * DAY_MS;
    expect(await codeOf(async () => to.verify(await from.issue({ sub: "alpha", aud: AUD }), AUD))).toBe(
      "auth.token_certificate",
    );
    const early = new SetClock(Date.UTC(2029, 0, 1));
    expect(
      await codeOf(async () =>
        listener(early).verify(await speaker("alpha", early).issue({ sub: "alpha", aud: AUD }), AUD),
      ),
    ).toBe("auth.token_certificate");
  });

  test("verify() remembers so many certificates at most, and believes those that it forgot", async () => {
    const clock = new SetClock();
    const identities = new Identities(ours.cert, clock, 1);
    const to = new Tokens({ keyring: keyringOf(1), ...ports(clock), identities });
    for (const name of ["alpha", "beta", "alpha"]) {
      expect((await to.verify(await speaker(name).issue({ sub: name, aud: AUD }), AUD)).id).toBe(name);
      expect(identities.knownCount).toBe(1);
    }
  });

  test("Identity() refuses a private key that is not the certificate's", async () => {
    const [alpha, beta] = [certified.get("alpha")!, certified.get("beta")!];
    expect(await codeOf(() => new Identity({ cert: alpha.cert, key: beta.key }))).toBe("auth.certificate");
    expect(new Identity(alpha).name).toBe("alpha");
  });
});

/** What a member with a changed program can do: sign any claims with its own key. */
async function signAs(identity: Identity, claims: Record<string, unknown>): Promise<string> {
  return identity.sign(Buffer.from(JSON.stringify(claims)), identity.name);
}

function withChain(inner: string, chain: unknown): string {
  const [head, body, signature] = inner.split(".") as [string, string, string];
  return `${encoded({ ...decoded(head), x5c: chain })}.${body}.${signature}`;
}

function derOf(pem: string): string {
  return pem.replace(/-----[A-Z ]+-----|\s/g, "");
}
