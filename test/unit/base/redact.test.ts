import { expect, test } from "bun:test";
import fc from "fast-check";
import { isSecretName, REDACTED, redact } from "../../../src/base/redact.ts";

const base64url = fc.stringMatching(/^[A-Za-z0-9_-]{20,60}$/);
const around = fc.string({ maxLength: 30 });

test("isSecretName() knows secrets however they are written, and takes ordinary names for nothing else", () => {
  const secret = ["password", "X-Api-Key", "apiKey", "access_token", "tokens", "Authorization", "Set-Cookie"];
  const more = ["clientSecret", "private-key", "JWT", "dbPwd", "passphrase", "credentials"];
  for (const name of [...secret, ...more]) expect([name, isSecretName(name)]).toEqual([name, true]);
  for (const name of ["key", "fencingToken", "publicKey", "tokenizer", "author", "path", "cook", "id"]) {
    expect([name, isSecretName(name)]).toEqual([name, false]);
  }
});

test("redact() leaves ordinary text as it is", () => {
  const plain = [
    "GET http://shop.example:8080/orders?id=3 took 20 ms",
    "a token for this node is required",
    "mail to ann@example.com; see https://example.com/@ann",
    "basic setup done, the bearer is away",
    'field "key": "abc" is unknown',
  ];
  for (const text of plain) expect(redact(text)).toBe(text);
});

test("redact() hides tokens, keys and passwords between any other words", () => {
  const kinds: readonly ((secret: string) => string)[] = [
    (secret) => `eyJ${secret}.eyJ${secret}.${secret}`,
    (secret) => `Bearer ${secret}`,
    (secret) => `authorization: basic ${secret}`,
    (secret) => `redis://user:${secret}@host:6379`,
    (secret) => `redis://:${secret}@p@host`,
    (secret) => `?access_token=${secret}&x=1`,
    (secret) => `{"password": "${secret}"}`,
    (secret) => `{\\"api_key\\":\\"${secret}\\"}`,
    (secret) => `client_secret='${secret}'`,
    (secret) => `-----BEGIN PRIVATE KEY-----\n${secret}\n${secret}\n-----END PRIVATE KEY-----`,
    (secret) => `-----BEGIN EC PRIVATE KEY-----\n${secret}`,
  ];
  fc.assert(
    fc.property(base64url, around, around, fc.constantFrom(...kinds), (secret, before, after, kind) => {
      const shown = redact(`${before} ${kind(secret)} ${after}`);
      expect(shown).not.toContain(secret);
      expect(shown).toContain(REDACTED);
    }),
  );
});

test("redact() takes time that grows with the length only, for texts made to hurt it", () => {
  const hurtful = ["://", "eyJ", "-eyJ", "token=", '"', "-----BEGIN ", "Bearer ", "a.", "password"];
  for (const piece of hurtful) expect(redact(piece.repeat(60_000 / piece.length)).length).toBeGreaterThan(0);
});
