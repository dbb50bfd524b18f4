/** The keys of a cluster and their text form. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ClusterKey, formatKeyring, Keyring, parseKeyring } from "../../../../src/wire/auth/index.ts";
import { codeOf, failureOf, keyringOf, seededEntropy } from "../../../support/auth.ts";

const keyOf = (seed: number): ClusterKey => ClusterKey.generate(seededEntropy(seed));
const secretOf = (key: ClusterKey): string => Buffer.from(key.reveal()).toString("base64url");

describe("ClusterKey", () => {
  test("ClusterKey() has an id that follows from the key", () => {
    const key = keyOf(1);
    expect(key.id).toMatch(/^[0-9a-f]{8}$/);
    expect(new ClusterKey(key.reveal()).id).toBe(key.id);
    expect(keyOf(2).id).not.toBe(key.id);
  });

  test("ClusterKey() derives keys that differ by purpose and from itself", () => {
    const key = keyOf(1);
    const all = [key.tokenKey, key.gossipKey, key.reveal()].map((bytes) => Buffer.from(bytes).toString("hex"));
    expect(new Set(all).size).toBe(3);
    expect(all.every((hex) => hex.length === 64)).toBe(true);
    expect(all.some((hex) => hex.startsWith(key.id))).toBe(false);
  });

  test("ClusterKey() derives what HKDF of RFC 5869 gives, so that another language can", () => {
    const key = new ClusterKey(Uint8Array.from({ length: 32 }, (_, at) => at));
    expect(key.id).toBe(hkdf(key.reveal(), "distributed_system 1 key id", 4));
    expect(Buffer.from(key.tokenKey).toString("hex")).toBe(hkdf(key.reveal(), "distributed_system 1 tokens", 32));
    expect(Buffer.from(key.gossipKey).toString("hex")).toBe(hkdf(key.reveal(), "distributed_system 1 gossip", 32));
  });

  test("ClusterKey() is refused when it has another length or is the same byte over and over", async () => {
    for (const bytes of [
      new Uint8Array(31).fill(3),
      new Uint8Array(33),
      new Uint8Array(32),
      new Uint8Array(32).fill(255),
    ]) {
      expect(await codeOf(() => new ClusterKey(bytes))).toBe("auth.key_weak");
    }
  });

  test("ClusterKey() keeps its bytes to itself when it is printed, serialised or changed from outside", () => {
    const key = keyOf(3);
    const secret = secretOf(key);
    const printed = `${Bun.inspect(key, { depth: 9 })}${JSON.stringify(key)}${String(key)}`;
    for (const form of [secret, Buffer.from(key.reveal()).toString("hex"), key.reveal().join(", ")]) {
      expect(printed).not.toContain(form);
    }
    key.reveal().fill(0);
    expect(secretOf(key)).toBe(secret);
  });
});

describe("Keyring", () => {
  test("rotation() goes from one key to another in three steps, the first always signing", () => {
    const [old, fresh] = [keyOf(1), keyOf(2)];
    const both = new Keyring([old]).add(fresh);
    expect(both.keys).toEqual([old, fresh]);
    expect(both.first).toBe(old);
    const used = both.use(fresh.id);
    expect(used.keys).toEqual([fresh, old]);
    expect(used.find(old.id)).toBe(old);
    const left = used.remove(old.id);
    expect(left.keys).toEqual([fresh]);
    expect(left.find(old.id)).toBeUndefined();
    expect(both.keys).toEqual([old, fresh]); // a keyring never changes
  });

  test("Keyring() refuses no key, a third key, the same key twice, unknown ids and removing the one that signs", async () => {
    const [one, two, three] = [keyOf(1), keyOf(2), keyOf(3)];
    const both = new Keyring([one, two]);
    expect(await codeOf(() => new Keyring([]))).toBe("auth.keyring");
    expect(await codeOf(() => new Keyring([one, two, three]))).toBe("auth.keyring");
    expect(await codeOf(() => new Keyring([one, one]))).toBe("auth.keyring");
    expect(await codeOf(() => both.add(three))).toBe("auth.keyring_full");
    expect(await codeOf(() => both.use("00000000"))).toBe("auth.key_unknown");
    expect(await codeOf(() => both.remove("00000000"))).toBe("auth.key_unknown");
    expect(await codeOf(() => both.remove(one.id))).toBe("auth.key_in_use");
  });

  test("sameAs() is true for the same keys in the same order only", () => {
    const [one, two] = [keyOf(1), keyOf(2)];
    const both = new Keyring([one, two]);
    expect(both.sameAs(new Keyring([keyOf(1), keyOf(2)]))).toBe(true);
    expect(both.sameAs(new Keyring([two, one]))).toBe(false);
    expect(both.sameAs(new Keyring([one]))).toBe(false);
  });
});

describe("the text of a key file", () => {
  test("parseKeyring() gives back what formatKeyring() wrote", () => {
    for (const keyring of [keyringOf(1), keyringOf(1).add(keyOf(2))]) {
      expect(parseKeyring(formatKeyring(keyring), "k").sameAs(keyring)).toBe(true);
    }
  });

  test("parseKeyring() takes blanks, comments and lines of other systems", () => {
    const key = keyOf(1);
    const text = `\r\n  # mine\r\n\tdistributed_system-keys   1\r\n\r\n key  ${key.id}\t${secretOf(key)} \r\n`;
    expect(parseKeyring(text, "k").first.sameAs(key)).toBe(true);
  });

  test("parseKeyring() says file, line and what is required, and never the key", async () => {
    const [key, other, third] = [keyOf(1), keyOf(2), keyOf(3)];
    const line = (each: ClusterKey): string => `key ${each.id} ${secretOf(each)}`;
    const head = "distributed_system-keys 1";
    const faults: readonly (readonly [text: string, place: string, words: string])[] = [
      ["", "k:1", "no key file"],
      ["-----BEGIN PRIVATE KEY-----", "k:1", "no key file"],
      ["# only\n\nhello 1", "k:3", "no key file"],
      ["distributed_system-keys 2", "k:1", "another version"],
      [head, "k:1", "holds no key"],
      [`${head}\nsecret ${key.id} ${secretOf(key)}`, "k:2", "is no key"],
      [`${head}\nkey ${key.id}`, "k:2", "is no key"],
      [`${head}\n${line(key)} more`, "k:2", "is no key"],
      [`${head}\nkey ${key.id} ${secretOf(key).slice(1)}`, "k:2", "damaged"],
      [`${head}\nkey ${other.id} ${secretOf(key)}`, "k:2", "does not belong"],
      [`${head}\nkey ${key.id} ${"A".repeat(43)}`, "k:2", "same byte"],
      [`${head}\n${line(key)}\n${line(key)}`, "k:3", "again"],
      [`${head}\n${line(key)}\n${line(other)}\n${line(third)}`, "k:4", "too many"],
      [`${head}\n${"#".repeat(9000)}`, "k:1", "at most 8192"],
    ];
    for (const [text, place, words] of faults) {
      const failure = await failureOf(() => parseKeyring(text, "k"));
      expect(failure.code).toBe("auth.key_file");
      expect(failure.message).toStartWith(`${place}: `);
      expect(failure.message).toContain(words);
      expect(failure.message).not.toContain(secretOf(key).slice(1, 40));
    }
  });

  test("parseKeyring() never takes a damaged key for one, whichever character of its line is changed", async () => {
    const key = keyOf(4);
    const text = formatKeyring(new Keyring([key]));
    const at = text.indexOf("\nkey ") + 1;
    const places = fc.integer({ min: at, max: text.length - 2 });
    const chars = fc.constantFrom(..."ABCxyz019-_ #k");
    await fc.assert(
      fc.asyncProperty(places, chars, async (place, char) => {
        fc.pre(text[place] !== char);
        const damaged = text.slice(0, place) + char + text.slice(place + 1);
        expect(await codeOf(() => parseKeyring(damaged, "k"))).toBe("auth.key_file");
      }),
      { numRuns: 300 },
    );
  });

  test("parseKeyring() fails with a Failure whatever the text is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 200, unit: "binary" }), async (text) => {
        expect(await codeOf(() => parseKeyring(`distributed_system-keys 1\n${text}`, "k"))).toBe("auth.key_file");
      }),
    );
  });
});

/** HKDF written out with HMAC, without salt. */
function hkdf(secret: Uint8Array, info: string, sizeBytes: number): string {
  const hmac = (key: Uint8Array, ...parts: (string | Uint8Array)[]): Uint8Array => {
    const hasher = new Bun.CryptoHasher("sha256", key);
    for (const part of parts) hasher.update(part);
    return hasher.digest();
  };
  const extracted = hmac(new Uint8Array(32), secret);
  return Buffer.from(hmac(extracted, info, Uint8Array.of(1))).toString("hex", 0, sizeBytes);
}

describe("clusterId", () => {
  test("clusterId follows from the key, differs from its id, and shows nothing of it", () => {
    const { first } = keyringOf(1);
    expect(first.clusterId).toMatch(/^[0-9a-f]{16}$/);
    expect(keyringOf(1).first.clusterId).toBe(first.clusterId);
    expect(keyringOf(2).first.clusterId).not.toBe(first.clusterId);
    expect(first.clusterId.startsWith(first.id)).toBe(false);
    expect(Buffer.from(first.reveal()).toString("hex")).not.toContain(first.clusterId);
  });
});
