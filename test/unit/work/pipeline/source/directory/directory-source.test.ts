/** A watched directory: each file once, whole and in order, over restarts, and what becomes of it afterwards. */
import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type Clock, systemClock } from "../../../../../../src/base/clock.ts";
import { Failure } from "../../../../../../src/base/errors.ts";
import { createSource, type Source, type SourcePosition } from "../../../../../../src/work/pipeline/source/index.ts";
import { SteppedClock } from "../../../../../support/stepped-clock.ts";
import { environment, type ReadCut, readAll, TestDirectory, textOf, viaJson } from "../support.ts";

type Params = Readonly<Record<string, unknown>>;

interface OpenOptions {
  readonly params?: Params;
  readonly position?: SourcePosition | undefined;
  readonly clock?: Clock;
}

async function open(directory: TestDirectory, options: OpenOptions = {}): Promise<Source> {
  const { clock = systemClock, params, position } = options;
  const all = { path: directory.path, until: "empty", settle: 0, ...params };
  const source = createSource("directory", all, environment({ clock }));
  try {
    await source.open(position);
    return source;
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

async function read(directory: TestDirectory, options: OpenOptions & { cuts?: number } = {}): Promise<ReadCut[]> {
  const source = await open(directory, options);
  try {
    return await readAll(source, { ...options, limits: { rows: 2, bytes: 1 << 16 } });
  } finally {
    await source.close();
  }
}

/** Puts a whole file there with the given time, in seconds. */
function put(directory: TestDirectory, name: string, content: string | Uint8Array, timeS: number): string {
  const draft = directory.file(`.${name}.draft`, content);
  utimesSync(draft, timeS, timeS);
  renameSync(draft, join(directory.path, name));
  return join(directory.path, name);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing",
    (thrown: unknown) => (thrown instanceof Failure ? thrown.code : String(thrown)),
  );
}

const visible = (directory: TestDirectory): string[] =>
  readdirSync(directory.path)
    .filter((name) => !name.startsWith("."))
    .sort();

describe("a directory source", () => {
  test("reads files by their times, then names, gzip too, and nothing hidden or of another pattern", async () => {
    using directory = new TestDirectory();
    put(directory, "b.txt", "b1\nb2\nb3\n", 10);
    put(directory, "a.txt", "a1\n", 10);
    put(directory, "z.txt.gz", gzipSync("z1\nz2"), 5);
    put(directory, "empty.txt", "", 7);
    put(directory, "other.csv", "no\n", 1);
    directory.file(".hidden.txt", "no\n");
    mkdirSync(join(directory.path, "folder.txt"));
    const cuts = await read(directory, { params: { pattern: "*.txt*", format: "lines" } });
    expect(textOf(cuts)).toBe("z1\nz2a1\nb1\nb2\nb3\n");
    expect(new Set(cuts.map(({ id }) => id)).size).toBe(cuts.length);
    expect(cuts.filter(({ rows }) => rows === 0).map(({ id }) => id.replace(/^.*\/(.*);.*@/, "$1@"))).toEqual([
      "z.txt.gz@end",
      "empty.txt@end",
      "a.txt@end",
      "b.txt@end",
    ]);
  });

  test("takes the format from the pattern, and each CSV file's own header", async () => {
    using directory = new TestDirectory();
    put(directory, "1.csv", "id,name\n1,x\n", 1);
    put(directory, "2.csv", "name,id\ny,2\n", 2);
    const cuts = await read(directory, { params: { pattern: "*.csv" } });
    const formats = cuts.filter(({ bytes }) => bytes > 0).map(({ format }) => format);
    expect(formats).toMatchObject([
      { kind: "csv", columns: ["id", "name"] },
      { kind: "csv", columns: ["name", "id"] },
    ]);
  });

  test("gives each record once wherever it is resumed, also when files come in between", async () => {
    const files = fc.array(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 1, max: 9 })), { maxLength: 6 });
    const plan = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), files), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(plan, fc.constantFrom("keep", "delete", "move"), async (steps, after) => {
        using directory = new TestDirectory();
        const params = { after, pattern: "*.ndjson" };
        const expected: string[] = [];
        const found: string[] = [];
        let number = 0;
        let position: SourcePosition | undefined;
        for (const [cuts, added] of [...steps, [1000, []] as const]) {
          for (const [lines, timeS] of added) {
            const content = Array.from({ length: lines }, (_, i) => `{"f":${number},"i":${i}}\n`);
            put(directory, `${number++}.ndjson`, content.join(""), timeS);
            expected.push(...content);
          }
          const source = await open(directory, { params, position });
          const committed = await readAll(source, { cuts, limits: { rows: 2, bytes: 1000 } });
          position = viaJson(committed.at(-1)?.position) ?? position;
          if (position && cuts !== 3) source.committed?.(position); // a kill may come before that
          await readAll(source, { cuts: 1 }); // read, and lost with the crash
          await source.close();
          found.push(...textOf(committed).split(/(?<=\n)/));
        }
        expect(found.filter((line) => line !== "").sort()).toEqual(expected.sort());
        if (after !== "keep") expect(visible(directory).filter((name) => name.endsWith(".ndjson"))).toEqual([]);
        if (after === "move" && number > 0) expect(readdirSync(join(directory.path, "done"))).toHaveLength(number);
      }),
      { numRuns: 60 },
    );
  });

  test("gives a file that was replaced by another one of its name under other ids", async () => {
    using directory = new TestDirectory();
    put(directory, "a.ndjson", "{}\n", 1);
    const [first, end] = await read(directory);
    rmSync(join(directory.path, "a.ndjson"));
    put(directory, "a.ndjson", "{}\n", 1);
    const [second] = await read(directory, { position: viaJson(end!.position) });
    expect(textOf([second!])).toBe("{}\n");
    expect(second!.id).not.toBe(first!.id);
  });

  test("refuses to go on when a file was changed after it was taken, and deletes no such file", async () => {
    using directory = new TestDirectory();
    const path = put(directory, "a.ndjson", "{}\n{}\n{}\n", 1);
    const cuts = await read(directory);
    appendFileSync(path, "{}\n");
    for (const { position } of [cuts[0]!, cuts.at(-1)!]) {
      expect(await codeOf(read(directory, { position }))).toBe("source.file_changed");
    }
    const source = await open(directory, { params: { after: "delete", until: "never" } });
    const read1 = await readAll(source, { cuts: 2 });
    appendFileSync(path, "{}\n");
    source.committed?.(read1.at(-1)!.position);
    expect(await codeOf(readAll(source, { cuts: 1 }))).toBe("source.file_changed");
    await source.close();
    expect(existsSync(path)).toBe(true);
  });

  test("refuses when the file it was reading is gone, and leaves out one that goes before its turn", async () => {
    using directory = new TestDirectory();
    put(directory, "a.ndjson", "{}\n{}\n{}\n", 1);
    const gone = put(directory, "b.ndjson", "{}\n", 2);
    const source = await open(directory);
    const [cut] = await readAll(source, { cuts: 1, limits: { rows: 2, bytes: 1000 } });
    rmSync(gone);
    expect(textOf(await readAll(source))).toBe("{}\n");
    await source.close();
    rmSync(join(directory.path, "a.ndjson"));
    expect(await codeOf(read(directory, { position: cut!.position }))).toBe("source.not_found");
  });

  test("deletes what was committed when it is opened, as when a kill came between", async () => {
    using directory = new TestDirectory();
    put(directory, "a.ndjson", "{}\n", 1);
    const params = { after: "delete" };
    const position = viaJson((await read(directory, { params })).at(-1)!.position);
    expect(visible(directory)).toEqual(["a.ndjson"]);
    await (await open(directory, { params, position })).close();
    expect(visible(directory)).toEqual([]);
  });

  test("moves files aside without replacing one that lies there", async () => {
    using directory = new TestDirectory();
    const params = { after: "move", move_to: "read" };
    let position: SourcePosition | undefined;
    for (const content of ['{"n":1}\n', '{"n":2}\n']) {
      put(directory, "a.ndjson", content, 1);
      const source = await open(directory, { params, position });
      position = (await readAll(source)).at(-1)!.position;
      source.committed?.(position);
      await source.close();
    }
    const names = readdirSync(join(directory.path, "read"));
    const texts = names.map((name) => readFileSync(join(directory.path, "read", name), "utf8"));
    expect(texts.sort()).toEqual(['{"n":1}\n', '{"n":2}\n']);
  });

  test("waits until nobody has written to a file for a while", async () => {
    using directory = new TestDirectory();
    const clock = new SteppedClock(); // its time is far behind that of the files
    const path = directory.file("a.txt", "one\n");
    const params = { settle: 500, rescan: 10_000, format: "lines" };
    const source = await open(directory, { params, clock });
    const reading = readAll(source, { cuts: 1 });
    expect(clock.timers).toBe(1);
    clock.advance(499);
    appendFileSync(path, "two\n");
    await stepUntilLooked(clock, 20);
    clock.advance(480);
    await stepUntilLooked(clock, 0);
    clock.advance(500);
    expect(textOf(await reading)).toBe("one\ntwo\n");
    await source.close();
  });

  test("notices a file that comes while it waits, and looks again though nobody told", async () => {
    using directory = new TestDirectory();
    const source = await open(directory, { params: { until: "never", rescan: 20 } });
    const reading = readAll(source, { cuts: 2 });
    put(directory, "a.ndjson", '{"n":1}\n', 1);
    expect(textOf(await reading)).toBe('{"n":1}\n');
    await source.close();
  });

  test("ends a read that waits when it is closed", async () => {
    using directory = new TestDirectory();
    const source = await open(directory, { params: { until: "never" } });
    const reading = readAll(source);
    await source.close();
    expect(await reading).toEqual([]);
  });

  test("says what is wrong with the directory, the pattern and the position", async () => {
    using directory = new TestDirectory();
    expect(await codeOf(read(directory, { params: { path: join(directory.path, "none") } }))).toBe("source.directory");
    expect(await codeOf(read(directory, { params: { pattern: "a/*.txt" } }))).toBe("source.param");
    expect(await codeOf(read(directory, { params: { format: "csv", header: false } }))).toBe("source.param");
    const other = { v: 1, kind: "directory", path: "other", file: null, done: [] } as const;
    expect(await codeOf(read(directory, { position: other }))).toBe("source.position");
    const source = await open(directory, { params: { until: "never", rescan: 10 } });
    const reading = codeOf(readAll(source));
    rmSync(directory.path, { recursive: true });
    expect(await reading).toBe("source.directory");
    await source.close();
  });
});

/** Lets the change be noticed, whether the system tells of it or not. */
async function stepUntilLooked(clock: SteppedClock, ms: number): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(ms);
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
