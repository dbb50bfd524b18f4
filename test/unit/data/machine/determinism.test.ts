/** The same log gives the same state, whoever applies it and whatever snapshots were taken or restored on the way. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DataMachine } from "../../../../src/data/machine/index.ts";
import { entry, type LogEntry, logOf } from "./commands.ts";

const steps = fc.array(entry, { minLength: 1, maxLength: 120, size: "max" });
const RUNS = { numRuns: 120 };
/** Small, so that history is cut, answers are stripped and sessions end within a run. */
const SMALL = { historyEventsMax: 12, sessions: { silenceMs: 2_500, sessionAnswersBytesMax: 1_500 } };

function applyAll(machine: DataMachine, entries: readonly LogEntry[]): unknown[] {
  return entries.map(({ data, index, clockMs }) => machine.apply(data, { index, clockMs }));
}

test("apply() gives the same outcomes and the same digest when two machines apply one log", () => {
  fc.assert(
    fc.property(steps, (run) => {
      const log = logOf(run);
      const [one, two] = [new DataMachine(SMALL), new DataMachine(SMALL)];
      expect(applyAll(one, log)).toEqual(applyAll(two, log));
      expect(one.digest()).toBe(two.digest());
      expect(one.nextDueMs).toBe(two.nextDueMs);
    }),
    RUNS,
  );
});

test("restore() gives a machine that goes on like the one of the snapshot when the rest of the log follows", () => {
  fc.assert(
    fc.property(steps, fc.nat(120), (run, cut) => {
      const log = logOf(run);
      const at = Math.min(cut, log.length);
      const [one, two] = [new DataMachine(SMALL), new DataMachine(SMALL)];
      applyAll(one, log.slice(0, at));
      const bytes = [...one.snapshot()];
      two.restore(bytes);
      expect(two.digest()).toBe(one.digest());
      expect(two.stats()).toEqual(one.stats());
      expect(applyAll(two, log.slice(at))).toEqual(applyAll(one, log.slice(at)));
      expect(two.digest()).toBe(one.digest());
      expect(two.sizeBytes).toBe(one.sizeBytes);
      expect(two.nextDueMs).toBe(one.nextDueMs);
    }),
    RUNS,
  );
});

test("snapshot() shows the moment of the call when commands are applied while its pieces are taken", () => {
  fc.assert(
    fc.property(steps, steps, (before, after) => {
      const log = logOf([...before, ...after]);
      const machine = new DataMachine(SMALL);
      applyAll(machine, log.slice(0, before.length));
      const digest = machine.digest();
      const pieces = machine.snapshot()[Symbol.iterator]();
      const taken: Uint8Array[] = [];
      for (const each of log.slice(before.length)) {
        machine.apply(each.data, each);
        const piece = pieces.next();
        if (!piece.done) taken.push(piece.value);
      }
      for (let piece = pieces.next(); !piece.done; piece = pieces.next()) taken.push(piece.value);
      const restored = new DataMachine(SMALL);
      restored.restore(taken);
      expect(restored.digest()).toBe(digest);
    }),
    RUNS,
  );
});
