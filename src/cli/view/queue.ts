/** Queues and messages for people. Pure. */
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { valueText } from "./data.ts";
import { textTable } from "./table.ts";

export interface ShownQueue {
  readonly queue: string;
  readonly ready: number;
  readonly delayed: number;
  readonly out: number;
  readonly enqueued: number;
  readonly acknowledged: number;
  readonly deadLettered: number;
  readonly settings: {
    readonly deliveriesMax: number;
    readonly deadLetter: string;
    readonly dedupeMs: number;
    readonly messagesMax: number;
  };
}

export function queuesTable(queues: readonly ShownQueue[]): string {
  const rows = queues.map((each) => [
    printable(each.queue),
    ...[each.ready, each.delayed, each.out, each.enqueued, each.acknowledged, each.deadLettered].map(formatCount),
  ]);
  return textTable(["queue", "ready", "delayed", "out", "enqueued", "acknowledged", "dead letters"], rows);
}

export function queueText(stats: ShownQueue): string {
  const { deadLetter, dedupeMs, deliveriesMax, messagesMax } = stats.settings;
  const settings = [
    `after ${formatCount(deliveriesMax)} deliveries to ${printable(deadLetter)}`,
    `dedupe keys for ${formatDurationMs(dedupeMs)}`,
    `${formatCount(messagesMax)} messages at most`,
  ];
  return `${queuesTable([stats])}\n${settings.join(", ")}`;
}

export interface ShownMessage {
  readonly id: number;
  readonly delivery: number;
  readonly value: string | Uint8Array;
}

/** Its receipt, as `ack` and `nack` take it, and its value. */
export function messageLine(message: ShownMessage): string {
  return `${receiptText(message)}\t${valueText(message.value)}`;
}

export function receiptText({ delivery, id }: Pick<ShownMessage, "delivery" | "id">): string {
  return `${id}:${delivery}`;
}
