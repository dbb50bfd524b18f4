/** Real processes, real kill -9: the checkpoint stored is one or two flushes behind what the sink made durable. */

import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSink, type SinkPosition } from "../../../../../src/work/pipeline/sink/index.ts";
import { killBatch } from "./kill-data.ts";
import { encode, TestDirectory } from "./support.ts";

interface Told {
  readonly position: SinkPosition;
  readonly next: number;
}

/** What is written behind the position from which the sink goes on. */
const MORE_BATCHES = 30;

/** Runs the child until it has told `flushes` positions, kills it in the middle of what follows, and gives all that it told. */
async function runAndKill(kind: string, path: string, flushes: number): Promise<Told[]> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "kill-child.ts"), kind, path], { stdout: "pipe" });
  let text = "";
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString();
    if (text.split("\n").length > flushes) child.kill("SIGKILL");
  }
  await child.exited;
  return text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line));
}

function idsOf(kind: string, path: string): number[] {
  if (kind === "ndjson")
    return readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).id);
  const database = new Database(path, { readonly: true });
  const rows = database.query("SELECT id FROM records ORDER BY rowid").values();
  database.close();
  return rows.map(([id]) => id as number);
}

describe("sinks under kill -9", () => {
  for (const kind of ["ndjson", "sqlite"]) {
    for (const behind of [1, 2]) {
      test(`open() ${behind} flushes behind the last gives each record of sink:${kind} once`, async () => {
        using directory = new TestDirectory();
        const path = directory.at("out");
        const told = await runAndKill(kind, path, 5);
        const { position, next } = told.at(-behind)!;
        const sink = createSink(kind, { path });
        await sink.open(position);
        const batches = next + MORE_BATCHES;
        for (let i = next; i < batches; i++) await sink.write(encode(sink, killBatch(i)), `b@${i}`);
        await sink.flush();
        await sink.close();
        expect(idsOf(kind, path)).toEqual(Array.from({ length: batches * 50 }, (_, i) => i));
      });
    }
  }
});
