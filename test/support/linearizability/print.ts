/** Shows people where a history breaks: what could be put in order, then what could not, each as a line from call to return. */
import type { Operation, Verdict } from "./operation.ts";

/** Of the order that was found: enough to see how the object came to where it stands. */
const TAIL_LINES = 12;

/** Around the end of that order; a failing history has hundreds of operations, and few of them matter. */
const CULPRIT_LINES = 24;

const BAR_COLUMNS = 40;

export function printVerdict(verdict: Verdict): string {
  if (verdict.ok === true) return `linearizable (${verdict.configurations} configurations)`;
  if (verdict.ok === "unknown") {
    return `undecided: key ${verdict.key} needs more than ${verdict.configurations} configurations`;
  }
  const { key, why, longest, culprits } = verdict;
  const [tail, stuck] = [longest.slice(-TAIL_LINES), culprits.slice(0, CULPRIT_LINES)];
  const bar = barOf([...tail, ...stuck]);
  const lines = (operations: readonly Operation[]): string[] =>
    operations.map((each) => `  ${bar(each)} ${describe(each)}`);
  return [
    `not linearizable: key ${key}: ${why}`,
    `the longest order found has ${longest.length} operations and ends with`,
    ...lines(tail),
    "these contradict it, or each other:",
    ...lines(stuck),
    ...(culprits.length > stuck.length ? [`  and ${culprits.length - stuck.length} more`] : []),
  ].join("\n");
}

export function describe({ client, callMs, returnMs, input, output }: Operation): string {
  const answer = returnMs === undefined ? "?" : JSON.stringify(output);
  return `client ${client} [${round(callMs)}, ${returnMs === undefined ? "…" : round(returnMs)}] ${JSON.stringify(input)} → ${answer}`;
}

const round = (ms: number): number => Math.round(ms * 100) / 100;

function barOf(operations: readonly Operation[]): (operation: Operation) => string {
  const times = operations.flatMap(({ callMs, returnMs }) => [callMs, returnMs ?? callMs]);
  const first = Math.min(...times);
  const span = Math.max(...times) - first || 1;
  const column = (ms: number): number => Math.round(((ms - first) / span) * (BAR_COLUMNS - 2));
  return ({ callMs, returnMs }) => {
    const [from, to] = [column(callMs), returnMs === undefined ? BAR_COLUMNS - 1 : column(returnMs) + 1];
    const end = returnMs === undefined ? ">" : "|";
    return `${" ".repeat(from)}|${"-".repeat(Math.max(0, to - from - 1))}${end}`.padEnd(BAR_COLUMNS);
  };
}
