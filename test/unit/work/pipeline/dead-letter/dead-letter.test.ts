import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  type DamagedLine,
  type DeadLetter,
  type DeadLetterFields,
  type DeadLetterFilter,
  encodeDeadLetter,
  type ListOptions,
  listDeadLetters,
  purgeDeadLetters,
  replayable,
  showDeadLetter,
  summariseDeadLetters,
} from "../../../../../src/work/pipeline/dead-letter/index.ts";

const directory = mkdtempSync(join(tmpdir(), "dead-letters-"));
afterAll(() => rmSync(directory, { recursive: true }));

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
let files = 0;

function fileOf(...parts: readonly (string | Uint8Array)[]): string {
  const path = join(directory, `${files++}.ndjson`);
  writeFileSync(path, Buffer.concat(parts.map((part) => (typeof part === "string" ? utf8.encode(part) : part))));
  return path;
}

function fields(more: Partial<DeadLetterFields> = {}): DeadLetterFields {
  const time = "2026-01-02T03:04:05.678Z";
  return {
    time,
    pipeline: "p",
    stage: "check",
    reason: "bad amount",
    attempts: 4,
    batch: "in.ndjson@0",
    row: 7,
    ...more,
  };
}

const record = (json: string, more?: Partial<DeadLetterFields>): Uint8Array =>
  encodeDeadLetter(fields(more), { kind: "record", json: utf8.encode(json) });
const malformed = (line: string, more?: Partial<DeadLetterFields>): Uint8Array =>
  encodeDeadLetter(fields({ reason: "not JSON", line: 12, ...more }), { kind: "text", text: line });

async function list(path: string, options?: ListOptions): Promise<{ letters: DeadLetter[]; damaged: DamagedLine[] }> {
  const letters: DeadLetter[] = [];
  const damaged: DamagedLine[] = [];
  for await (const entry of listDeadLetters(path, options)) {
    if (entry.kind === "letter") letters.push(entry.letter);
    else damaged.push(entry.damaged);
  }
  return { letters, damaged };
}

async function replay(path: string, filter?: DeadLetterFilter, options?: { texts?: boolean }) {
  const { lines, report } = replayable(path, filter, options);
  let out = "";
  for await (const line of lines) out += text(line);
  return { out, report: report() };
}

const idle = { processesWriting: async () => [] };

describe("listDeadLetters()", () => {
  const mixed = fileOf(
    record('{"id":1}', { stage: "a" }),
    malformed("{oops"),
    record('{"id":2}', { stage: "a", reason: "Too LATE" }),
    record('{"id":3}', { stage: "b", batch: "x@1", pipeline: "q" }),
  );

  test("listDeadLetters() gives every letter with its number when nothing is filtered", async () => {
    const { letters, damaged } = await list(mixed);
    expect(damaged).toEqual([]);
    expect(letters.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(letters[1]).toMatchObject({ line: 12, payload: { kind: "text", text: "{oops" } });
  });

  test.each<[DeadLetterFilter & { limit?: number; offset?: number }, number[]]>([
    [{ stage: "a" }, [1, 3]],
    [{ reason: "late" }, [3]],
    [{ pipeline: "q" }, [4]],
    [{ batch: "x@1", stage: "a" }, []],
    [{ numbers: new Set([2, 4, 9]) }, [2, 4]],
    [{ limit: 2 }, [1, 2]],
    [{ limit: 2, offset: 1 }, [2, 3]],
    [{ stage: "a", offset: 1 }, [3]],
    [{ limit: 0 }, []],
  ])("listDeadLetters() gives the letters meant when the options are %j", async (options, numbers) => {
    expect((await list(mixed, options)).letters.map(({ number }) => number)).toEqual(numbers);
  });

  test("listDeadLetters() reports a torn last line and goes on with the rest when a crash cut it", async () => {
    const whole = record('{"id":2}');
    const path = fileOf(record('{"id":1}'), whole.subarray(0, whole.length - 20));
    const { letters, damaged } = await list(path);
    expect(letters).toHaveLength(1);
    expect(damaged).toMatchObject([{ number: 2, offset: record('{"id":1}').length, isTorn: true }]);
    expect((await list(fileOf(whole.subarray(0, -1)))).damaged).toMatchObject([
      { reason: "no newline at its end", isTorn: true },
    ]);
  });

  test.each([
    ["", /not JSON/],
    ["null", /not a JSON object/],
    ["[1]", /not a JSON object/],
    ["{}", /"time" is not a text/],
    [text(record("[1]")).trim(), /"record" is not an object/],
    [text(record("{}", { attempts: -1 })).trim(), /"attempts" is not a count/],
    [text(record("{}")).trim().replace(/}$/, ',"text":"x"}'), /exactly one/],
    [text(record("{}")).trim().replace(',"record":{}', ""), /exactly one/],
  ])("listDeadLetters() reports the line and goes on when it is %j", async (line, reason) => {
    const { letters, damaged } = await list(fileOf(`${line}\n`, record('{"id":1}')));
    expect(letters.map(({ number }) => number)).toEqual([2]);
    expect(damaged).toMatchObject([{ number: 1, isTorn: false }]);
    expect(damaged[0]!.reason).toMatch(reason);
  });

  test("listDeadLetters() reports the line when it is not UTF-8", async () => {
    const bytes = record('{"id":"é"}');
    bytes[bytes.indexOf(0xc3)] = 0xff;
    expect((await list(fileOf(bytes))).damaged).toHaveLength(1);
  });

  test("listDeadLetters() fails with a code when there is no file", async () => {
    await expect(list(join(directory, "gone"))).rejects.toMatchObject({ code: "dead_letter.not_found" });
  });

  test("listDeadLetters() ends when letters are appended while it reads", async () => {
    const path = fileOf(record('{"id":1}'));
    let seen = 0;
    for await (const _ of listDeadLetters(path)) {
      seen++;
      writeFileSync(path, record('{"id":2}'), { flag: "a" });
    }
    expect(seen).toBe(1);
  });
});

describe("replayable()", () => {
  test("replayable() gives the very bytes of the records when numbers and blanks are unusual", async () => {
    const odd = '{ "record" : {"id":1}, "id": 12345678901234567890123, "x":1.0,"e":"\\u00e9\\/}", "n":[ {"a":"]"} ] }';
    const { out, report } = await replay(fileOf(record(odd), malformed("a,b"), record("{}")));
    expect(out).toBe(`${odd}\n{}\n`);
    expect(report).toEqual({ records: 2, texts: 1, damaged: 0 });
  });

  test("replayable() gives malformed lines too when they are asked for", async () => {
    const { out } = await replay(fileOf(malformed('a,"b'), record("{}")), {}, { texts: true });
    expect(out).toBe('a,"b\n{}\n');
  });

  test("replayable() fails with dead_letter.changed when the file shrinks while it is read", async () => {
    const path = fileOf(record('{"id":1}'), record(JSON.stringify({ id: 2, text: "x".repeat(1_000_000) })));
    const { lines } = replayable(path);
    await lines.next();
    truncateSync(path, statSync(path).size - 10);
    await expect(lines.next()).rejects.toMatchObject({ code: "dead_letter.changed" });
  });

  test("replayable() gives only what matches when there is a filter", async () => {
    const path = fileOf(record('{"id":1}', { stage: "a" }), record('{"id":2}', { stage: "b" }), "torn");
    expect(await replay(path, { stage: "b" })).toEqual({
      out: '{"id":2}\n',
      report: { records: 1, texts: 0, damaged: 1 },
    });
  });

  test("replayable() finds the record wherever it stands in the line when another writer orders members otherwise", async () => {
    const rest = '"time":"t","pipeline":"p","stage":"s","reason":"r","attempts":1,"batch":"b"';
    const path = fileOf(`{"rec\\u006frd" : {"a":[{}],"b":"\\"}"} , ${rest}}\n`);
    expect((await replay(path)).out).toBe('{"a":[{}],"b":"\\"}"}\n');
  });

  test("replayable() gives back what encodeDeadLetter() was given when records are arbitrary JSON", async () => {
    const json = fc.json().map((value) => `{"v": ${value} }`);
    const reason = fc.string({ unit: "grapheme" });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(json, reason), { minLength: 1 }), async (letters) => {
        const path = fileOf(...letters.map(([value, why]) => record(value, { reason: why })));
        expect((await replay(path)).out).toBe(letters.map(([value]) => `${value}\n`).join(""));
        expect((await list(path)).letters.map((letter) => letter.reason)).toEqual(letters.map(([, why]) => why));
      }),
      { numRuns: 60 },
    );
  });

  test("replayable() keeps every record when lines span the read buffer", async () => {
    const values = Array.from({ length: 40 }, (_, index) => `{"id":${index},"pad":"${"x".repeat(index * 3571)}"}`);
    const { out } = await replay(fileOf(...values.map((value) => record(value))));
    expect(out).toBe(values.map((value) => `${value}\n`).join(""));
  });
});

describe("showDeadLetter()", () => {
  const path = fileOf(record('{"id":1}'), "broken\n", record('{"id":3}'));

  test("showDeadLetter() gives the letter with all it holds when the number is right", async () => {
    const letter = await showDeadLetter(path, 3);
    expect(letter).toMatchObject({ ...fields(), number: 3 });
    expect(letter.payload.kind === "record" && text(letter.payload.json)).toBe('{"id":3}');
  });

  test("showDeadLetter() fails with a code when there is no such letter or it is damaged", async () => {
    await expect(showDeadLetter(path, 4)).rejects.toMatchObject({ code: "dead_letter.no_such_letter" });
    await expect(showDeadLetter(path, 2)).rejects.toMatchObject({ code: "dead_letter.damaged" });
  });
});

describe("summariseDeadLetters()", () => {
  test("summariseDeadLetters() groups by stage and reason when there are several", async () => {
    const path = fileOf(
      record("{}", { stage: "b", time: "2026-01-03T00:00:00.000Z" }),
      record("{}", { stage: "a" }),
      record("{}", { stage: "a" }),
      malformed("x"),
      "torn",
    );
    expect(await summariseDeadLetters(path)).toMatchObject({
      letters: 4,
      records: 3,
      texts: 1,
      firstTime: "2026-01-02T03:04:05.678Z",
      lastTime: "2026-01-03T00:00:00.000Z",
      groups: [
        { stage: "a", reason: "bad amount", count: 2, example: 2 },
        { stage: "b", reason: "bad amount", count: 1, example: 1 },
        { stage: "check", reason: "not JSON", count: 1, example: 4 },
      ],
      other: 0,
      damaged: { count: 1, first: [{ number: 5, isTorn: true }] },
    });
  });

  test("summariseDeadLetters() bounds its groups when every reason differs", async () => {
    const path = fileOf(...Array.from({ length: 1010 }, (_, index) => record("{}", { reason: `value ${index}` })));
    const { groups, other, letters } = await summariseDeadLetters(path);
    expect([groups.length, other, letters]).toEqual([1000, 10, 1010]);
  });
});

describe("purgeDeadLetters()", () => {
  const lines = [
    record('{"id":1}', { stage: "a" }),
    utf8.encode("broken\n"),
    record('{"id": 2}', { stage: "b" }),
    utf8.encode("torn"),
  ];
  const content = (path: string): Promise<string> => Bun.file(path).text();

  test("purgeDeadLetters() keeps every other line byte for byte when letters match", async () => {
    const path = fileOf(...lines);
    const before = statSync(path).size;
    const report = await purgeDeadLetters(path, { stage: "a" }, idle);
    expect(await content(path)).toBe(lines.slice(1).map(text).join(""));
    const bytesAfter = before - lines[0]!.length;
    expect(report).toEqual({ purged: 1, kept: 1, damagedPurged: 0, damagedKept: 2, bytesBefore: before, bytesAfter });
    expect(existsSync(`${path}.purge`)).toBe(false);
  });

  test("purgeDeadLetters() takes damaged lines when asked, and everything when all is meant", async () => {
    const path = fileOf(...lines);
    expect(await purgeDeadLetters(path, { stage: "z" }, { ...idle, damaged: true })).toMatchObject({
      damagedPurged: 2,
      kept: 2,
    });
    expect(await purgeDeadLetters(path, {}, { ...idle, all: true })).toMatchObject({ purged: 2, bytesAfter: 0 });
    expect(await content(path)).toBe("");
  });

  test("purgeDeadLetters() refuses when no filter is given", async () => {
    const path = fileOf(...lines);
    await expect(purgeDeadLetters(path, {}, idle)).rejects.toMatchObject({ code: "dead_letter.no_filter" });
    await expect(purgeDeadLetters(path, { stage: undefined } as never, idle)).rejects.toMatchObject({
      code: "dead_letter.no_filter",
    });
  });

  test("purgeDeadLetters() keeps the mode and the link when the path is a symbolic link", async () => {
    const path = fileOf(...lines);
    const link = join(directory, "link");
    symlinkSync(path, link);
    await Bun.$`chmod 640 ${path}`;
    await purgeDeadLetters(link, { stage: "a" }, idle);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(await content(path)).not.toContain('"stage":"a"');
    expect(await content(link)).toBe(await content(path));
  });

  test("purgeDeadLetters() refuses when a process has the file open for writing", async () => {
    const path = fileOf(...lines);
    {
      await using _reader = await open(path, "r");
      await using _writer = await open(path, "a");
      await expect(purgeDeadLetters(path, { stage: "a" })).rejects.toMatchObject({
        code: "dead_letter.in_use",
        data: { pids: [process.pid] },
        retryable: true,
      });
    }
    await using _reader = await open(path, "r");
    expect(await purgeDeadLetters(path, { stage: "a" })).toMatchObject({ purged: 1 });
  });

  test("purgeDeadLetters() leaves the file alone when it grows meanwhile", async () => {
    const path = fileOf(...lines);
    let asked = 0;
    const processesWriting = async (): Promise<number[]> => {
      if (++asked === 2) writeFileSync(path, record("{}"), { flag: "a" });
      return [];
    };
    await expect(purgeDeadLetters(path, { stage: "a" }, { processesWriting })).rejects.toMatchObject({
      code: "dead_letter.changed",
    });
    expect(await content(path)).toBe(lines.map(text).join("") + text(record("{}")));
    expect(existsSync(`${path}.purge`)).toBe(false);
  });

  test("purgeDeadLetters() refuses when another purge is under way", async () => {
    const path = fileOf(...lines);
    writeFileSync(`${path}.purge`, "");
    await expect(purgeDeadLetters(path, { stage: "a" }, idle)).rejects.toMatchObject({
      code: "dead_letter.purge_running",
    });
  });

  test("purgeDeadLetters() agrees with a filter over an array when letters are arbitrary", async () => {
    const stage = fc.constantFrom("a", "b", "c");
    await fc.assert(
      fc.asyncProperty(fc.array(stage, { maxLength: 30 }), stage, async (stages, gone) => {
        const all = stages.map((name, index) => ({ name, line: record(`{"id":${index}}`, { stage: name }) }));
        const path = fileOf(...all.map(({ line }) => line));
        await purgeDeadLetters(path, { stage: gone }, idle);
        expect(await content(path)).toBe(
          all
            .filter(({ name }) => name !== gone)
            .map(({ line }) => text(line))
            .join(""),
        );
      }),
      { numRuns: 30 },
    );
  });
});
