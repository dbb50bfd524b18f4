import { describe, expect, test } from "bun:test";
import { appendFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Clock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { createSource, type FilePosition, inferFormat } from "../../../../../src/work/pipeline/source/index.ts";
import { chunks, environment, readAll, readSource, START_TIME_MS, TestDirectory, textOf } from "./support.ts";

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
  return "nothing";
}

describe("createSource", () => {
  test("createSource() refuses a kind or parameters that mean nothing", () => {
    expect(() => createSource("xml", { path: "a" }, environment())).toThrow(
      "known are ndjson, csv, lines, apache, arrow",
    );
    expect(() => createSource("ndjson", {}, environment())).toThrow("path is missing");
    expect(() => createSource("csv", { path: "a", header: false }, environment())).toThrow("requires columns=");
    expect(() => createSource("csv", { path: "a", columns: ["x", "x"] }, environment())).toThrow("each once");
    expect(() => createSource("csv", { path: "a", separator: "ab" }, environment())).toThrow('"ab"');
  });
});

describe("open", () => {
  test("open() names what is wrong when the input is not there or not a file", async () => {
    using directory = new TestDirectory();
    const missing = join(directory.path, "none.ndjson");
    expect(await codeOf(() => readSource("ndjson", { path: missing }))).toBe("source.not_found");
    expect(await codeOf(() => readSource("ndjson", { path: join(directory.path, "*.csv") }))).toBe("source.not_found");
    expect(await codeOf(() => readSource("ndjson", { path: directory.path }))).toBe("source.not_a_file");
  });

  test("open() finds a relative path in the first directory that has it", async () => {
    using one = new TestDirectory();
    using two = new TestDirectory();
    two.file("a.ndjson", "{}\n");
    const cuts = await readSource("ndjson", { path: "a.ndjson" }, { more: { directories: [one.path, two.path] } });
    expect(cuts.map((cut) => cut.id)).toEqual(["a.ndjson@0"]);
  });

  test("open() takes a name with glob characters literally when such a file exists", async () => {
    using directory = new TestDirectory();
    const path = directory.file("a[1].txt", "x");
    expect(textOf(await readSource("lines", { path }))).toBe("x");
  });

  test("open() reads a glob's files in byte order", async () => {
    using directory = new TestDirectory();
    for (const name of ["b", "B", "a10", "a9", "é"]) directory.file(`${name}.txt`, `${name}\n`);
    expect(textOf(await readSource("lines", { path: join(directory.path, "*.txt") }))).toBe("B\na10\na9\nb\né\n");
  });

  test("open() refuses a position when the list of files changed", async () => {
    using directory = new TestDirectory();
    directory.file("1.txt", "a\nb\n");
    const path = join(directory.path, "*.txt");
    const [first] = await readSource("lines", { path }, { limits: { rows: 1, bytes: 100 } });
    directory.file("2.txt", "c\n");
    expect(await codeOf(() => readSource("lines", { path }, { position: first!.position }))).toBe(
      "source.list_changed",
    );
  });

  test("open() refuses a position when the file is another one, or shorter", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\nb\nc\n");
    const position = (await readSource("lines", { path }, { limits: { rows: 2, bytes: 100 } }))[0]!.position;
    directory.file("1.txt", "x\nb\nc\n");
    expect(await codeOf(() => readSource("lines", { path }, { position }))).toBe("source.file_changed");
    directory.file("1.txt", "a\nb\nc\n");
    truncateSync(path, 2);
    expect(await codeOf(() => readSource("lines", { path }, { position }))).toBe("source.file_changed");
  });

  test("open() refuses a position behind the end when only the head is the same", async () => {
    using directory = new TestDirectory();
    const line = `${"x".repeat(99)}\n`;
    const path = directory.file("1.txt", line.repeat(100));
    const cuts = await readSource("lines", { path }, { limits: { rows: 90, bytes: 1 << 16 } });
    truncateSync(path, 5000);
    expect(await codeOf(() => readSource("lines", { path }, { position: cuts[0]!.position }))).toBe("source.shortened");
    directory.file("2.txt.gz", gzipSync(line.repeat(100)));
    const gzip = join(directory.path, "2.txt.gz");
    const [first] = await readSource("lines", { path: gzip });
    const at = first!.position as FilePosition;
    const position = { ...at, offset: at.offset + 1 };
    expect(await codeOf(() => readSource("lines", { path: gzip }, { position }))).toBe("source.shortened");
  });

  test("open() goes on where it stopped when the file has grown", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\nb\n");
    const position = (await readSource("lines", { path })).at(-1)!.position;
    appendFileSync(path, "c\n");
    expect(textOf(await readSource("lines", { path }, { position }))).toBe("c\n");
  });

  test("open() refuses a file that ended inside a line and has grown since", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\nb");
    const position = (await readSource("lines", { path })).at(-1)!.position;
    expect(await readSource("lines", { path }, { position })).toEqual([]);
    appendFileSync(path, "ig\n");
    expect(await codeOf(() => readSource("lines", { path }, { position }))).toBe("source.file_changed");
  });

  test("open() refuses a position of another kind or shape", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\nb\n");
    const position = (await readSource("lines", { path }))[0]!.position as FilePosition;
    expect(await codeOf(() => readSource("ndjson", { path }, { position }))).toBe("source.position");
    expect(await codeOf(() => readSource("lines", { path }, { position: { ...position, offset: -1 } }))).toBe(
      "source.position",
    );
    expect(await codeOf(() => readSource("lines", { path }, { position: {} as never }))).toBe("source.position");
  });
});

describe("read", () => {
  test("read() hands an oversized record on as a notice and goes on behind it", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", `a\n${"x".repeat(5000)}\nb\n${"y".repeat(300)}`);
    const cuts = await readSource("lines", { path }, { targetBytes: 256, limits: { rows: 10, bytes: 128 } });
    expect(textOf(cuts)).toBe("a\nb\n");
    expect(cuts.flatMap((cut) => cut.oversized.map(({ line, bytes }) => [line, bytes]))).toEqual([
      [2, 5001],
      [4, 300],
    ]);
    expect(cuts[1]).toMatchObject({ bytes: 0, rows: 0, id: `${path}@2` });
    expect(cuts[1]!.oversized[0]!.prefix).toBe("x".repeat(256));
  });

  test("read() gives a record that is over the limit but fits the target", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", `a\n${"x".repeat(200)}\nb\n`);
    const cuts = await readSource("lines", { path }, { targetBytes: 256, limits: { rows: 10, bytes: 16 } });
    expect(cuts.map((cut) => cut.bytes)).toEqual([2, 201, 2]);
  });

  test("read() takes only one line out when a quote of a CSV file is never closed", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.csv", `a,b\n1,2\n"x,2\n${"3,4\n".repeat(200)}`);
    const cuts = await readSource("csv", { path }, { targetBytes: 256, limits: { rows: 1000, bytes: 256 } });
    expect(cuts.flatMap((cut) => cut.oversized).map(({ line, bytes }) => [line, bytes])).toEqual([[3, 5]]);
    expect(textOf(cuts)).toBe(`1,2\n${"3,4\n".repeat(200)}`);
  });

  test("read() names the columns of each CSV file in its format", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.tsv", "a\tb c\n1\t2\n");
    const [cut] = await readSource("csv", { path });
    expect(cut!.format).toEqual({ kind: "csv", separator: "\t", columns: ["a", "b c"], types: "auto" });
    expect([cut!.line, cut!.content.toString()]).toEqual([2, "1\t2\n"]);
    const [renamed] = await readSource("csv", { path, columns: ["x", "y"] });
    expect([renamed!.format, renamed!.content.toString()]).toMatchObject([{ columns: ["x", "y"] }, "1\t2\n"]);
    const [bare] = await readSource("csv", { path, columns: ["x", "y"], header: false });
    expect(bare!.content.toString()).toBe("a\tb c\n1\t2\n");
  });

  test("read() refuses a CSV header with a name twice or an open quote, and takes an empty file", async () => {
    using directory = new TestDirectory();
    expect(await codeOf(() => readSource("csv", { path: directory.file("1.csv", "a,a\n1,2\n") }))).toBe(
      "source.csv_header",
    );
    expect(await codeOf(() => readSource("csv", { path: directory.file("2.csv", '"a,b\n1,2\n') }))).toBe(
      "source.csv_header",
    );
    expect(await readSource("csv", { path: directory.file("3.csv", "") })).toEqual([]);
    expect(await readSource("csv", { path: directory.file("4.csv", "a,b\n") })).toEqual([]);
  });

  test("read() fails with the place when a gzip file is cut off or damaged", async () => {
    using directory = new TestDirectory();
    const whole = gzipSync("line\n".repeat(1000));
    expect(await codeOf(() => readSource("lines", { path: directory.file("1.gz", whole.subarray(0, -5)) }))).toBe(
      "source.corrupt_gzip",
    );
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 6]! ^= 1;
    expect(await codeOf(() => readSource("lines", { path: directory.file("2.gz", damaged) }))).toBe(
      "source.corrupt_gzip",
    );
    const garbage = Buffer.concat([whole, Buffer.from("garbage")]);
    expect(await codeOf(() => readSource("lines", { path: directory.file("3.gz", garbage) }))).toBe(
      "source.corrupt_gzip",
    );
  });

  test("read() dates batches by the file, and those of stdin by the start", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\n");
    const mtime = Bun.file(path).lastModified;
    expect((await readSource("lines", { path }))[0]!.timeMs).toBe(Math.floor(mtime));
    const [cut] = await readSource("lines", { path: "-" }, { more: { stdin: chunks(["a"]) } });
    expect([cut!.timeMs, cut!.id]).toEqual([START_TIME_MS, "stdin@0"]);
  });

  test("read() reads up to the size a file had when it was opened", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\nb\n");
    const source = createSource("lines", { path }, environment());
    await source.open(undefined);
    const first = await readAll(source, { cuts: 1, limits: { rows: 1, bytes: 10 } });
    appendFileSync(path, "c\n");
    expect(textOf([...first, ...(await readAll(source))])).toBe("a\nb\n");
    await source.close();
  });

  test("read() fails when a file becomes shorter while it is read", async () => {
    using directory = new TestDirectory();
    const path = directory.file("1.txt", "a\nb\nc\n");
    const source = createSource("lines", { path }, environment());
    await source.open(undefined);
    await readAll(source, { cuts: 1, limits: { rows: 1, bytes: 2 } });
    truncateSync(path, 3);
    expect(await codeOf(() => readAll(source))).toBe("source.shortened");
    await source.close();
  });

  test("read() of a live pipe hands on whole records when nothing more comes in time", async () => {
    const clock = new StepClock();
    const pipe = new Pipe();
    const source = createSource("lines", { path: "-", linger: 50 }, environment({ clock, stdin: pipe }));
    await source.open(undefined);
    const target = new Uint8Array(64);
    const reading = source.read(target, { rows: 10, bytes: 64 });
    pipe.push("a\nb");
    await clock.fire(50);
    const cut = await reading;
    expect(Buffer.from(target.subarray(0, cut!.bytes)).toString()).toBe("a\n");
    const next = source.read(target, { rows: 10, bytes: 64 });
    await clock.fire(50);
    pipe.push("c\n");
    await clock.fire(50);
    expect(Buffer.from(target.subarray(0, (await next)!.bytes)).toString()).toBe("bc\n");
    pipe.end();
    expect(await source.read(target, { rows: 10, bytes: 64 })).toBeUndefined();
    await source.close();
  });
});

describe("inferFormat", () => {
  test("inferFormat() goes by the ending, compressed or not", () => {
    const kinds = ["a.ndjson", "a.JSONL.gz", "a.json", "a.csv", "b/a.tsv.gz", "a.log", "a.txt", "a.arrow", "-"].map(
      (path) => inferFormat(path)?.kind,
    );
    expect(kinds).toEqual(["ndjson", "ndjson", "ndjson", "csv", "csv", "lines", "lines", "arrow", "ndjson"]);
    expect([inferFormat("a.gz"), inferFormat("a.constructor"), inferFormat("a")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

/** A clock whose timers go off when the test says so. */
class StepClock implements Clock {
  #waiting: { delayMs: number; callback: () => void }[] = [];
  #armed = Promise.withResolvers<void>();

  now(): number {
    return 0;
  }

  monotonic(): number {
    return 0;
  }

  after(delayMs: number, callback: () => void) {
    const timer = { delayMs, callback };
    this.#waiting.push(timer);
    this.#armed.resolve();
    const cancel = (): void => {
      this.#waiting = this.#waiting.filter((each) => each !== timer);
    };
    return { cancel };
  }

  /** Waits until somebody waits, then lets the time pass. */
  async fire(delayMs: number): Promise<void> {
    while (this.#waiting.length === 0) await this.#armed.promise;
    this.#armed = Promise.withResolvers();
    const [timer] = this.#waiting.splice(0, 1);
    expect(timer!.delayMs).toBe(delayMs);
    timer!.callback();
  }
}

class Pipe implements AsyncIterable<Uint8Array> {
  readonly #stream: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor() {
    this.#stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
    });
  }

  push(text: string): void {
    this.#controller.enqueue(Buffer.from(text));
  }

  end(): void {
    this.#controller.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#stream[Symbol.asyncIterator]();
  }
}
