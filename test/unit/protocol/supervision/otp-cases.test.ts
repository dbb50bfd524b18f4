import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OTP_CASES } from "./otp-cases.ts";

const FOLDERS = [import.meta.dir, join(import.meta.dir, "../../process/supervise")];
/** What issue and README promise. */
const CASES_MIN = 50;

describe("OTP's supervisor suite", () => {
  test("otp() writes each case that is said to be tested once, and no other", () => {
    const files = FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
    const texts = files.filter((path) => path.endsWith(".test.ts")).map((path) => readFileSync(path, "utf8"));
    const written = texts.flatMap((text) => [...text.matchAll(/^\s*otp\(\s*"(\w+)"/gm)].map((match) => match[1]!));
    const promised = Object.entries(OTP_CASES).flatMap(([name, how]) => (how === "tested" ? [name] : []));
    expect(written.toSorted()).toEqual(promised.toSorted());
    expect(written.length).toBeGreaterThanOrEqual(CASES_MIN);
  });
});
