/** What spoils logs in the chaos runs: it hits only what counts, so that a log that says nothing about it has a fault. */
import { describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../../src/base/clock.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { RaftLog } from "../../../../src/cluster/consensus/log/index.ts";
import { damageLog } from "../../../support/raft-cluster/index.ts";

const CONFIGURATION = { voters: ["a", "b", "c"], votersOutgoing: [], learners: [] };
const SEEDS = 100;

function files(directory: string): Map<string, string> {
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString("hex")]));
}

describe("damageLog()", () => {
  test("changes one file, says which, and the log always tells of it", async () => {
    const root = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
    try {
      const sound = join(root, "sound");
      const { log } = await RaftLog.open(sound, { clock: systemClock, durability: "fsync", segmentBytes: 16_384 });
      for (let index = 1; index <= 80; index++) {
        const data = new Uint8Array(400).fill(index);
        await log.persist({ term: 1, votedFor: "a" }, [{ index, term: 1, kind: "command", data }]);
        if (index === 30) {
          await log.takeSnapshot({ index, term: 1, configuration: CONFIGURATION }, [new Uint8Array(5_000).fill(7)]);
        }
      }
      await log.close();
      const kinds = new Set<string>();
      for (let seed = 1; seed <= SEEDS; seed++) {
        const spoiled = join(root, `spoiled-${seed}`);
        cpSync(sound, spoiled, { recursive: true });
        const damage = damageLog(spoiled, seededRandom(seed))!;
        const [before, after] = [files(sound), files(spoiled)];
        expect([...before.keys()].filter((name) => before.get(name) !== after.get(name))).toEqual([damage.file]);
        const opened = await RaftLog.open(spoiled, { clock: systemClock, durability: "fsync", segmentBytes: 16_384 });
        await opened.log.close();
        const { findings } = opened;
        expect(findings.filter(({ severity }) => severity !== "info").length, JSON.stringify(damage)).toBeGreaterThan(
          0,
        );
        kinds.add(`${damage.kind} ${damage.file.replace(/-.*/, "")}`);
        rmSync(spoiled, { recursive: true });
      }
      expect([...kinds].toSorted()).toEqual(KINDS);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test("says that there is nothing when nothing was written", () => {
    const empty = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
    try {
      expect(damageLog(empty, seededRandom(1))).toBeUndefined();
    } finally {
      rmSync(empty, { recursive: true, force: true });
    }
  });
});

const KINDS = [
  "cut durable",
  "cut hard",
  "cut segment",
  "cut snapshot",
  "flip durable",
  "flip hard",
  "flip segment",
  "flip snapshot",
];
