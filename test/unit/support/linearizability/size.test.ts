/** 50 clients × 30 operations on one key and on five: right histories, wrong ones, unknown outcomes. Nothing is left undecided. */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import { simulate, type Workload } from "../../../support/linearizability/generate.ts";
import {
  bankModel,
  casRegisterModel,
  checkLinearizable,
  lockModel,
  type Model,
  type Operation,
  queueModel,
  type RegisterInput,
  type RegisterOutput,
} from "../../../support/linearizability/index.ts";
import {
  BALANCES,
  BANK_WORKLOAD,
  lockWorkload,
  queueWorkload,
  registerWorkload,
} from "../../../support/linearizability/workloads.ts";

/** Of one history. A tenth of what the checker may remember, so that trouble shows here first. */
const CONFIGURATIONS_MAX = 10_000;

const SEEDS = [1, 2];

type RegisterHistory = Operation<RegisterInput, RegisterOutput>[];

function history<State, Input, Output>(
  seed: number,
  workload: Workload<State, Input, Output>,
  keys: number,
  unknown: number,
) {
  return simulate(seededRandom(seed), workload, { clients: 50, operationsPerClient: 30, keys, unknown });
}

function verdict<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
) {
  expect(operations.length).toBe(1_500);
  return checkLinearizable(model, operations, { configurationsMax: CONFIGURATIONS_MAX }).ok;
}

/** Gives the last read the value of a write that was over and overwritten long before. */
function makeStale(operations: RegisterHistory): RegisterHistory {
  const at = operations.findLastIndex(({ input, returnMs }) => input.kind === "get" && returnMs !== undefined);
  const { key, callMs } = operations[at]!;
  const old = operations.find(
    (each) =>
      each.key === key &&
      each.input.kind === "get" &&
      each.output !== null &&
      each.returnMs !== undefined &&
      each.returnMs < callMs / 2,
  );
  return operations.with(at, { ...operations[at]!, output: old!.output });
}

describe("checkLinearizable() decides on 1,500 operations", () => {
  const kinds = {
    "puts and gets": ["get", "put"],
    "compare-and-swap": ["get", "put", "cas"],
    everything: ["get", "put", "cas", "delete"],
  } as const;
  for (const keys of [1, 5]) {
    for (const unknown of [0, 0.1]) {
      for (const [name, list] of Object.entries(kinds)) {
        const where = `${name} on ${keys} keys with ${unknown * 100} % unknown`;
        test(`says yes when the values of ${where} are unique`, () => {
          for (const seed of SEEDS) {
            expect(verdict(casRegisterModel(), history(seed, registerWorkload(list, undefined), keys, unknown))).toBe(
              true,
            );
          }
        });
        test(`says yes when the values of ${where} are few`, () => {
          for (const seed of SEEDS) {
            expect(verdict(casRegisterModel(), history(seed, registerWorkload(list, 5), keys, unknown))).toBe(true);
          }
        });
        test(`says no when one read of ${where} is stale`, () => {
          for (const seed of SEEDS) {
            const stale = makeStale(history(seed, registerWorkload(list, undefined), keys, unknown));
            expect(verdict(casRegisterModel(), stale)).toBe(false);
          }
        });
      }
      test(`says no when a value on ${keys} keys with ${unknown * 100} % unknown is swapped twice`, () => {
        for (const seed of SEEDS) {
          const operations = history(seed, registerWorkload(["get", "put", "cas"], undefined), keys, unknown);
          const won = operations.findIndex(({ input, output }) => input.kind === "cas" && output === true);
          const { input, key } = operations[won]!;
          const at = operations.findIndex((each, index) => index > won && each.key === key && each.output === false);
          const again = { ...input, value: 1_000_000 } as RegisterInput;
          const twice = operations.with(at, { ...operations[at]!, input: again, output: true });
          expect(verdict(casRegisterModel(), twice)).toBe(false);
        }
      });
    }
  }

  test("says yes and no when it is a lock", () => {
    for (const leaseMs of [undefined, 0]) {
      for (const seed of SEEDS) {
        const operations = history(seed, lockWorkload(leaseMs === 0), 1, leaseMs === 0 ? 0.1 : 0);
        expect(verdict(lockModel({ leaseMs }), operations)).toBe(true);
        const grants = [...operations.keys()].filter((index) => typeof operations[index]!.output === "number");
        const first = grants.reduce((a, b) => (operations[b]!.returnMs! < operations[a]!.returnMs! ? b : a));
        const last = grants.reduce((a, b) => (operations[b]!.callMs > operations[a]!.callMs ? b : a));
        expect(operations[first]!.returnMs!).toBeLessThan(operations[last]!.callMs);
        const swapped = operations
          .with(first, { ...operations[first]!, output: operations[last]!.output })
          .with(last, { ...operations[last]!, output: operations[first]!.output });
        expect(verdict(lockModel({ leaseMs }), swapped)).toBe(false);
      }
    }
  });

  test("says yes and no when it is a queue", () => {
    for (const seed of SEEDS) {
      const operations = history(seed, queueWorkload(true), 1, 0);
      expect(verdict(queueModel({ redelivers: false }), operations)).toBe(true);
      const got = [...operations.keys()].filter((index) => {
        const { input, output } = operations[index]!;
        return input.kind === "dequeue" && output !== null;
      });
      const [first, last] = [got[0]!, got.at(-1)!];
      const swapped = operations
        .with(first, { ...operations[first]!, output: operations[last]!.output })
        .with(last, { ...operations[last]!, output: operations[first]!.output });
      expect(verdict(queueModel({ redelivers: false }), swapped)).toBe(false);
    }
  });

  test("says yes and no when it is a bank", () => {
    for (const unknown of [0, 0.1]) {
      for (const seed of SEEDS) {
        const operations = history(seed, BANK_WORKLOAD, 1, unknown);
        const model = bankModel({ balances: BALANCES, isDense: true });
        expect(verdict(model, operations)).toBe(true);
        const at = operations.findLastIndex(({ output }) => output?.balances !== undefined);
        const { a, b, ...others } = operations[at]!.output!.balances!;
        const balances = { ...others, a: a! + 1, b: b! - 1 };
        const wrong = operations.with(at, { ...operations[at]!, output: { ...operations[at]!.output, balances } });
        expect(verdict(model, wrong)).toBe(false);
      }
    }
  });
});
