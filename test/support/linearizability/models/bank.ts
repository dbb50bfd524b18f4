/**
 * Accounts, transfers between them, and reads of all balances at once: one state over many keys, so nothing can be checked apart. What makes
 * it possible is the revision that the store gives with each answer: it orders all operations whose outcome is known, and a search is
 * left only for transfers with unknown outcomes, which must fit into the gaps between revisions. This asks for more than
 * linearizability: the store's own order must agree with real time, with every balance, and with itself. Histories without
 * revisions are searched as they are, which suits a few concurrent transfers.
 */
import type { Model, Operation, Refutation } from "../operation.ts";

export type BankInput =
  | { readonly kind: "transfer"; readonly from: string; readonly to: string; readonly amount: number }
  | { readonly kind: "read" };

export interface BankOutput {
  /** Of the transfer itself, or of the last one that is seen here. */
  readonly revision?: number;
  /** False: refused, for the account held too little. Reads leave it out. */
  readonly done?: boolean;
  readonly balances?: Readonly<Record<string, number>>;
}

export interface BankOptions {
  readonly balances: Readonly<Record<string, number>>;
  /** Whether every revision after the first is a transfer that was done; otherwise others may write between. */
  readonly isDense: boolean;
  /** The revision before the first transfer. */
  readonly revision?: number;
}

export interface BankState {
  readonly revision: number;
  readonly balances: Readonly<Record<string, number>>;
}

type BankOperation = Operation<BankInput, BankOutput>;

/** What a history tells about revisions. */
interface Known {
  /** Of the transfers whose outcome is known. */
  readonly taken: ReadonlySet<number>;
  /** Balances by revision. */
  readonly seen: ReadonlyMap<number, Readonly<Record<string, number>>>;
}

export function bankModel(options: BankOptions): Model<BankState, BankInput, BankOutput> {
  return makeModel(options, { taken: new Set(), seen: new Map() });
}

function makeModel(options: BankOptions, known: Known): Model<BankState, BankInput, BankOutput> {
  const { balances, isDense, revision = 0 } = options;
  const total = totalOf(balances);
  return {
    name: "bank",
    initial: { revision, balances },
    step: (state, operation) => {
      const next = stepOf(state, operation, isDense);
      return next && isPossible(next, operation, known, isDense) ? next : undefined;
    },
    specialise: (operations) => makeModel(options, whatIsKnown(operations)),
    stateKey: (state) =>
      JSON.stringify([state.revision, Object.entries(state.balances).sort(([a], [b]) => (a < b ? -1 : 1))]),
    isReadOnly: (operation) =>
      operation.input.kind === "read" && operation.returnMs === undefined ? true : isDense && !changes(operation),
    twinKey: ({ input, output, returnMs }) => JSON.stringify([input, returnMs === undefined ? null : output]),
    order: revisionOrder,
    refute: (operations) => refuteTotals(operations, total),
  };
}

function whatIsKnown(operations: readonly BankOperation[]): Known {
  const taken = new Set<number>();
  const seen = new Map<number, Readonly<Record<string, number>>>();
  for (const operation of operations) {
    const { output, returnMs } = operation;
    if (returnMs === undefined || output?.revision === undefined) continue;
    if (changes(operation)) taken.add(output.revision);
    else if (output.balances) seen.set(output.revision, output.balances);
  }
  return { taken, seen };
}

/** An unknown transfer has no revision that another one has, and where balances were seen, nothing else is there. */
function isPossible(next: BankState, operation: BankOperation, { taken, seen }: Known, isDense: boolean): boolean {
  const isUnknown = operation.returnMs === undefined && changes(operation);
  if (isUnknown && taken.has(next.revision)) return false;
  const balances = isDense ? seen.get(next.revision) : undefined;
  return balances === undefined || isSame(next.balances, balances);
}

const totalOf = (balances: Readonly<Record<string, number>>): number =>
  Object.values(balances).reduce((sum, each) => sum + each, 0);

const changes = ({ input, output, returnMs }: BankOperation): boolean =>
  input.kind === "transfer" && (returnMs === undefined || output?.done !== false);

function stepOf(state: BankState, operation: BankOperation, isDense: boolean): BankState | undefined {
  const { input, output, returnMs } = operation;
  const told = returnMs === undefined ? undefined : output?.revision;
  if (changes(operation)) {
    const next = told ?? state.revision + 1;
    const isNext = isDense ? next === state.revision + 1 : next > state.revision;
    const balances = isNext ? transfer(state.balances, input) : undefined;
    return balances && { revision: next, balances };
  }
  if (told !== undefined && (isDense ? told !== state.revision : told < state.revision)) return undefined;
  const now = { ...state, revision: told ?? state.revision };
  if (input.kind === "transfer") return transfer(state.balances, input) ? undefined : now;
  return isSame(state.balances, output?.balances ?? {}) ? now : undefined;
}

function transfer(
  balances: Readonly<Record<string, number>>,
  input: BankInput,
): Readonly<Record<string, number>> | undefined {
  if (input.kind !== "transfer") return undefined;
  const { from, to, amount } = input;
  const left = (balances[from] ?? 0) - amount;
  if (left < 0) return undefined;
  const paid = { ...balances, [from]: left };
  return { ...paid, [to]: (paid[to] ?? 0) + amount };
}

function isSame(balances: Readonly<Record<string, number>>, seen: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(balances);
  return names.length === Object.keys(seen).length && names.every((name) => balances[name] === seen[name]);
}

/** A transfer comes before all that is seen at its revision, and that before the next revision. */
function revisionOrder(operations: readonly BankOperation[]): [number, number][] {
  const rank = (index: number): number =>
    2 * operations[index]!.output!.revision! + (changes(operations[index]!) ? 0 : 1);
  const told = [...operations.keys()].filter((index) => {
    const { output, returnMs } = operations[index]!;
    return returnMs !== undefined && output?.revision !== undefined;
  });
  const groups = [...Map.groupBy(told, rank)].sort(([a], [b]) => a - b).map(([, group]) => group);
  return groups
    .slice(1)
    .flatMap((group, at) => groups[at]!.flatMap((earlier) => group.map((later): [number, number] => [earlier, later])));
}

function refuteTotals(operations: readonly BankOperation[], total: number): Refutation | undefined {
  const done = new Map<number, number>();
  for (const [index, operation] of operations.entries()) {
    const { output, returnMs } = operation;
    if (returnMs === undefined) continue;
    if (output?.balances && totalOf(output.balances) !== total) {
      return { why: `the balances add up to ${totalOf(output.balances)} and must to ${total}`, culprits: [index] };
    }
    if (!changes(operation) || output?.revision === undefined) continue;
    const rival = done.get(output.revision);
    if (rival !== undefined) return { why: `both were done at revision ${output.revision}`, culprits: [rival, index] };
    done.set(output.revision, index);
  }
  return undefined;
}
