import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import fc from "fast-check";
import { csvToJson, parseCsvHeader } from "../../../../../src/wire/format/index.ts";
import { createSink, inferSink } from "../../../../../src/work/pipeline/sink/index.ts";
import { codeOf, encode, envelope, TestDirectory, type TestRecord } from "./support.ts";

async function write(
  kind: string,
  params: Record<string, unknown>,
  batches: readonly (readonly TestRecord[])[],
): Promise<void> {
  const sink = createSink(kind, params);
  await sink.open(undefined);
  try {
    for (const [i, records] of batches.entries()) await sink.write(encode(sink, records), `b@${i}`);
    await sink.flush();
  } finally {
    await sink.close();
  }
}

describe("createSink", () => {
  test("createSink() refuses a kind or parameters that mean nothing", () => {
    expect(() => createSink("xml", { path: "a" })).toThrow("known are ndjson, csv");
    expect(() => createSink("ndjson", {})).toThrow("path is missing");
    expect(() => createSink("csv", { path: "a", columns: ["x", "x"] })).toThrow("each once");
    expect(() => createSink("sqlite", { path: "-" })).toThrow("a file is required");
  });

  test("createSink() writes to the given stream when the path is -", async () => {
    const written: string[] = [];
    const stdout = () => ({
      write: (bytes: Uint8Array) => written.push(Buffer.from(bytes).toString()),
      flush: () => 0,
    });
    const sink = createSink("ndjson", { path: "-" }, { stdout });
    await sink.open(undefined);
    await sink.write(Buffer.from("{}\n"), "b@0");
    expect(await sink.flush()).toEqual({ v: 1, kind: "ndjson", target: { bytes: 3 } });
    expect(written).toEqual(["{}\n"]);
  });

  test("createSink() reports a reader that went away as sink.closed", async () => {
    const stdout = () => ({
      write: () => Promise.reject(Object.assign(new Error("broken pipe"), { code: "EPIPE" })),
      flush: () => 0,
    });
    const sink = createSink("ndjson", { path: "-" }, { stdout });
    await sink.open(undefined);
    expect(await codeOf(() => sink.write(Buffer.from("{}\n"), "b@0"))).toBe("sink.closed");
    expect(await codeOf(() => sink.flush())).toBe("sink.closed");
  });
});

describe("files", () => {
  test("write() reports a full disk and stays failed until it is opened again", async () => {
    const sink = createSink("ndjson", { path: "/dev/full" });
    await sink.open(undefined);
    expect(await codeOf(() => sink.write(Buffer.from("{}\n"), "b@0"))).toBe("sink.no_space");
    expect(await codeOf(() => sink.write(Buffer.from("{}\n"), "b@0"))).toBe("sink.no_space");
    await sink.close();
  });

  test("write() to a device takes bytes that cannot be rolled back", async () => {
    const sink = createSink("ndjson", { path: "/dev/null" });
    await sink.open(undefined);
    await sink.write(Buffer.from("{}\n"), "b@0");
    const position = await sink.flush();
    await sink.close();
    const again = createSink("ndjson", { path: "/dev/null" });
    await again.open(position);
    await again.close();
    expect(position.target).toEqual({ bytes: 3 });
  });

  test("open() refuses a directory and a path under a file", async () => {
    using directory = new TestDirectory();
    mkdirSync(directory.at("d"));
    expect(await codeOf(() => createSink("ndjson", { path: directory.at("d") }).open(undefined))).toBe(
      "sink.not_a_file",
    );
    await write("ndjson", { path: directory.at("f") }, []);
    expect(await codeOf(() => createSink("ndjson", { path: directory.at("f/g") }).open(undefined))).toBe(
      "sink.not_writable",
    );
  });

  test("write() fails when the sink is not open", async () => {
    using directory = new TestDirectory();
    for (const kind of ["ndjson", "csv", "sqlite"]) {
      const sink = createSink(kind, { path: directory.at(kind) });
      expect(await codeOf(() => sink.write(encode(sink, [{ a: 1 }]), "b@0"))).toBe("sink.not_open");
    }
  });
});

describe("sink:csv", () => {
  test("write() quotes what must be quoted and what would be read back as something else", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.csv");
    const values = ["plain", 'a "b"', "x,y", "l\nf", "", "12", "007", "true", null, true, -1.5, { n: [1, "a"] }];
    await write("csv", { path }, [[Object.fromEntries(values.map((value, i) => [`c${i}`, value]))]]);
    expect(readFileSync(path, "utf8").slice("c0,c1,c2,c3,c4,c5,c6,c7,c8,c9,c10,c11\n".length)).toBe(
      'plain,"a ""b""","x,y","l\nf","","12",007,"true",,true,-1.5,"{""n"":[1,""a""]}"\n',
    );
  });

  test("write() refuses a field that the header lacks, and says what to do", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.csv");
    const batches = [[{ a: 1 }], [{ a: 2, b: 3 }]];
    expect(await codeOf(() => write("csv", { path }, batches))).toBe("sink.unknown_field");
    expect(write("csv", { path }, batches)).rejects.toThrow("batch b@1 to");
    expect(write("csv", { path }, batches)).rejects.toThrow('"b", the header is a; name all fields in columns=');
    await write("csv", { path, columns: ["b", "a"] }, batches);
    expect(readFileSync(path, "utf8")).toBe("b,a\n,1\n3,2\n");
  });

  test("write() uses the separator that the file's ending or the parameter asks for", async () => {
    using directory = new TestDirectory();
    await write("csv", { path: directory.at("a.tsv") }, [[{ a: 1, b: "x,y\tz" }]]);
    expect(readFileSync(directory.at("a.tsv"), "utf8")).toBe('a\tb\n1\t"x,y\tz"\n');
    await write("csv", { path: directory.at("b.csv"), separator: "semicolon" }, [[{ a: 1, b: "x" }]]);
    expect(readFileSync(directory.at("b.csv"), "utf8")).toBe("a;b\n1;x\n");
  });

  test("write() gives what the CSV source reads back, for any text and number", async () => {
    using directory = new TestDirectory();
    const text = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("", "1", "1e5", "-0", "true", '"', "\ufeffx", "a\r", " ", "null"),
    );
    const value = fc.oneof(
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const records = fc.array(fc.record({ a: value, 'b "x"': value }), { minLength: 1, maxLength: 8 });
    const path = directory.at("out.csv");
    await fc.assert(
      fc.asyncProperty(records, async (rows) => {
        await write("csv", { path }, [rows]);
        const bytes = readFileSync(path);
        const columns = parseCsvHeader(bytes, ",")!;
        const format = { kind: "csv", separator: ",", columns, types: "auto" } as const;
        const header = bytes.indexOf(10) + 1;
        const { text: json, malformed } = csvToJson(bytes.subarray(header), format, 2);
        expect(malformed).toEqual([]);
        const back = Buffer.from(json)
          .toString()
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));
        expect(back).toEqual(JSON.parse(JSON.stringify(rows)));
      }),
      { numRuns: 150 },
    );
  });
});

describe("sink:sqlite", () => {
  const rowsOf = (path: string, sql: string): unknown[] => {
    const database = new Database(path, { readonly: true, safeIntegers: true });
    const rows = database.query(sql).values();
    database.close();
    return rows;
  };

  test("write() keeps each value's type and adds columns as they appear", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    const big = JSON.parse("1"); // a plain number; the big ones come in as text below
    await write("sqlite", { path }, [[{ a: big, b: "007" }], [{ b: 7, c: 1.5, d: true, e: [1, "x"], f: null }]]);
    expect(rowsOf(path, "SELECT typeof(a), typeof(b), b FROM records")).toEqual([
      ["integer", "text", "007"],
      ["null", "integer", 7n],
    ]);
    expect(rowsOf(path, "SELECT c, d, e, f FROM records WHERE rowid = 2")).toEqual([[1.5, 1n, '[1,"x"]', null]]);
  });

  test("write() keeps integers exactly up to 64 bits and as text beyond", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    const sink = createSink("sqlite", { path });
    await sink.open(undefined);
    const records = [9007199254740993n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 10n ** 30n].map((n) => ({ n }));
    await sink.write(envelope(records), "b@0");
    await sink.flush();
    await sink.close();
    expect(rowsOf(path, "SELECT n FROM records").flat()).toEqual([
      9007199254740993n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      "9223372036854775808",
      "1000000000000000000000000000000",
    ]);
  });

  test("write() takes any field name, even those of SQLite's own row number", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    await write("sqlite", { path, table: 'or"ders; --' }, [[{ rowid: 5, 'a"b': 1, select: 2, "": 3 }]]);
    expect(rowsOf(path, 'SELECT rowid, "a""b", "select", "", _rowid_ FROM "or""ders; --"')).toEqual([
      [5n, 1n, 2n, 3n, 1n],
    ]);
  });

  test("write() refuses fields that SQLite cannot tell apart", async () => {
    using directory = new TestDirectory();
    expect(await codeOf(() => write("sqlite", { path: directory.at("out.db") }, [[{ Id: 1, id: 2 }]]))).toBe(
      "sink.column_name",
    );
  });

  test("open() does not touch a table that it did not make", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    const database = new Database(path, { create: true });
    database.run("CREATE TABLE records (precious)");
    database.run("INSERT INTO records VALUES (1)");
    database.close();
    expect(await codeOf(() => write("sqlite", { path }, [[{ a: 1 }]]))).toBe("sink.table_exists");
    expect(rowsOf(path, "SELECT * FROM records")).toEqual([[1n]]);
    await write("sqlite", { path, table: "mine" }, [[{ a: 1 }]]);
    expect(rowsOf(path, "SELECT * FROM mine")).toEqual([[1n]]);
  });

  test("open() refuses a database that holds another run's rows", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    const sink = createSink("sqlite", { path });
    await sink.open(undefined);
    await sink.write(envelope([{ a: 1 }]), "one@0");
    const position = await sink.flush();
    await sink.open(undefined);
    await sink.write(envelope([{ a: 1 }]), "two@0");
    await sink.flush();
    expect(await codeOf(() => sink.open(position))).toBe("sink.changed");
  });

  test("flush() commits nothing of a batch that failed half-way", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    const sink = createSink("sqlite", { path });
    await sink.open(undefined);
    await sink.write(envelope([{ a: 1 }]), "b@0");
    await sink.flush();
    expect(await codeOf(() => sink.write(envelope([{ a: 2 }, { A: 3 }]), "b@1"))).toBe("sink.column_name");
    expect(await codeOf(() => sink.flush())).toBe("sink.column_name");
    await sink.close();
    expect(rowsOf(path, "SELECT a FROM records")).toEqual([[1n]]);
  });

  test("close() leaves one file and no write-ahead log", async () => {
    using directory = new TestDirectory();
    const path = directory.at("out.db");
    await write("sqlite", { path }, [[{ a: 1 }]]);
    expect(() => statSync(`${path}-wal`)).toThrow();
  });
});

describe("inferSink", () => {
  test("inferSink() goes by the ending", () => {
    const kinds = ["a.ndjson", "a.jsonl", "a.CSV", "a.tsv", "a.db", "a.sqlite3", "-", "a.gz", "a"].map(inferSink);
    expect(kinds).toEqual(["ndjson", "ndjson", "csv", "csv", "sqlite", "sqlite", "ndjson", undefined, undefined]);
  });
});
