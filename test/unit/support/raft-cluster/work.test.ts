/** The judges of what clients of a group were answered: nodes that keep their promises pass, and every lie planted in an answer is found. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import type { Way } from "../../../../src/data/client/index.ts";
import type { OutgoingCall, Reply } from "../../../../src/wire/rpc/index.ts";
import { DataNodes, lost, noLeader } from "../../../support/data-nodes.ts";
import { type Judgement, Work } from "../../../support/raft-cluster/index.ts";
import { until } from "../../../support/until.ts";

const GROUPS = ["main", "other"];
const ANSWERS = 600;
const TICK_MS = 5;
/** Calls that never get an answer wait for no longer. */
const TIMEOUTS_MS = [100, 300, 1_000];

type Next = (call: OutgoingCall) => Promise<Reply>;
/** What becomes of a call: done as it should be by `next`, or not. */
type Lie = (call: OutgoingCall, next: Next, random: Random) => Promise<Reply> | undefined;

/** Works for a while on nodes whose answers go through `lie`. */
async function judged(lie: Lie, options: { readonly only?: readonly string[]; readonly seed?: number } = {}) {
  const { only, seed = 1 } = options;
  const nodes = new DataNodes({ groups: GROUPS });
  const random = seededRandom(seed);
  const ways = nodes.ways.map(({ name, transport }): Way => {
    return { name, transport: (call) => lie(call, transport, random) ?? transport(call) };
  });
  const clock = setInterval(() => nodes.pass(TICK_MS), TICK_MS);
  try {
    const work = await Work.start({
      seed,
      workers: 3,
      groups: GROUPS,
      client: async () => nodes.client({ ways }),
      restMsMax: 1,
      visibilityMs: 200,
      timeoutsMs: TIMEOUTS_MS,
      ...(only && { only }),
    });
    await until("enough was answered", () => {
      work.check();
      return work.tally.answered >= ANSWERS;
    });
    return { judgements: await work.finish(), tally: work.tally };
  } finally {
    clearInterval(clock);
  }
}

function faultsOf(judgements: readonly Judgement[]): readonly string[] {
  return judgements.flatMap(({ faults, workload }) => faults.map((fault) => `${workload}: ${fault}`));
}

const is = (call: OutgoingCall, name: string): boolean => `${call.contract}.${call.method}` === name;
const input = (call: OutgoingCall) => call.input as Readonly<Record<string, unknown>>;

describe("finish()", () => {
  test("finds nothing wrong when answers are lost, nodes have no leader, and some answers never come", async () => {
    const deaf = new Set<unknown>();
    const { judgements, tally } = await judged(async (call, next, random) => {
      const mark = input(call).mark as { readonly session: string; readonly sequence: number } | undefined;
      const id = mark && `${mark.session} ${mark.sequence}`;
      if (id !== undefined && random.below(60) === 0) deaf.add(id);
      const dice = random.below(20);
      if (dice === 0) throw noLeader();
      const reply = await next(call);
      if (dice === 1 || deaf.has(id)) throw lost();
      return reply;
    });
    expect(faultsOf(judgements)).toEqual([]);
    expect(judgements.map(({ undecided }) => undecided)).toEqual(judgements.map(() => 0));
    expect(judgements).toHaveLength(7);
    expect(tally.unknown).toBeGreaterThan(0);
  });

  /** One in so many answers is a lie. */
  const RARELY = 30;
  const sometimes = (random: Random): boolean => random.below(RARELY) === 0;
  const isPut = (call: OutgoingCall): boolean => is(call, "map.put");
  const done = (output: unknown): Promise<Reply> => Promise.resolve({ ok: true, output });
  let held: Reply | undefined;
  let empty: Reply | undefined;

  const LIES: Readonly<Record<string, readonly [workload: string, lie: Lie]>> = {
    "a write is acknowledged and not done": [
      "ledger",
      (call, _next, random) => (isPut(call) && sometimes(random) ? done({ revision: 1 }) : undefined),
    ],
    "a write is called not done and is done": [
      "ledger",
      (call, next, random) => {
        if (!isPut(call) || !sometimes(random)) return undefined;
        return next(call).then(() => ({ ok: false, failure: new Failure("data.full", "no room") }));
      },
    ],
    "an addition is counted twice": [
      "ledger",
      (call, next, random) => {
        if (!is(call, "counter.add") || !sometimes(random)) return undefined;
        const { mark: _mark, ...unmarked } = input(call);
        return next({ ...call, input: unmarked }).then(() => next(call));
      },
    ],
    "a put is acknowledged and not done": [
      "register",
      (call, _next, random) => (isPut(call) && sometimes(random) ? done({ revision: 1 }) : undefined),
    ],
    "a read is an old one": [
      "register",
      (call, next, random) => {
        if (!is(call, "map.get")) return undefined;
        if (random.below(3) === 0) return next(call).then((reply) => (held = reply));
        return held && sometimes(random) ? Promise.resolve(held) : undefined;
      },
    ],
    "a swap is told and not done": [
      "cas",
      (call, _next, random) =>
        is(call, "map.cas") && sometimes(random) ? done({ swapped: true, revision: 1 }) : undefined,
    ],
    "a swap that nobody expected is done": [
      "cas",
      (call, next, random) => {
        if (!is(call, "map.cas") || random.below(3) > 0) return undefined;
        const { expect: _expect, ...put } = input(call);
        return next({ ...call, method: "put", input: put }).then(() => ({
          ok: true,
          output: { swapped: true, revision: 1 },
        }));
      },
    ],
    "a lock that is held is given to another": [
      "lock",
      (call, next, random) => {
        if (!is(call, "lock.acquire") || random.below(3) > 0) return undefined;
        return next(call).then((reply) => {
          const { state } = (reply as { readonly output: { readonly state: string } }).output;
          return state === "refused"
            ? { ok: true, output: { state: "held", token: 1_000_000 + random.below(1e6), ttlMs: 1_500 } }
            : reply;
        });
      },
    ],
    "a token is given twice": [
      "lock",
      (call, next, random) => {
        if (!is(call, "lock.acquire")) return undefined;
        return next(call).then((reply) => {
          const { output } = reply as { readonly output: { readonly state: string; readonly token: number } };
          if (output.state !== "held" || random.below(5) > 0) return reply;
          return { ok: true, output: { ...output, token: output.token - 1 } };
        });
      },
    ],
    "a message is acknowledged by the queue and lost": [
      "queue",
      (call, _next, random) => (is(call, "queue.enqueue") && sometimes(random) ? done({ ids: [1] }) : undefined),
    ],
    "a message that is done comes again": [
      "queue",
      (call, _next, random) => {
        if (!is(call, "queue.ack") || !sometimes(random)) return undefined;
        const { receipts } = input(call) as { readonly receipts: readonly { readonly id: number }[] };
        return done({ done: receipts.map(({ id }) => id), unknown: [] });
      },
    ],
    "a queue says that it is empty and is not": [
      "queue",
      (call, next, random) => {
        if (!is(call, "queue.dequeue")) return undefined;
        if (!empty) return next(call).then((reply) => (empty = { ...reply, output: { messages: [] } } as Reply));
        return sometimes(random) ? Promise.resolve(empty) : undefined;
      },
    ],
    "a transaction does half of what it shall": [
      "bank",
      (call, next, random) => {
        const { then: operations } = input(call) as { readonly then?: readonly { readonly type: string }[] };
        if (!is(call, "txn.run") || operations?.length !== 2 || !sometimes(random)) return undefined;
        // biome-ignore lint/suspicious/noThenProperty: a list, which nobody takes for a promise
        return next({ ...call, input: { ...input(call), then: operations.slice(0, 1) } });
      },
    ],
    "a transfer over groups is done in one of them": [
      "bank over groups",
      (call, next, random) => {
        if (!is(call, "txn.distributed") || !sometimes(random)) return undefined;
        const { parts } = input(call) as { readonly parts: readonly unknown[] };
        return next({ ...call, input: { ...input(call), parts: parts.slice(0, 1) } });
      },
    ],
    "a transfer over groups is told and not done": [
      "bank over groups",
      (call, _next, random) => {
        if (!is(call, "txn.distributed") || !sometimes(random)) return undefined;
        return done({ state: "committed", replies: [], unfinished: [] });
      },
    ],
  };

  for (const [what, [workload, lie]] of Object.entries(LIES)) {
    test(`finds it when ${what}`, async () => {
      held = undefined;
      empty = undefined;
      const { judgements } = await judged(lie, { only: [workload] });
      expect(judgements.map((each) => each.workload)).toEqual([workload]);
      expect(faultsOf(judgements).length).toBeGreaterThan(0);
    });
  }
});
