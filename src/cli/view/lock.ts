/** Locks for people. Pure. */
import { printable } from "../../base/printable.ts";
import { formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

export interface ShownLock {
  readonly lock: string;
  readonly holder: string;
  readonly token: number;
  readonly ttlMs: number;
  readonly waiting: readonly string[];
}

export function locksTable(locks: readonly ShownLock[]): string {
  const rows = locks.map(({ holder, lock, token, ttlMs, waiting }) => [
    printable(lock),
    printable(holder),
    String(token),
    formatDurationMs(ttlMs),
    String(waiting.length),
  ]);
  return textTable(["lock", "holder", "token", "left", "waiting"], rows);
}

export function lockText({ holder, lock, token, ttlMs, waiting }: ShownLock): string {
  const line = waiting.length === 0 ? "nobody" : waiting.map(printable).join(", ");
  return [
    `lock     ${printable(lock)}`,
    `holder   ${printable(holder)}`,
    `token    ${token}`,
    `left     ${formatDurationMs(ttlMs)} unless it is kept`,
    `waiting  ${line}`,
  ].join("\n");
}
