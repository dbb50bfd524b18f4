/**
 * Groups that keep accounts, with a network between them and the drivers that loses, repeats and holds back what it likes. Accounts
 * are counters; each part of a transaction also counts a mark of its own up, so that it shows who has carried it out, and how often.
 */
import { Failure } from "../../../../src/base/errors.ts";
import { Counters } from "../../../../src/data/counter/index.ts";
import {
  DistributedTransactions,
  type DriverPorts,
  type Part,
  type PartPorts,
} from "../../../../src/data/transaction/index.ts";
import {
  type CounterOperation,
  type DistributedReply,
  type Moment,
  type OperationReply,
  type Refused,
  refused,
  type TwoPhaseCommand,
} from "../../../../src/data/words/index.ts";
import { restored } from "../../../support/data-copies.ts";

export class Group implements PartPorts {
  readonly counters = new Counters();
  transactions = new DistributedTransactions(this);
  nowMs = 0;
  #index = 0;

  apply(part: Part, moment: Moment): readonly OperationReply[] {
    return part.then.map((each) => this.counters.run(each as CounterOperation, moment));
  }

  evaluate({ compare, then }: Part, moment: Moment): Refused | undefined {
    for (const each of compare) {
      if (each.type !== "counter" || each.is !== ">") throw new Error(`${each.type} is not known here`);
      if (this.counters.get(each.counter) > each.than) continue;
      return refused(
        "data.compare",
        `${each.counter} is ${this.counters.get(each.counter)}, above ${each.than} is required`,
      );
    }
    return this.counters.check(then as CounterOperation[], moment);
  }

  write(part: Part): unknown {
    return JSON.stringify(part);
  }

  read(written: unknown): Part {
    return JSON.parse(written as string);
  }

  take(command: TwoPhaseCommand): DistributedReply {
    this.#index++;
    const moment = { nowMs: this.nowMs, index: this.#index };
    this.transactions.advance(moment);
    const answer = this.transactions.apply(command, moment);
    if (answer.ok) return answer.reply;
    throw new Failure(answer.code, answer.message, { retryable: answer.retryable });
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.transactions.advance({ nowMs: this.nowMs, index: ++this.#index });
  }

  /** As a node that takes a snapshot. */
  restart(): void {
    this.transactions = restored(this.transactions, new DistributedTransactions(this));
  }

  get isQuiet(): boolean {
    return this.transactions.list(1, 0).length === 0 && !this.transactions.hasLocks;
  }
}

/** Takes `amount` out of an account that holds it, or puts it in; and counts its mark. */
export function transferPart(id: string, account: string, amount: number): Part {
  const operations = [
    { type: "counter.add", counter: account, by: amount },
    { type: "counter.add", counter: markOf(id), by: 1 },
  ] as const;
  return {
    compare: amount < 0 ? [{ type: "counter", counter: account, is: ">", than: -amount - 1 }] : [],
    // biome-ignore lint/suspicious/noThenProperty: the word of transactions
    then: operations,
  };
}

export function markOf(id: string): string {
  return `mark of ${id}`;
}

export type Fate = "delivered" | "lost" | "answer lost" | "twice";

interface Sent {
  readonly driver: number;
  readonly group: string;
  readonly command: TwoPhaseCommand;
  readonly answer: (reply: DistributedReply) => void;
  readonly fail: (thrown: Failure) => void;
}

export class World {
  readonly groups = new Map<string, Group>();
  readonly sent: Sent[] = [];
  readonly #dead = new Set<number>();

  constructor(...names: string[]) {
    for (const name of names) this.groups.set(name, new Group());
  }

  group(name: string): Group {
    return this.groups.get(name)!;
  }

  /** What it sends waits until `settle`; dead drivers hear nothing more, though what they have sent may still arrive. */
  ports(driver: number): DriverPorts {
    return {
      propose: (group, command) =>
        new Promise((resolve, reject) => {
          if (this.#dead.has(driver)) return;
          const answer = (reply: DistributedReply): void => (this.#dead.has(driver) ? undefined : resolve(reply));
          this.sent.push({ driver, group, command, answer, fail: reject });
        }),
    };
  }

  kill(driver: number): void {
    this.#dead.add(driver);
  }

  async settle(at: number, fate: Fate): Promise<void> {
    const [message] = this.sent.splice(at, 1);
    if (message === undefined) return;
    const { group, command, answer, fail } = message;
    const lost = new Failure("link.lost", `${command.type} to ${group} was lost`, { retryable: true });
    if (fate === "lost") fail(lost);
    else {
      if (fate === "twice") this.sent.push({ ...message, answer: () => {}, fail: () => {} });
      try {
        const reply = this.group(group).take(command);
        if (fate === "answer lost") fail(lost);
        else answer(reply);
      } catch (thrown) {
        fail(thrown as Failure); // `take` throws nothing else
      }
    }
    await turns();
  }

  async settleAll(): Promise<void> {
    while (this.sent.length > 0) await this.settle(0, "delivered");
  }

  total(account: (group: string) => readonly string[]): number {
    let sum = 0;
    for (const [name, { counters }] of this.groups) for (const each of account(name)) sum += counters.get(each);
    return sum;
  }
}

/** Everything that waits for an answer goes on. */
export async function turns(): Promise<void> {
  for (let count = 0; count < 12; count++) await Promise.resolve();
}
