/**
 * Transactions over several groups that somebody has left half-way: whoever leads a group looks every now and then for those that it
 * keeps the record of, or holds a part of, and drives them on. Each group is looked after for itself, and nobody waits for another's.
 */
import { type Clock, pause } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type DistributedTransactions, type DriverPorts, recover, Turns } from "../../data/transaction/index.ts";
import type { HeldGroup } from "./held-group.ts";

/** Short beside the time-outs of transactions, long beside a look. */
const LOOK_EVERY_MS = 1_000;
/** There may be more behind what has just been settled. */
const GO_ON_MS = 10;

/** What it needs of a group. */
export interface RecoveredGroup extends Pick<HeldGroup, "isOpen" | "leadership" | "name"> {
  readonly life: {
    readonly group: { readonly clockMs: number };
    readonly machine: { readonly distributed: Pick<DistributedTransactions, "due"> };
  };
}

export interface RecoveryPorts extends DriverPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Until the signal aborts. Never rejects. */
export async function recoverDistributed(
  groups: readonly RecoveredGroup[],
  ports: RecoveryPorts,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(groups.map((each) => lookAfter(each, ports, signal)));
}

async function lookAfter(held: RecoveredGroup, ports: RecoveryPorts, signal: AbortSignal): Promise<void> {
  const turns = new Turns();
  /** In which it has looked before. */
  let term = 0;
  let settled = 0;
  while (!signal.aborted) {
    await pause(ports.clock, settled > 0 ? GO_ON_MS : LOOK_EVERY_MS, signal);
    settled = 0;
    if (signal.aborted || !held.leadership.isLeading || !held.isOpen) continue;
    const isNew = held.leadership.term !== term;
    ({ term } = held.leadership);
    settled = await look(held, ports, { turns, signal, isNew });
  }
}

interface Look {
  readonly turns: Turns;
  readonly signal: AbortSignal;
  /** It has only just begun to lead: who led before may have driven what is decided. */
  readonly isNew: boolean;
}

/** How many were settled. */
async function look(
  { life, name }: RecoveredGroup,
  { logger, ...driver }: RecoveryPorts,
  { isNew, signal, turns }: Look,
): Promise<number> {
  const { group, machine } = life;
  const due = machine.distributed.due(group.clockMs, { turns, ...(isNew && { afterMs: 0 }) });
  if (due.unfinished.length + due.inDoubt.length === 0) return 0;
  const { failures, settled } = await recover(name, due, driver, signal);
  logger.debug(`transactions of group ${name} are driven on`, { settled, failures: failures.length });
  return settled;
}
