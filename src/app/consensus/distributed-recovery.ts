/**
 * Transactions over several groups that somebody has left half-way: whoever leads a group looks every now and then for those that it
 * keeps the record of, or holds a part of, and drives them on.
 */
import { type Clock, pause } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type DriverPorts, recover } from "../../data/transaction/index.ts";
import type { HeldGroup } from "./held-group.ts";

/** Short beside the time-outs of transactions, long beside a look. */
const LOOK_EVERY_MS = 1_000;

export interface RecoveryPorts extends DriverPorts {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Until the signal aborts. Never rejects. */
export async function recoverDistributed(
  groups: readonly HeldGroup[],
  { clock, logger, ...driver }: RecoveryPorts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(clock, LOOK_EVERY_MS, signal);
    for (const held of groups) {
      if (!held.leadership.isLeading || !held.isOpen) continue;
      const { group, machine } = held.life;
      const due = machine.distributed.due(group.clockMs);
      if (due.unfinished.length + due.inDoubt.length === 0) continue;
      const { failures, settled } = await recover(held.name, due, driver, signal);
      logger.debug(`transactions of group ${held.name} are driven on`, { settled, failures: failures.length });
    }
  }
}
