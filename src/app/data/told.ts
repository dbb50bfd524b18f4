/** What services tell: entries, events and messages as JSON can, and as much of them as one answer holds. */
import { ANSWER_BYTES_MAX, toWire } from "../../data/contract/index.ts";
import type { Entry, MapEvent, MapReply, Message, OperationReply, Value } from "../../data/words/index.ts";

export function toldEntry(entry: Entry) {
  return { ...entry, value: toWire(entry.value) };
}

export function toldMessage(message: Message) {
  return { ...message, value: toWire(message.value) };
}

export function toldEvent(event: MapEvent) {
  return { ...event, entry: toldEntry(event.entry) };
}

export function toldMapReply({ previous, ...reply }: MapReply) {
  return { ...reply, ...(previous && { previous: toldEntry(previous) }) };
}

export function toldReply(reply: OperationReply) {
  if ("entry" in reply) return { entry: reply.entry && toldEntry(reply.entry) };
  return "revision" in reply ? toldMapReply(reply) : reply;
}

/** As many events as one answer holds, the first revision at least and each revision whole; and where to go on. */
export function fitting(events: readonly MapEvent[], next: number): { events: readonly MapEvent[]; next: number } {
  let bytes = 0;
  let end = 0; // of the last revision that is whole
  for (const [at, { entry, revision }] of events.entries()) {
    if (at > 0 && revision !== events[at - 1]!.revision) end = at;
    bytes += entry.key.length + sizeOf(entry.value);
    if (bytes > ANSWER_BYTES_MAX && end > 0) return { events: events.slice(0, end), next: events[end]!.revision };
  }
  return { events, next };
}

function sizeOf(value: Value): number {
  return typeof value === "string" ? Buffer.byteLength(value) : value.length;
}
