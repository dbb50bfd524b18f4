/** Replays the golden transcripts; UPDATE_TRANSCRIPTS=1 writes them anew. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { play } from "./transcript.ts";

const TESTDATA = join(import.meta.dir, "testdata");

describe("Raft transcripts", () => {
  for (const name of readdirSync(TESTDATA)) {
    test(`step() writes ${name} when replayed`, () => {
      const path = join(TESTDATA, name);
      const golden = readFileSync(path, "utf8");
      const replayed = play(golden);
      if (process.env.UPDATE_TRANSCRIPTS === "1") writeFileSync(path, replayed);
      else expect(replayed).toBe(golden);
    });
  }
});
