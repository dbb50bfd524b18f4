/**
 * All that a client can ask, typed by the contracts: what the structures stand on, and what is there for whoever wants less. Text that
 * is no Unicode is refused here: a link would change it before the other side can see that.
 */
import { Failure } from "../../base/errors.ts";
import type { CallOptions, Client, Contract, Methods } from "../../wire/rpc/index.ts";
import {
  counterContract,
  leaseContract,
  lockContract,
  mapContract,
  queueContract,
  raftContract,
  txnContract,
} from "../contract/index.ts";
import type { Asker } from "./asker.ts";

export interface Calls {
  readonly map: Client<typeof mapContract.methods>;
  readonly lease: Client<typeof leaseContract.methods>;
  readonly lock: Client<typeof lockContract.methods>;
  readonly queue: Client<typeof queueContract.methods>;
  readonly counter: Client<typeof counterContract.methods>;
  readonly txn: Client<typeof txnContract.methods>;
  readonly raft: Client<typeof raftContract.methods>;
}

export function callsOf(asker: Asker): Calls {
  return {
    map: checked(asker, mapContract),
    lease: checked(asker, leaseContract),
    lock: checked(asker, lockContract),
    queue: checked(asker, queueContract),
    counter: checked(asker, counterContract),
    txn: checked(asker, txnContract),
    raft: checked(asker, raftContract),
  };
}

type Ask = (input: unknown, options?: CallOptions) => Promise<unknown>;

function checked<M extends Methods>(asker: Asker, contract: Contract<M>): Client<M> {
  const asks = Object.entries(asker.client(contract) as Readonly<Record<string, Ask>>);
  const checkedOnes = asks.map(([method, ask]): [string, Ask] => [
    method,
    async (input, options) => {
      const bad = malformedIn(input);
      if (bad === undefined) return ask(input, options);
      const message = `${contract.name}.${method}: ${JSON.stringify(bad.slice(0, SHOWN_CHARS))} has half of a surrogate pair; whole characters are required`;
      throw new Failure("data.malformed_text", message);
    },
  ]);
  return Object.fromEntries(checkedOnes) as unknown as Client<M>; // one per method, by its name
}

/** Enough to know it by. */
const SHOWN_CHARS = 60;

/** The first text in it that has no UTF-8. */
function malformedIn(input: unknown): string | undefined {
  if (typeof input === "string") return input.isWellFormed() ? undefined : input;
  if (typeof input !== "object" || input === null) return undefined;
  for (const [key, value] of Object.entries(input)) {
    const bad = key.isWellFormed() ? malformedIn(value) : key;
    if (bad !== undefined) return bad;
  }
  return undefined;
}
