import { describe, expect, test } from "bun:test";
import { createCipheriv, createHmac, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { FieldCipher, parseEncrypted } from "../../../../plugins/encryption/cipher.ts";
import { maskText } from "../../../../plugins/encryption/disguise.ts";
import encryption from "../../../../plugins/encryption/index.ts";
import { deriveKeys } from "../../../../plugins/encryption/keys.ts";
import type { RecordBatch } from "../../../../src/wire/batch/index.ts";
import { batchOf, batchOfText, recordsOf, start, type TempDir, tempDir, textOf } from "../support.ts";

const KEY = Buffer.from(Array.from({ length: 32 }, (_unused, at) => at * 7 + 1));
const OTHER_KEY = Buffer.from(KEY).reverse();

function keyFile(dir: TempDir, key = KEY): string {
  return dir.file(`key-${key[0]}`, key.toString("hex"));
}

async function run(params: Record<string, unknown>, batch: RecordBatch, key = KEY): Promise<RecordBatch> {
  using dir = tempDir();
  const withKey = params.mode === "mask" ? params : { key_file: keyFile(dir, key), ...params };
  await using plugin = await start(encryption, withKey);
  return plugin.process(batch);
}

const encrypt = async (text: string, more: Record<string, unknown> = {}): Promise<string> =>
  textOf(await run({ mode: "encrypt", fields: ["s"], ...more }, batchOfText(text)));

/** `{"s": …}` lines: the nonces, in hex. */
function noncesOf(text: string): string[] {
  const records = text.split("\n").filter((line) => line !== "");
  return records.map((line) => {
    const { payload } = parseEncrypted(JSON.parse(line).s)!;
    return Buffer.from(payload, "base64url").subarray(0, 12).toString("hex");
  });
}

describe("encryption encrypt and decrypt", () => {
  test("decrypt gives back every value, whatever JSON the field holds", async () => {
    const text = ['"Ünï \\u0001"', "12345678901234567890", "-1.50e3", "true", "null", '{"b":[1, 2]}', '""', "[]"]
      .map((value, id) => `{"id":${id},"s":${value}}\n`)
      .join("");
    const secret = await encrypt(text);
    expect(secret).not.toContain("12345678901234567890");
    const back = await run({ mode: "decrypt", fields: ["s"] }, batchOfText(secret));
    expect(back.rejected).toEqual([]);
    expect(recordsOf(back)).toEqual(recordsOf(batchOfText(text)));
    expect(textOf(back)).toContain('"s":12345678901234567890');
  });

  test("decrypt gives back any value that was encrypted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 20 }), async (values) => {
        const records = values.map((s, id) => ({ id, s: s as never }));
        const secret = await run({ mode: "encrypt", fields: ["s", "absent"] }, batchOf(records));
        const back = await run({ mode: "decrypt", fields: ["s", "absent"] }, batchOfText(textOf(secret)));
        expect(recordsOf(back)).toEqual(recordsOf(batchOf(records)));
      }),
      { numRuns: 50 },
    );
  });

  test("encrypt leaves records without the field and all other bytes as they are", async () => {
    const text = '{"a": 1.0}\n';
    expect(await encrypt(text)).toBe(text);
    expect(await encrypt(`${text}{"a": 1.0,"s":1}\n`)).toStartWith(`${text}{"a": 1.0,"s":"enc:v1:`);
  });

  test("encrypt writes what its description says", async () => {
    const keys = deriveKeys(KEY, "k1");
    const secret = JSON.parse(await encrypt('{"s":"x"}\n', { key_id: "k1" })).s;
    const derive = (purpose: string): Buffer =>
      Buffer.from(hkdfSync("sha256", KEY, "", `distributed_system encryption v1: ${purpose}`, 32));
    expect([keys.cipher, keys.nonce]).toEqual([derive("aes-256-gcm"), derive("synthetic nonce")]);
    const frame = (text: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    const associated = Buffer.concat([frame("s"), frame("k1")]);
    const input = Buffer.concat([associated, Buffer.from([0, 0, 0, 9, 0, 0, 0, 3]), Buffer.from('{"s":"x"}"x"')]);
    const nonce = createHmac("sha256", keys.nonce).update(input).digest().subarray(0, 12);
    const cipher = createCipheriv("aes-256-gcm", keys.cipher, nonce).setAAD(associated);
    const sealed = Buffer.concat([nonce, cipher.update('"x"'), cipher.final(), cipher.getAuthTag()]);
    expect(secret).toBe(`enc:v1:k1:${sealed.toString("base64url")}`);
  });

  test("encrypt writes the same bytes when a batch is replayed, and when it is cut another way", async () => {
    const lines = Array.from({ length: 10 }, (_unused, id) => `{"id":${id},"s":"same"}\n`);
    const whole = await encrypt(lines.join(""));
    expect(await encrypt(lines.join(""))).toBe(whole);
    expect((await encrypt(lines.slice(0, 3).join(""))) + (await encrypt(lines.slice(3).join("")))).toBe(whole);
  });

  test("no two records share a nonce, even when their secrets are the same", async () => {
    const secret = await encrypt(Array.from({ length: 500 }, (_unused, id) => `{"id":${id},"s":"same"}\n`).join(""));
    expect(new Set(noncesOf(secret)).size).toBe(500);
  });

  test("two plaintexts never share a nonce in one position, nor two positions or fields for one plaintext", () => {
    const keys = deriveKeys(KEY, undefined);
    const bytes = fc.uint8Array({ maxLength: 8 });
    const input = fc.record({ field: fc.constantFrom("a", "b", "ab", ""), position: bytes, plaintext: bytes });
    fc.assert(
      fc.property(
        fc.uniqueArray(input, { selector: (each) => JSON.stringify(each), minLength: 2, maxLength: 30 }),
        (inputs) => {
          const nonces = inputs.map(({ field, position, plaintext }) => {
            const { payload } = parseEncrypted(new FieldCipher(keys, field).encrypt(plaintext, position))!;
            return payload.slice(0, 16); // 12 bytes in base64url
          });
          expect(new Set(nonces).size).toBe(inputs.length);
        },
      ),
    );
  });

  test("encrypt takes position_field for the position and rejects records without it", async () => {
    const more = { position_field: "id", fields: ["s", "id"] };
    const first = await run(
      { mode: "encrypt", ...more },
      batchOfText('{"id":1,"s":"x","other":1}\n{"id":2,"s":"x"}\n{"s":"x"}\n'),
    );
    const second = await run({ mode: "encrypt", ...more }, batchOfText('{"id":1,"s":"x","other":2}\n'));
    expect(first.rejected).toEqual([
      { row: 2, reason: "id: missing; position_field tells records apart and is required" },
    ]);
    const [a, b] = recordsOf(first);
    expect(recordsOf(second)[0]!.s).toBe(a!.s);
    expect(b!.s).not.toBe(a!.s);
    const back = await run({ mode: "decrypt", fields: ["id", "s"] }, batchOfText(textOf(first)));
    expect(recordsOf(back)).toEqual([
      { id: 1, s: "x", other: 1 },
      { id: 2, s: "x" },
    ]);
  });

  test("decrypt rejects a record when any character of the value was changed", async () => {
    const value: string = JSON.parse(await encrypt('{"s":"secret"}\n')).s;
    const from = value.lastIndexOf(":") + 1;
    const damaged = Array.from({ length: value.length - from }, (_unused, at) => {
      const index = from + at;
      // the high bit of the character's six: the last character's low bits are no data
      const other = value[index]! >= "a" && value[index]! <= "z" ? "A" : "z";
      return `${value.slice(0, index)}${other}${value.slice(index + 1)}`;
    });
    const batch = await run({ mode: "decrypt", fields: ["s"] }, batchOf(damaged.map((s) => ({ s }))));
    expect(batch.rejected).toHaveLength(damaged.length);
    expect(batch.rejected[0]!.reason).toStartWith("s: does not decrypt: it was changed");
  });

  test("decrypt rejects with the reason what is cut, plain, moved to another field or made with another key", async () => {
    const { s } = JSON.parse(await encrypt('{"s":"secret"}\n'));
    const reasons = async (records: Record<string, never>[], key = KEY): Promise<string[]> =>
      (await run({ mode: "decrypt", fields: ["s", "t"] }, batchOf(records), key)).rejected.map(({ reason }) => reason);
    const found = await reasons([
      { s: s.slice(0, -4) },
      { s: "plain" },
      { s: 5 },
      { s: null },
      { t: s },
      { s: s.slice(0, 20) },
    ] as never);
    expect(found.map((reason) => reason.slice(0, 24))).toEqual([
      "s: does not decrypt: it ",
      's: "plain" is not encryp',
      "s: 5 is not encrypted; e",
      "s: null is not encrypted",
      `s: "${s.slice(0, 20)}`,
      "t: does not decrypt: it ",
    ]);
    expect((await reasons([{ s }] as never, OTHER_KEY))[0]).toMatch(
      /^s: encrypted with key [0-9a-f]{8}; this stage has [0-9a-f]{8}$/,
    );
  });

  test("decrypt finds earlier keys among old_key_files", async () => {
    const text = await encrypt('{"s":"old"}\n');
    using dir = tempDir();
    const params = { mode: "decrypt", fields: ["s"], old_key_files: [keyFile(dir, KEY)] };
    expect(textOf(await run(params, batchOfText(text), OTHER_KEY))).toBe('{"s":"old"}\n');
  });
});

describe("encryption tokenize", () => {
  const tokenize = async (
    records: Record<string, never>[],
    more: Record<string, unknown> = {},
    key = KEY,
  ): Promise<Record<string, unknown>[]> =>
    recordsOf(await run({ mode: "tokenize", fields: ["a", "b"], ...more }, batchOf(records), key));

  test("tokenize gives equal values of a field equal tokens and nothing else", async () => {
    const values = ["x", "x", "y", 1, "1", true, { k: 1 }];
    const tokens = (await tokenize(values.map((a) => ({ a })) as never)).map(({ a }) => a);
    expect(tokens[0]).toMatch(/^tok_[A-Za-z0-9_-]{22}$/);
    expect(tokens[1]).toBe(tokens[0]!);
    expect(new Set(tokens).size).toBe(values.length - 1);
    const [other] = await tokenize([{ a: "x" }] as never, {}, OTHER_KEY);
    expect(other!.a).not.toBe(tokens[0]);
  });

  test("tokenize keeps fields apart unless they share a domain, and leaves null and missing alone", async () => {
    const [apart, nothing] = await tokenize([{ a: "x", b: "x" }, { a: null }] as never);
    expect(apart!.a).not.toBe(apart!.b);
    expect(nothing).toEqual({ a: null });
    const [shared] = await tokenize([{ a: "x", b: "x" }] as never, { token_domain: "customer" });
    expect(shared!.a).toBe(shared!.b);
  });
});

describe("encryption mask", () => {
  test("mask shows the last characters only, of any value", async () => {
    const values = ["4111111111111111", 12345678, true, null, [1], { a: 1 }, undefined];
    const masked = recordsOf(await run({ mode: "mask", fields: ["s"] }, batchOf(values.map((s) => ({ s, z: 0 })))));
    expect(masked.map(({ s }) => s)).toEqual([
      "************1111",
      "****5678",
      "**ue",
      null,
      "********",
      "********",
      undefined,
    ]);
  });

  test.each([
    ["short", 4, 0, "***rt"],
    ["abcd", 4, 0, "**cd"],
    ["a", 4, 0, "*"],
    ["", 4, 0, ""],
    ["anna@example.com", 4, 2, "an**********.com"],
    ["anna@example.com", 0, 3, "ann*************"],
    ["👍🏽x👍", 1, 0, "***👍"],
  ])("maskText(%p) with %p at the end and %p at the start is %p", (text, keepLast, keepFirst, expected) => {
    expect(maskText(text, { keepLast, keepFirst, char: "*" })).toBe(expected);
  });
});

describe("encryption init", () => {
  test.each([
    [{ mode: "encrypt", fields: ["s"] }, "mode: encrypt needs a key; set key_file"],
    [{ mode: "encrypt", fields: ["s"], key_file: "/a", key_env: "B" }, "only one of them is allowed"],
    [{ mode: "mask", fields: [] }, "fields: is empty"],
    [{ mode: "mask", fields: ["s"], mask_char: "**" }, "is not one character"],
  ])("init() refuses %j", async (params, message) => {
    await expect(start(encryption, params)).rejects.toThrow(message);
  });
});
