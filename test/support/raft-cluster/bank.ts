/** Accounts in one map: transfers as transactions that compare and put, and reads of all balances in one step. The sum never changes. */
import { change, check } from "../../../src/data/client/index.ts";
import type { TransactionReply } from "../../../src/data/words/index.ts";
import { type BankInput, type BankOutput, bankModel, HistoryRecorder } from "../linearizability/index.ts";
import { judgeHistory } from "./histories.ts";
import {
  eachAtOnce,
  insist,
  type Judgement,
  Keys,
  recorded,
  timeoutOf,
  type Worker,
  type Workload,
} from "./workload.ts";

const OPERATIONS_MAX = 100;
const ACCOUNTS = ["a", "b", "c", "d", "e"];
const AT_FIRST = 100;
const AMOUNT_MAX = 40;
const READERS = 4;

type Balances = Readonly<Record<string, number>>;

export class Bank implements Workload {
  readonly name = "bank";
  readonly #history = new HistoryRecorder<BankInput, BankOutput>();
  readonly #keys = new Keys("chaos-bank", OPERATIONS_MAX);
  readonly #opened = new Map<string, Promise<unknown>>();

  async step(worker: Worker): Promise<void> {
    const bank = this.#keys.take();
    await this.#open(worker, bank);
    const balances = await this.#read(worker, bank);
    if (!balances || worker.random.below(3) === 0) return;
    await this.#transfer(worker, bank, balances);
  }

  async finish(worker: Worker): Promise<void> {
    await eachAtOnce([...this.#opened.keys()], READERS, (bank) =>
      insist(worker, async () => {
        await this.#readOrFail(worker, bank);
      }),
    );
  }

  judge(): Judgement {
    const balances = Object.fromEntries(ACCOUNTS.map((account) => [account, AT_FIRST]));
    return judgeHistory(this.name, bankModel({ balances, isDense: false }), this.#history.operations());
  }

  /** Once, whoever comes first; all accounts or none. */
  async #open(worker: Worker, bank: string): Promise<void> {
    const open = () =>
      insist(worker, () =>
        worker.data
          .transaction()
          .when(check.absent(bank, ACCOUNTS[0]!))
          .do(...ACCOUNTS.map((account) => change.put(bank, account, String(AT_FIRST))))
          .run(),
      );
    const opened = this.#opened.get(bank) ?? open();
    this.#opened.set(bank, opened);
    await opened;
  }

  async #read(worker: Worker, bank: string): Promise<Balances | undefined> {
    const recording = this.#history.invoke(worker.name, bank, { kind: "read" });
    const output = (reply: TransactionReply): BankOutput => ({ revision: reply.revision, balances: balancesIn(reply) });
    const reply = await recorded(worker, recording, () => this.#look(worker, bank), output);
    return reply && balancesIn(reply);
  }

  async #readOrFail(worker: Worker, bank: string): Promise<void> {
    const recording = this.#history.invoke(worker.name, bank, { kind: "read" });
    try {
      const reply = await this.#look(worker, bank);
      recording.ok({ revision: reply.revision, balances: balancesIn(reply) });
    } catch (thrown) {
      recording.fail();
      throw thrown;
    }
  }

  #look(worker: Worker, bank: string): Promise<TransactionReply> {
    const gets = ACCOUNTS.map((account) => change.get(bank, account));
    return worker.data
      .transaction()
      .do(...gets)
      .run(timeoutOf(worker));
  }

  async #transfer(worker: Worker, bank: string, balances: Balances): Promise<void> {
    const { random } = worker;
    const at = random.below(ACCOUNTS.length);
    const [from, to] = [ACCOUNTS[at]!, ACCOUNTS[(at + 1 + random.below(ACCOUNTS.length - 1)) % ACCOUNTS.length]!];
    const amount = 1 + random.below(AMOUNT_MAX);
    if (balances[from]! < amount) return;
    const recording = this.#history.invoke(worker.name, bank, { kind: "transfer", from, to, amount });
    const transfer = async (): Promise<TransactionReply> => {
      const reply = await worker.data
        .transaction()
        .when(...[from, to].map((each) => check.value(bank, each, "=", String(balances[each]))))
        .do(
          change.put(bank, from, String(balances[from]! - amount)),
          change.put(bank, to, String(balances[to]! + amount)),
        )
        .run(timeoutOf(worker));
      if (!reply.succeeded) throw new Conflict();
      return reply;
    };
    try {
      await recorded(worker, recording, transfer, ({ revision }) => ({ revision, done: true }));
    } catch (thrown) {
      if (!(thrown instanceof Conflict)) throw thrown;
      recording.fail();
    }
  }
}

/** Others were faster: nothing was done. */
class Conflict extends Error {}

function balancesIn({ replies }: TransactionReply): Balances {
  return Object.fromEntries(
    replies.flatMap((reply) => ("entry" in reply && reply.entry ? [[reply.entry.key, Number(reply.entry.value)]] : [])),
  );
}
