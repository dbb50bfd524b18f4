/**
 * Accounts in several groups: each transfer is a transaction over two of them, by two-phase commit, and leaves a receipt in both. Judged:
 * a receipt is in both groups or in none; what was answered is there and what was refused is not; the balances are what the receipts
 * make; nothing that was read at once adds up to anything else; and in the end nothing is prepared any more.
 */
import type { StrongMap } from "../../../src/data/client/index.ts";
import { shortened } from "./histories.ts";
import { attempt, insist, type Judgement, timeoutOf, type Worker, type Workload } from "./workload.ts";

const AT_FIRST = 100;
const AMOUNT_MAX = 20;
/** Of each group: few enough that transfers get in each other's way. */
const ACCOUNTS = 3;
const TRANSFER_MS = 6_000;
/** Looks at what is prepared still; leaders look for it every second. */
const LOOKS_MAX = 60;
const LOOK_EVERY_MS = 500;
const LISTED_MAX = 1_000;

interface Transfer {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  outcome: "ok" | "failed" | "unknown";
}

export class SplitBank implements Workload {
  readonly name = "bank over groups";
  readonly transfers: Transfer[] = [];
  readonly #groups: readonly string[];
  readonly #faults: string[] = [];
  #opened: Promise<unknown> | undefined;

  constructor(groups: readonly string[]) {
    this.#groups = groups;
  }

  async step(worker: Worker): Promise<void> {
    this.#opened ??= this.#open(worker);
    await this.#opened;
    if (worker.random.below(4) === 0) await this.#readAll(worker);
    else await this.#transfer(worker);
  }

  async finish(worker: Worker): Promise<void> {
    if (!this.#opened) return;
    await this.#untilNothingIsPrepared(worker);
    const receipts = new Map<string, ReadonlySet<string>>();
    const balances = new Map<string, number>();
    for (const group of this.#groups) {
      receipts.set(group, new Set((await this.#entries(worker, receiptsOf(worker, group))).keys()));
      for (const [account, value] of await this.#entries(worker, accountsOf(worker, group))) {
        balances.set(account, Number(value));
      }
    }
    this.#faults.push(...judgeTransfers(this.transfers, receipts, balances, this.#accounts()));
  }

  judge(): Judgement {
    return { workload: this.name, faults: shortened(this.#faults), undecided: 0 };
  }

  /** Names say where they are: `main/0`. */
  #accounts(): string[] {
    return this.#groups.flatMap((group) => Array.from({ length: ACCOUNTS }, (_, at) => `${group}/${at}`));
  }

  async #open(worker: Worker): Promise<void> {
    for (const account of this.#accounts()) {
      const place = accountsOf(worker, groupOf(account));
      await insist(worker, () => place.cas(account, { absent: true }, String(AT_FIRST)));
    }
  }

  async #transfer(worker: Worker): Promise<void> {
    const { data, random } = worker;
    const accounts = this.#accounts();
    const from = accounts[random.below(accounts.length)]!;
    const others = accounts.filter((account) => groupOf(account) !== groupOf(from));
    const to = others[random.below(others.length)]!;
    const amount = 1 + random.below(AMOUNT_MAX);
    const transfer: Transfer = { id: `t${this.transfers.length}`, from, to, amount, outcome: "unknown" };
    this.transfers.push(transfer);
    const outcome = await attempt(worker, () =>
      data.distributedTransaction({ timeoutMs: TRANSFER_MS }, async (transaction) => {
        for (const [account, by] of [
          [from, -amount],
          [to, amount],
        ] as const) {
          const group = groupOf(account);
          const add = (value: unknown): string => String(Number(value) + by);
          await transaction.update(accountsOf(worker, group), account, add);
          transaction.put(receiptsOf(worker, group), transfer.id, `${amount}`);
        }
      }),
    );
    transfer.outcome = outcome.kind;
  }

  async #readAll(worker: Worker): Promise<void> {
    const accounts = this.#accounts();
    const outcome = await attempt(worker, () =>
      worker.data.distributedTransaction({ timeoutMs: TRANSFER_MS }, async (transaction) => {
        let total = 0;
        for (const account of accounts) {
          total += Number(await transaction.get(accountsOf(worker, groupOf(account)), account));
        }
        return total;
      }),
    );
    const total = accounts.length * AT_FIRST;
    if (outcome.kind === "ok" && outcome.answer !== total) {
      this.#faults.push(`${worker.name} read balances that add up to ${outcome.answer}, and must to ${total}`);
    }
  }

  async #untilNothingIsPrepared(worker: Worker): Promise<void> {
    for (let looks = 0; ; looks++) {
      const lists = await Promise.all(
        this.#groups.map((group) => insist(worker, () => worker.data.calls.txn.list({ group, limit: LISTED_MAX }))),
      );
      const left = lists.flatMap(({ transactions }) => transactions);
      if (left.length === 0) return;
      if (looks >= LOOKS_MAX) {
        this.#faults.push(`still under way when all was quiet: ${JSON.stringify(left.slice(0, 3))}`);
        return;
      }
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }

  #entries(worker: Worker, map: StrongMap): Promise<ReadonlyMap<string, string>> {
    return insist(worker, async () => {
      const found = new Map<string, string>();
      for await (const { key, value } of map.entries({ limit: LISTED_MAX, ...timeoutOf(worker) })) {
        found.set(key, String(value));
      }
      return found;
    });
  }
}

/** What the groups hold in the end, beside what clients were told. */
export function judgeTransfers(
  transfers: readonly Transfer[],
  receipts: ReadonlyMap<string, ReadonlySet<string>>,
  balances: ReadonlyMap<string, number>,
  accounts: readonly string[],
): string[] {
  const faults: string[] = [];
  const expected = new Map(accounts.map((account) => [account, AT_FIRST]));
  for (const { amount, from, id, outcome, to } of transfers) {
    const [left, right] = [from, to].map((account) => receipts.get(groupOf(account))?.has(id) ?? false);
    const what = `transfer ${id} of ${amount} from ${from} to ${to} (${outcome})`;
    if (left !== right) faults.push(`${what} was done in the group of ${left ? from : to} alone`);
    if (outcome === "ok" && !left) faults.push(`${what} was acknowledged, and is lost`);
    if (outcome === "failed" && left) faults.push(`${what} was refused, and is done`);
    if (left) expected.set(from, expected.get(from)! - amount);
    if (right) expected.set(to, expected.get(to)! + amount);
  }
  for (const [account, amount] of expected) {
    const found = balances.get(account);
    if (found !== amount) faults.push(`account ${account} holds ${found}, and its receipts make ${amount}`);
  }
  return faults;
}

function groupOf(account: string): string {
  return account.slice(0, account.indexOf("/"));
}

function accountsOf({ data }: Worker, group: string): StrongMap {
  return data.map("chaos-accounts", { group });
}

function receiptsOf({ data }: Worker, group: string): StrongMap {
  return data.map("chaos-receipts", { group });
}
