/** One suite for all sinks that can be rolled back: whenever a run is killed and resumed, each record is there once. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { createSink, type Sink, type SinkPosition } from "../../../../../src/work/pipeline/sink/index.ts";
import { codeOf, encode, TestDirectory, type TestRecord, viaJson } from "./support.ts";

interface Case {
  readonly kind: string;
  readonly params: (path: string) => Record<string, unknown>;
  readonly content: (path: string) => unknown;
  /** Whether a kill may leave a part of what was written last. */
  readonly tears: boolean;
}

const CASES: readonly Case[] = [
  { kind: "ndjson", params: (path) => ({ path }), content: (path) => readFileSync(path, "utf8"), tears: true },
  { kind: "csv", params: (path) => ({ path }), content: (path) => readFileSync(path, "utf8"), tears: true },
  {
    kind: "arrow",
    params: (path) => ({ path }),
    content: (path) => readFileSync(path).toString("latin1"),
    tears: true,
  },
  {
    kind: "sqlite",
    params: (path) => ({ path, table: "orders" }),
    content: (path) => {
      const database = new Database(path, { readonly: true });
      const hasTable = database.query("SELECT 1 FROM sqlite_master WHERE name = 'orders'").get() !== null;
      const rows = hasTable ? database.query("SELECT * FROM orders ORDER BY rowid").all() : [];
      database.close();
      return rows;
    },
    tears: false,
  },
];

function batch(number: number): TestRecord[] {
  return Array.from({ length: number % 4 }, (_, i) => ({
    id: number * 10 + i,
    name: `n,${i}`,
    note: i % 2 ? "é\n" : null,
  }));
}

/** A step of a run: write the next batch, flush and store the position or not (killed in between), or be killed. */
type Step = "write" | "checkpoint" | "flush" | "kill";

for (const { kind, params, content, tears } of CASES) {
  const create = (path: string): Sink => createSink(kind, params(path));

  const undisturbed = async (path: string, batches: number): Promise<unknown> => {
    const sink = create(path);
    await sink.open(undefined);
    for (let i = 0; i < batches; i++) await sink.write(encode(sink, batch(i)), `b@${i}`);
    await sink.flush();
    await sink.close();
    return content(path);
  };

  const disturbed = async (path: string, batches: number, steps: readonly Step[], torn: number): Promise<unknown> => {
    let sink = create(path);
    await sink.open(undefined);
    let stored: { position: SinkPosition | undefined; next: number } = { position: undefined, next: 0 };
    let next = 0;
    for (const step of steps) {
      if (step === "write" && next < batches) await sink.write(encode(sink, batch(next)), `b@${next++}`);
      if (step === "flush") await sink.flush();
      if (step === "checkpoint") stored = { position: viaJson(await sink.flush()), next };
      if (step !== "kill") continue;
      await sink.abort();
      if (tears) tear(path, stored.position, torn);
      sink = create(path);
      await sink.open(stored.position);
      next = stored.next;
    }
    for (; next < batches; next++) await sink.write(encode(sink, batch(next)), `b@${next}`);
    await sink.flush();
    await sink.close();
    return content(path);
  };

  describe(`sink:${kind}`, () => {
    test("open() at the last checkpoint gives each record once however often the run is killed", async () => {
      const steps = fc.array(fc.constantFrom<Step>("write", "write", "checkpoint", "flush", "kill"), { maxLength: 25 });
      using directory = new TestDirectory();
      const expected = await undisturbed(directory.at("whole"), 9);
      let run = 0;
      await fc.assert(
        fc.asyncProperty(steps, fc.nat({ max: 50 }), async (plan, torn) => {
          expect(await disturbed(directory.at(`run-${run++}`), 9, plan, torn)).toEqual(expected);
        }),
        { numRuns: 25 },
      );
    });

    test("open() without a position starts afresh when the file has content", async () => {
      using directory = new TestDirectory();
      const path = directory.at("out");
      const expected = await undisturbed(path, 3);
      await undisturbed(path, 6);
      expect(await undisturbed(path, 3)).toEqual(expected);
    });

    test("open() refuses a position when the file is gone", async () => {
      using directory = new TestDirectory();
      const path = directory.at("out");
      const sink = create(path);
      await sink.open(undefined);
      await sink.write(encode(sink, batch(3)), "b@0");
      const position = await sink.flush();
      await sink.close();
      rmSync(path);
      expect(await codeOf(() => create(path).open(position))).toBe("sink.changed");
      expect(existsSync(path)).toBe(false);
    });

    test("open() refuses a position of another sink", async () => {
      using directory = new TestDirectory();
      const other = createSink("null", {});
      await other.open(undefined);
      const position = await other.flush();
      expect(await codeOf(() => create(directory.at("out")).open(position))).toBe("sink.position");
    });

    test("flush() gives the same position when nothing was written in between", async () => {
      using directory = new TestDirectory();
      const sink = create(directory.at("out"));
      await sink.open(undefined);
      await sink.write(encode(sink, batch(3)), "b@0");
      const first = await sink.flush();
      expect(await sink.flush()).toEqual(first);
      await sink.close();
    });

    test("flush() speaks of what was written before it when a later write is under way", async () => {
      using directory = new TestDirectory();
      const path = directory.at("out");
      const sink = create(path);
      await sink.open(undefined);
      await sink.write(encode(sink, batch(3)), "b@0");
      const flushing = sink.flush();
      const writing = sink.write(encode(sink, batch(2)), "b@1");
      const position = viaJson(await flushing);
      await writing;
      await sink.abort();
      const again = create(path);
      await again.open(position);
      await again.close();
      expect(content(path)).toEqual(await undisturbed2(directory.at("short")));
    });

    const undisturbed2 = async (path: string): Promise<unknown> => {
      const sink = create(path);
      await sink.open(undefined);
      await sink.write(encode(sink, batch(3)), "b@0");
      await sink.flush();
      await sink.close();
      return content(path);
    };

    test("open() makes the directories above a new file", async () => {
      using directory = new TestDirectory();
      const path = directory.at("a/b/out");
      await undisturbed(path, 2);
      expect(existsSync(path)).toBe(true);
    });
  });
}

describe("sinks that append to a file", () => {
  for (const { kind, params } of CASES.filter((each) => each.tears)) {
    test(`open() leaves a file alone when it is not what sink:${kind} wrote`, async () => {
      using directory = new TestDirectory();
      const path = directory.at("out");
      const sink = createSink(kind, params(path));
      await sink.open(undefined);
      await sink.write(encode(sink, batch(3)), "b@0");
      const position = await sink.flush();
      await sink.close();
      const size = (position.target as { bytes: number }).bytes;
      truncateSync(path, size - 1);
      expect(await codeOf(() => createSink(kind, params(path)).open(position))).toBe("sink.changed");
      writeFileSync(path, "x".repeat(size + 10));
      expect(await codeOf(() => createSink(kind, params(path)).open(position))).toBe("sink.changed");
      expect(statSync(path).size).toBe(size + 10);
    });
  }
});

/** What a kill can leave of an append: any length between the last durable byte and the last written one. */
function tear(path: string, position: SinkPosition | undefined, torn: number): void {
  const durable = position === undefined ? 0 : (position.target as { bytes: number }).bytes;
  const { size } = statSync(path);
  if (size > durable) truncateSync(path, Math.min(size, durable + torn));
}
