/** What every service of the replicated data has, and how it puts commands and reads. */
import type { Clock } from "../../base/clock.ts";
import type { DataMachine } from "../../data/machine/index.ts";
import type { Command, SessionMark } from "../../data/words/index.ts";
import type { CallContext } from "../../wire/rpc/index.ts";
import type { Consistency, DataPort } from "./data-port.ts";

export interface ServicePorts {
  readonly data: DataPort;
  readonly clock: Clock;
}

/** A caller that waits longer asks again, under the same mark: a call's own deadline is shorter as a rule, and ends it by its signal. */
const COMMAND_TIMEOUT_MS = 30_000;
/** A few elections. */
const READ_TIMEOUT_MS = 10_000;

interface Marked {
  readonly group: string;
  readonly mark?: SessionMark | undefined;
}

/** `Reply` is what the words say that the command answers. */
export async function propose<Reply>(
  { data }: ServicePorts,
  { group, mark }: Marked,
  command: Command,
  { signal }: Pick<CallContext, "signal">,
): Promise<Reply> {
  const reply = await data.propose(group, { mark, command }, { signal, timeoutMs: COMMAND_TIMEOUT_MS });
  return reply as Reply;
}

export function read<T>(
  { data }: ServicePorts,
  { consistency, group }: { readonly group: string; readonly consistency: Consistency },
  look: (machine: DataMachine) => T,
  { signal }: Pick<CallContext, "signal">,
): Promise<T> {
  return data.read(group, consistency, look, { signal, timeoutMs: READ_TIMEOUT_MS });
}

/** As it is here now. */
export function glance<T>(
  ports: ServicePorts,
  group: string,
  look: (machine: DataMachine) => T,
  context: Pick<CallContext, "signal">,
): Promise<T> {
  return read(ports, { group, consistency: "stale" }, look, context);
}

/** One more was asked for than is told: whether there is more. */
export function page<T>(rows: readonly T[], limit: number): { readonly rows: readonly T[]; readonly more: boolean } {
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}
