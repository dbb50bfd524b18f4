/** The spool: what it acknowledged is there after any crash, and what it cannot read it does not pass over. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { Failure } from "../../../../../../src/base/errors.ts";
import { Spool } from "../../../../../../src/work/pipeline/source/http/spool.ts";
import { encodeHeader, endOf, type Frame } from "../../../../../../src/work/pipeline/source/http/spool-frame.ts";
import { TestDirectory } from "../support.ts";

const DIGEST = (char: string): string => char.repeat(64);

function open(directory: TestDirectory, more: { segmentBytes?: number; keysMax?: number } = {}): Spool {
  return new Spool({ directory: directory.path, keysMax: 100, ...more });
}

function entry(text: string, key?: string) {
  const keyed = key === undefined ? undefined : { key: DIGEST(key), body: DIGEST("b") };
  return { payload: Buffer.from(text), records: 1, timeMs: 5, keyed };
}

/** The payloads from an offset on. */
function payloads(spool: Spool, from = spool.start): string[] {
  const found: string[] = [];
  for (let at = from; at < spool.durable; ) {
    const frame = spool.frameAt(at);
    const payload = new Uint8Array(frame.payloadBytes);
    spool.readAt(endOf(frame) - frame.payloadBytes, payload);
    if (frame.kind === "records") found.push(Buffer.from(payload).toString());
    at = endOf(frame);
  }
  return found;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
  return "nothing";
}

function files(directory: TestDirectory, ending: string): string[] {
  return readdirSync(directory.path)
    .filter((name) => name.endsWith(ending))
    .sort();
}

describe("Spool", () => {
  test("append() keeps every entry, in order, over a restart and over many files", async () => {
    using directory = new TestDirectory();
    const texts = Array.from({ length: 50 }, (_, i) => `{"i":${i}}\n`);
    const first = open(directory, { segmentBytes: 300 });
    await Promise.all(texts.slice(0, 20).map((text) => first.append(entry(text))));
    for (const text of texts.slice(20, 40)) await first.append(entry(text));
    await first.close();
    const second = open(directory, { segmentBytes: 300 });
    await Promise.all(texts.slice(40).map((text) => second.append(entry(text))));
    expect(payloads(second)).toEqual(texts);
    expect(files(directory, ".log").length).toBeGreaterThan(5);
    await second.close();
  });

  test("append() gives offsets that grow, and the last one is what is durable", async () => {
    using directory = new TestDirectory();
    const spool = open(directory);
    const offsets = await Promise.all(["a\n", "bb\n", "ccc\n"].map((text) => spool.append(entry(text))));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect(spool.durable).toBe(offsets[2]!);
    await spool.close();
  });

  test("opening takes away what a crash cut off, wherever it was cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 400 }), fc.boolean(), async (lost, isGarbled) => {
        using directory = new TestDirectory();
        const first = open(directory);
        await first.append(entry("safe\n"));
        const safe = first.durable;
        await first.append(entry("second\n"));
        await first.close();
        const path = join(directory.path, files(directory, ".log")[0]!);
        const keep = Math.max(safe, first.durable - lost);
        truncateSync(path, keep);
        if (isGarbled) writeFileSync(path, Buffer.alloc(37, 0x4c), { flag: "a" });
        const second = open(directory);
        expect(payloads(second)).toEqual(keep === first.durable ? ["safe\n", "second\n"] : ["safe\n"]);
        await second.append(entry("third\n"));
        await second.close();
        const third = open(directory);
        expect(payloads(third).at(-1)).toBe("third\n");
        await third.close();
      }),
      { numRuns: 40 },
    );
  });

  test("opening takes away a whole entry behind a torn one of the same write", () => {
    using directory = new TestDirectory();
    const payload = Buffer.from("x\n");
    const frame = (offset: number): Frame => ({
      kind: "records",
      offset,
      durable: 0,
      payloadBytes: payload.length,
      records: 1,
      value: 0,
      keyed: undefined,
    });
    const size = endOf(frame(0));
    const bytes = Buffer.concat([0, size, 2 * size].flatMap((at) => [encodeHeader(frame(at), payload), payload]));
    bytes[size + 20]! ^= 1;
    directory.file("0000000000000000.log", bytes);
    const spool = open(directory);
    expect(payloads(spool)).toEqual(["x\n"]);
    expect(spool.durable).toBe(size);
  });

  test("opening refuses when an entry is damaged that was durable", async () => {
    using directory = new TestDirectory();
    const first = open(directory);
    const end = await first.append(entry("first\n"));
    await first.append(entry("second\n"));
    await first.close();
    const path = join(directory.path, files(directory, ".log")[0]!);
    const bytes = readFileSync(path);
    bytes[end - 2]! ^= 1;
    writeFileSync(path, bytes);
    expect(codeOf(() => open(directory))).toBe("source.spool_damaged");
  });

  test("opening refuses when a file is missing or shortened that others follow", async () => {
    using directory = new TestDirectory();
    const first = open(directory, { segmentBytes: 1 });
    for (const text of ["a\n", "b\n", "c\n"]) await first.append(entry(text));
    await first.close();
    const [, second] = files(directory, ".log");
    const path = join(directory.path, second!);
    const whole = readFileSync(path);
    truncateSync(path, whole.length - 1);
    expect(codeOf(() => open(directory))).toBe("source.spool_damaged");
    rmSync(path);
    expect(codeOf(() => open(directory))).toBe("source.spool_damaged");
    writeFileSync(path, whole);
    expect(payloads(open(directory))).toEqual(["a\n", "b\n", "c\n"]);
  });

  test("commit() removes the files that lie before, and is known after a restart", async () => {
    using directory = new TestDirectory();
    const first = open(directory, { segmentBytes: 200 });
    const offsets: number[] = [];
    for (let i = 0; i < 20; i++) offsets.push(await first.append(entry(`${i}\n`)));
    const before = files(directory, ".log").length;
    first.commit(offsets[9]!);
    await first.close();
    expect(files(directory, ".log").length).toBeLessThan(before);
    const second = open(directory, { segmentBytes: 200 });
    expect(second.committed).toBe(offsets[9]!);
    expect(payloads(second, second.committed)).toEqual(Array.from({ length: 10 }, (_, i) => `${i + 10}\n`));
    expect(second.backlogBytes).toBe(second.durable - offsets[9]!);
    await second.close();
  });

  test("keys are remembered over restarts and after their records are gone", async () => {
    using directory = new TestDirectory();
    let spool = open(directory, { segmentBytes: 1 });
    const end = await spool.append(entry("a\n", "1"));
    spool.commit(await spool.append(entry("b\n", "2")));
    await spool.append(entry("c\n"));
    await spool.close();
    spool = open(directory, { segmentBytes: 1 });
    expect(spool.keys.get(DIGEST("1"))).toEqual({ key: DIGEST("1"), body: DIGEST("b"), records: 1, position: end });
    expect(spool.keys.get(DIGEST("2"))).toBeDefined();
    expect(spool.start).toBeGreaterThan(0);
    await spool.close();
  });

  test("keys beyond the window are forgotten, and so are the files that kept them", async () => {
    using directory = new TestDirectory();
    const options = { segmentBytes: 1, keysMax: 3 };
    const spool = open(directory, options);
    for (const key of "0123456789abcdef") spool.commit(await spool.append(entry(`${key}\n`, key)));
    await spool.close();
    expect(files(directory, ".keys").length).toBeLessThanOrEqual(3);
    const again = open(directory, options);
    const known = Array.from("0123456789abcdef").filter((key) => again.keys.get(DIGEST(key)));
    expect(known).toEqual(["d", "e", "f"]);
    await again.close();
  });

  test("append() fails and loses nothing else when the disk does not take it", async () => {
    using directory = new TestDirectory();
    const spool = open(directory, { segmentBytes: 1 });
    await spool.append(entry("a\n"));
    rmSync(directory.path, { recursive: true });
    expect(await spool.append(entry("b\n")).catch((thrown: Failure) => thrown.code)).toBe("source.http.storage");
    expect(spool.backlogBytes).toBe(spool.durable);
    expect(codeOf(() => payloads(spool, 0))).toBe("source.spool_damaged");
    await spool.close();
  });
});
