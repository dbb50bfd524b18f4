import { describe, expect, test } from "bun:test";
import { deriveKeys, readKeyFile, readKeyVariable } from "../../../../plugins/encryption/keys.ts";
import { tempDir } from "../support.ts";

const KEY = Buffer.from(Array.from({ length: 32 }, (_unused, at) => at * 7 + 1));

describe("readKeyFile", () => {
  test.each([
    ["raw bytes", KEY],
    ["hex", KEY.toString("hex")],
    ["hex and a newline", `${KEY.toString("hex").toUpperCase()}\n`],
    ["base64", `${KEY.toString("base64")}\n`],
    ["base64url", KEY.toString("base64url")],
  ])("readKeyFile() reads a key in %s", (_form, content) => {
    using dir = tempDir();
    expect(Buffer.from(readKeyFile(dir.file("key", content)))).toEqual(KEY);
    expect(Buffer.from(readKeyFile(dir.file("strict", content, 0o400)))).toEqual(KEY);
  });

  test.each([0o640, 0o604, 0o644, 0o610, 0o666])("readKeyFile() refuses mode %o and says which is required", (mode) => {
    using dir = tempDir();
    const file = dir.file("key", KEY, mode);
    expect(() => readKeyFile(file)).toThrow(`has mode 0${mode.toString(8)}; 0600 or stricter is required`);
  });

  test.each([
    ["too short", KEY.subarray(0, 31)],
    ["too long", Buffer.concat([KEY, KEY])],
    ["empty", ""],
    ["bad hex", `${KEY.toString("hex").slice(0, 63)}g`],
    ["a passphrase", "correct horse battery staple"],
  ])("readKeyFile() refuses a key that is %s without showing it", (_what, content) => {
    using dir = tempDir();
    const file = dir.file("key", content);
    let message = "";
    try {
      readKeyFile(file);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain("32 random bytes, raw or in hex or base64, are required");
    expect(content.length > 0 && message.includes(content.toString())).toBe(false);
  });

  test.each([Buffer.alloc(32), "0".repeat(64), "abababababababababababababababab"])(
    "readKeyFile() refuses %p as not random",
    (content) => {
      using dir = tempDir();
      const file = dir.file("key", content);
      expect(() => readKeyFile(file)).toThrow("is not random; make one with: openssl rand -hex 32");
    },
  );
});

test("readKeyVariable() reads the named variable and refuses an unset one", () => {
  process.env.PLUGINS_TEST_KEY = KEY.toString("hex");
  try {
    expect(Buffer.from(readKeyVariable("PLUGINS_TEST_KEY"))).toEqual(KEY);
  } finally {
    delete process.env.PLUGINS_TEST_KEY;
  }
  expect(() => readKeyVariable("PLUGINS_TEST_KEY")).toThrow("PLUGINS_TEST_KEY is not set");
});

describe("deriveKeys", () => {
  test("deriveKeys() gives a different key for each purpose, the same each time", () => {
    const { cipher, nonce, token, id } = deriveKeys(KEY, undefined);
    expect(new Set([KEY, cipher, nonce, token].map((each) => each.toString("hex"))).size).toBe(4);
    expect(deriveKeys(KEY, undefined)).toEqual({ cipher, nonce, token, id });
    expect(id).toMatch(/^[0-9a-f]{8}$/);
    expect(deriveKeys(KEY, "2024.main").id).toBe("2024.main");
  });

  test.each(["", "a:b", "ü", "x".repeat(65)])("deriveKeys() refuses the key id %p", (id) => {
    expect(() => deriveKeys(KEY, id)).toThrow("is not allowed");
  });
});
