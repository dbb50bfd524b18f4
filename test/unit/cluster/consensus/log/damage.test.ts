/** A flipped bit or a cut in anything that was durable: found, and never a wrong entry, vote or snapshot in its place. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Random, seededRandom } from "../../../../../src/base/random.ts";
import type { OpenedLog } from "../../../../../src/cluster/consensus/log/index.ts";
import type { Entry, HardState, SnapshotInfo } from "../../../../../src/protocol/raft/index.ts";
import { CONFIGURATION, codesOf, commands, DIRECTORY, fresh, open, vote } from "./logs.ts";
import { filesOf, type MemoryFiles } from "./memory-files.ts";

interface State {
  readonly hardState: HardState;
  readonly snapshot: SnapshotInfo | undefined;
  /** All that was ever in force, by index; what a snapshot covers too. */
  readonly entries: readonly Entry[];
}

/** A log after a random life, and all states in which it was durable, the last one last. */
async function life(random: Random) {
  const { files, log } = await fresh();
  let state: State = { hardState: vote(0), snapshot: undefined, entries: [] };
  const history: State[] = [state];
  for (let step = random.below(30) + 1; step > 0; step--) {
    const { entries, hardState, snapshot } = state;
    const dice = random.next();
    const base = snapshot?.index ?? 0;
    if (dice < 0.15) {
      const next = vote(hardState.term + 1, random.next() < 0.5 ? "a" : undefined);
      await log.persist(next, []);
      state = { ...state, hardState: next };
    } else if (dice < 0.25 && entries.length > base) {
      const at = entries[base + random.below(entries.length - base)]!;
      const place = { index: at.index, term: at.term, configuration: CONFIGURATION };
      const info = await log.takeSnapshot(place, [new Uint8Array(random.below(200_000)).fill(step)]);
      log.compact(info.index - random.below(3));
      state = { ...state, snapshot: info };
    } else {
      const first = random.next() < 0.2 ? base + 1 + random.below(entries.length - base + 1) : entries.length + 1;
      const term = hardState.term + (random.next() < 0.2 ? 1 : 0);
      const next = term > hardState.term ? vote(term, "b") : undefined;
      const more = commands(first, first + random.below(4), term, random.below(700));
      await log.persist(next, more);
      state = { hardState: next ?? hardState, snapshot, entries: [...entries.slice(0, first - 1), ...more] };
    }
    history.push(state);
  }
  await log.persist(undefined, commands(state.entries.length + 1, state.entries.length + 1, 9));
  history.push({
    ...state,
    entries: [...state.entries, ...commands(state.entries.length + 1, state.entries.length + 1, 9)],
  });
  await log.close();
  return { files, history };
}

/** What is found must be the last state, or be said to be damaged and be a beginning of some state. */
function judge({ durable, findings, hardStateLost }: OpenedLog, history: readonly State[]): "exact" | "damaged" {
  const last = history.at(-1)!;
  const base = durable.snapshot?.index ?? 0;
  if (!hardStateLost) expect(durable.hardState).toEqual(last.hardState);
  if (durable.snapshot) expect(history.map(({ snapshot }) => snapshot)).toContainEqual(durable.snapshot);
  if (!durable.isDamaged) {
    expect(durable.entries).toEqual(last.entries.slice(base));
    return "exact";
  }
  expect(findings.some(({ severity }) => severity === "damage")).toBe(true);
  const isBeginning = history.some(({ entries }) =>
    durable.entries.every((entry, at) => Bun.deepEquals(entry, entries[base + at])),
  );
  expect(isBeginning).toBe(true);
  return "damaged";
}

async function spoilAndJudge(
  files: MemoryFiles,
  history: readonly State[],
  spoil: (files: MemoryFiles) => void,
): Promise<string> {
  const spoiled = files.copy();
  spoil(spoiled);
  const opened = await open(spoiled);
  const verdict = judge(opened, history);
  expect(opened.hardStateLost).toBe(false);
  const again = await open(spoiled);
  expect(again.durable).toEqual(opened.durable);
  if (verdict === "exact") return verdict;
  const next = (opened.durable.snapshot?.index ?? 0) + opened.durable.entries.length + 1;
  await again.log.persist(vote(1000, "c"), commands(next, next + 2, 1000));
  const third = await open(spoiled);
  expect(third.durable.isDamaged).toBe(true);
  expect(third.durable.entries).toEqual([...opened.durable.entries, ...commands(next, next + 2, 1000)]);
  third.log.markRepaired();
  const repaired = await open(spoiled);
  expect(repaired.durable).toEqual({ ...third.durable, isDamaged: false });
  expect(repaired.findings.filter(({ severity }) => severity === "damage")).toEqual([]);
  return verdict;
}

describe("open()", () => {
  test("is exact, or says what is lost, when any bit of any file is flipped", async () => {
    const verdicts = { exact: 0, damaged: 0 } as Record<string, number>;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const { files, history } = await life(random);
        for (const name of filesOf(files, DIRECTORY)) {
          const path = `${DIRECTORY}/${name}`;
          const used = files.bytesOf(path).findLastIndex((byte) => byte !== 0) + 1;
          if (used === 0) continue;
          const bit = random.below((random.next() < 0.8 ? used : files.bytesOf(path).length) * 8);
          const verdict = await spoilAndJudge(files, history, (spoiled) => spoiled.flip(path, bit));
          verdicts[verdict]! += 1;
        }
      }),
      { numRuns: 60 },
    );
    expect(Math.min(...Object.values(verdicts))).toBeGreaterThan(10);
  });

  test("is exact, or says what is lost, when any file is cut at any length or gone", async () => {
    const verdicts = { exact: 0, damaged: 0 } as Record<string, number>;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const { files, history } = await life(random);
        for (const name of filesOf(files, DIRECTORY)) {
          const path = `${DIRECTORY}/${name}`;
          const size = files.bytesOf(path).length;
          const length = random.next() < 0.2 ? 0 : random.below(size);
          const isGone = random.next() < 0.2;
          const spoil = (spoiled: MemoryFiles): void =>
            isGone ? spoiled.remove(path) : spoiled.truncate(path, length);
          verdicts[await spoilAndJudge(files, history, spoil)]! += 1;
        }
      }),
      { numRuns: 60 },
    );
    expect(Math.min(...Object.values(verdicts))).toBeGreaterThan(10);
  });

  test("is exact, or says what is lost, when a stretch of any file is zero, noise, or a copy of another place", async () => {
    const verdicts = { exact: 0, damaged: 0 } as Record<string, number>;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const { files, history } = await life(random);
        for (const name of filesOf(files, DIRECTORY)) {
          const path = `${DIRECTORY}/${name}`;
          const used = files.bytesOf(path).findLastIndex((byte) => byte !== 0) + 1;
          const unit = random.next() < 0.5 ? 512 : 8;
          const at = Math.floor(random.below(used + 1) / unit) * unit;
          const size = (random.below(4) + 1) * unit;
          const dice = random.next();
          const spoil = (spoiled: MemoryFiles): void => {
            const bytes = spoiled.bytesOf(path);
            const end = Math.min(bytes.length, at + size);
            if (dice < 0.4) bytes.fill(0, at, end);
            else if (dice < 0.7) for (let each = at; each < end; each++) bytes[each] = random.below(256);
            else bytes.copyWithin(at, Math.floor(random.below(used + 1) / 8) * 8, used);
          };
          verdicts[await spoilAndJudge(files, history, spoil)]! += 1;
        }
      }),
      { numRuns: 60 },
    );
    expect(Math.min(...Object.values(verdicts))).toBeGreaterThan(10);
  });

  test("gives the entries before a damaged record, its place, and how far the log reached", async () => {
    const { files, log } = await fresh();
    for (let index = 1; index <= 8; index++) await log.persist(vote(index), commands(index, index, index, 100));
    const path = `${DIRECTORY}/segment-00000000000001.log`;
    const third = 4096 + 2 * 192;
    files.flip(path, (third + 100) * 8);
    const { durable, findings, lastIndexKnown } = await open(files);
    expect(durable.entries).toEqual([...commands(1, 1, 1, 100), ...commands(2, 2, 2, 100)]);
    expect(durable).toMatchObject({ isDamaged: true, hardState: vote(8) });
    expect(lastIndexKnown).toBe(8);
    const where = { file: "segment-00000000000001.log", offset: third, firstIndex: 3, lastIndex: 3 };
    expect(findings).toMatchObject([{ severity: "damage", code: "raft.log.bad_record", ...where }]);
  });

  test("does not mind damage that a snapshot covers", async () => {
    const { files, log } = await fresh();
    for (let index = 1; index <= 8; index++) await log.persist(undefined, commands(index, index, 1, 100));
    await log.takeSnapshot({ index: 5, term: 1, configuration: CONFIGURATION }, []);
    files.flip(`${DIRECTORY}/segment-00000000000001.log`, (4096 + 2 * 192 + 70) * 8);
    const opened = await open(files);
    expect(opened.durable.entries).toEqual(commands(6, 8, 1, 100));
    expect(opened.durable.isDamaged).toBe(false);
    expect(codesOf(opened)).toEqual(["harmless bad_record"]);
  });

  test("goes back to the log when a snapshot is damaged that it covers from the beginning", async () => {
    const { files, log } = await fresh();
    await log.persist(undefined, commands(1, 8));
    const info = await log.takeSnapshot({ index: 5, term: 1, configuration: CONFIGURATION }, [new Uint8Array(100)]);
    const name = filesOf(files, DIRECTORY).find((each) => each.startsWith("snapshot-"))!;
    files.flip(`${DIRECTORY}/${name}`, (65_536 + 50) * 8);
    const opened = await open(files);
    expect(opened.durable).toMatchObject({ snapshot: undefined, entries: commands(1, 8), isDamaged: false });
    expect(codesOf(opened)).toEqual(["harmless bad_snapshot"]);
    const taken = await opened.log.takeSnapshot(info, [new Uint8Array(3)]);
    expect([...opened.log.readSnapshot(taken)]).toEqual([new Uint8Array(3)]);
  });

  test("says that the hard state is lost, for ever, when both of its copies and the end of the log are damaged", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(4, "a"), commands(1, 2));
    await log.persist(vote(5, "b"), []);
    for (const byte of [20, 4116]) files.flip(`${DIRECTORY}/hard-state`, byte * 8);
    const segment = `${DIRECTORY}/segment-00000000000001.log`;
    files.flip(segment, (files.bytesOf(segment).findLastIndex((byte) => byte !== 0) - 60) * 8);
    const opened = await open(files);
    expect(opened).toMatchObject({ hardStateLost: true, durable: { isDamaged: true, hardState: vote(4, "a") } });
    opened.log.markRepaired();
    expect(opened.log.stats()).toMatchObject({ hardStateLost: true, isDamaged: false });
    const again = await open(files);
    expect(again).toMatchObject({ hardStateLost: true, durable: { isDamaged: false } });
  });

  test("takes the hard state from the log when both of its copies are damaged", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(4, "a"), commands(1, 2));
    for (const byte of [20, 4116]) files.flip(`${DIRECTORY}/hard-state`, byte * 8);
    const opened = await open(files);
    expect(opened).toMatchObject({ hardStateLost: false, durable: { isDamaged: false, hardState: vote(4, "a") } });
    expect(codesOf(opened)).toEqual(["harmless bad_hard_state"]);
    expect(codesOf(await open(files))).toEqual([]);
  });

  test("takes the worst when the note of damage is damaged itself", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(4, "a"), commands(1, 2));
    files.flip(`${DIRECTORY}/segment-00000000000001.log`, 4200 * 8);
    await open(files);
    files.truncate(`${DIRECTORY}/damaged`, 3);
    expect(await open(files)).toMatchObject({ hardStateLost: true, durable: { isDamaged: true } });
  });

  test("does not take for torn what another record stands behind, also when the mark is an older one", async () => {
    const { files, log } = await fresh();
    await log.persist(vote(1), commands(1, 3));
    const mark = files.bytesOf(`${DIRECTORY}/durable-end`).slice();
    await log.persist(undefined, commands(4, 4, 1, 2000));
    await log.persist(vote(2), []);
    files.put(`${DIRECTORY}/durable-end`, mark);
    files.bytesOf(`${DIRECTORY}/segment-00000000000001.log`).fill(0, 4096 + 1024, 4096 + 1536);
    const { durable } = await open(files);
    expect(durable).toMatchObject({ isDamaged: true, hardState: vote(2), entries: commands(1, 3) });
  });
});
