/** Dead letters of a run that one directory after the other leads: each file has what was committed there, once. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { LocalDeadLetters } from "../../../src/app/local-dead-letters.ts";
import type { Checkpoint, Checkpoints } from "../../../src/work/pipeline/checkpoint/index.ts";
import { createSink, type SinkPosition } from "../../../src/work/pipeline/sink/index.ts";
import { Workspace } from "../../support/workspace.ts";

let space: Workspace;
let kept: Checkpoint | undefined;
const store: Checkpoints = {
  load: () => kept,
  save(next) {
    kept = next;
  },
  clear() {},
  close() {},
};

beforeEach(() => {
  space = new Workspace();
  kept = undefined;
});
afterEach(() => space[Symbol.dispose]());

const NEW = { run: "r", startedMs: 0, fingerprint: "{}", finished: false, seq: 0, ahead: [], states: new Map() };
const BEGUN = { ...NEW, source: undefined, sink: undefined, counts: undefined };

function pathIn(place: string): string {
  return join(space.at(place), "dead-letters.ndjson");
}

function at(place: string): LocalDeadLetters {
  mkdirSync(space.at(place), { recursive: true });
  return LocalDeadLetters.in(space.at(place), createSink("ndjson", { path: pathIn(place) }));
}

/** A run that begins there. */
async function begin(place: string): Promise<void> {
  kept = { ...BEGUN, deadLetters: await at(place).end(pathIn(place)) };
}

/** One life of the run: letters that are committed, and letters that are not. */
async function lead(place: string, committed: string, lost = ""): Promise<void> {
  const letters = at(place);
  await letters.arrive(store, pathIn(place));
  await letters.open(kept!.deadLetters as SinkPosition | undefined);
  if (committed !== "") {
    await letters.write(Buffer.from(committed), "b");
    kept = { ...kept!, seq: kept!.seq + 1, deadLetters: await letters.flush() };
  }
  if (lost !== "") await letters.write(Buffer.from(lost), "b");
  await letters.abort();
}

const text = (place: string): string => space.text(`${place}/dead-letters.ndjson`);

describe("LocalDeadLetters", () => {
  test("takes back in each directory what was written there behind the last commit when it leads again", async () => {
    await begin("a");
    await lead("a", "1\n", "2\n");
    await lead("b", "2\n", "3\n");
    await lead("a", "3\n", "4\n");
    await lead("b", "4\n");
    await lead("a", "");
    expect([text("a"), text("b")]).toEqual(["1\n3\n", "2\n4\n"]);
  });

  test("keeps what earlier runs have left, also where the run comes to before its first commit", async () => {
    space.write("a/dead-letters.ndjson", "old\n");
    space.write("b/dead-letters.ndjson", "older\n");
    await begin("a");
    await lead("a", "", "1\n");
    await lead("b", "", "1\n");
    await lead("b", "1\n");
    await lead("a", "2\n");
    expect([text("a"), text("b")]).toEqual(["old\n2\n", "older\n1\n"]);
  });

  test("writes no letter twice where there was no file and nothing was committed", async () => {
    await begin("a");
    await lead("a", "", "1\n");
    await lead("a", "1\n");
    await lead("b", "", "2\n");
    await lead("b", "2\n");
    expect([text("a"), text("b")]).toEqual(["1\n", "2\n"]);
  });

  test("empties the file of a run that starts over, wherever it begins", async () => {
    space.write("a/dead-letters.ndjson", "old\n");
    space.write("b/dead-letters.ndjson", "older\n");
    kept = { ...BEGUN, deadLetters: undefined };
    await lead("a", "", "1\n");
    await lead("b", "1\n");
    expect(text("b")).toBe("1\n");
  });
});
