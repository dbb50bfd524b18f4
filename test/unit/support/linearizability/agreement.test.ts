/** The checker against the dumb one, on thousands of small histories, right and wrong, of every model. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import { bruteForce, simulate, type Workload } from "../../../support/linearizability/generate.ts";
import {
  bankModel,
  casRegisterModel,
  checkLinearizable,
  lockModel,
  type Model,
  type Operation,
  queueModel,
} from "../../../support/linearizability/index.ts";
import {
  BALANCES,
  BANK_WORKLOAD,
  lockWorkload,
  mutate,
  queueWorkload,
  registerWorkload,
} from "../../../support/linearizability/workloads.ts";

/** What the dumb checker can do in a moment. */
const OPERATIONS_MAX = 8;

const RUNS = 1_500;

function agree<ObjectState, State, Input extends { readonly kind: string }, Output>(
  model: Model<State, Input, Output>,
  workload: Workload<ObjectState, Input, Output>,
  keysMax = 2,
): void {
  let wrong = 0;
  const property = fc.property(fc.nat(), (seed) => {
    const random = seededRandom(seed);
    const shape = {
      clients: 1 + random.below(5),
      operationsPerClient: 1 + random.below(4),
      keys: 1 + random.below(keysMax),
      unknown: random.below(2) * 0.3,
      busy: random.below(2) === 0 ? 0.5 : 1,
    };
    const history: Operation<Input, Output>[] = simulate(random, workload, shape)
      .sort((a, b) => a.callMs - b.callMs)
      .slice(0, OPERATIONS_MAX);
    const isCut = history.length === OPERATIONS_MAX;
    const mutations = random.below(3);
    for (let count = 0; count < mutations; count++) mutate(random, history);
    const isRight = bruteForce(model, history);
    if (!isRight) wrong++;
    if (mutations === 0 && !isCut) expect(isRight).toBe(true);
    expect(checkLinearizable(model, history).ok).toBe(isRight);
  });
  fc.assert(property, { numRuns: RUNS });
  expect(wrong).toBeGreaterThan(RUNS / 50);
}

describe("checkLinearizable() agrees with every order tried", () => {
  const all = ["get", "put", "cas", "delete"] as const;
  test("when each put has a value of its own", () =>
    agree(casRegisterModel(), registerWorkload(["get", "put"], undefined)));
  test("when puts repeat two values", () => agree(casRegisterModel(), registerWorkload(["get", "put"], 2)));
  test("when values are swapped and deleted", () => agree(casRegisterModel(), registerWorkload(all, undefined)));
  test("when values repeat, are swapped and deleted", () => agree(casRegisterModel(), registerWorkload(all, 2)));
  test("when a register is swapped mostly", () =>
    agree(casRegisterModel(), registerWorkload(["put", "get", "cas", "cas"], 2)));
  /** On one key: a client with a token of another lock would guess. */
  test("when it is a lock", () => agree(lockModel({ leaseMs: undefined }), lockWorkload(false), 1));
  test("when it is a lock whose leases end at once", () => agree(lockModel({ leaseMs: 0 }), lockWorkload(true), 1));
  test("when it is a lock whose leases end by time", () => agree(lockModel({ leaseMs: 60 }), lockWorkload(false), 1));
  test("when it is a queue", () => agree(queueModel({ redelivers: false }), queueWorkload(false)));
  test("when it is a queue with acknowledgements", () => agree(queueModel({ redelivers: false }), queueWorkload(true)));
  test("when it is a queue that redelivers", () => agree(queueModel({ redelivers: true }), queueWorkload(true)));
  test("when it is a bank", () => agree(bankModel({ balances: BALANCES, isDense: true }), BANK_WORKLOAD));
  test("when it is a bank among other writers", () =>
    agree(bankModel({ balances: BALANCES, isDense: false }), BANK_WORKLOAD));
});
