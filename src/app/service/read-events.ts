/** A stream of server-sent events, as text comes in: what a node sends for a method that gives items one by one. */
import { Failure } from "../../base/errors.ts";

export interface ServerEvent {
  /** `message` unless the sender names another one. */
  readonly event: string;
  readonly data: string;
}

/** The largest item that a node passes on, with room for its frame. */
const EVENT_CHARS_MAX = 17 * 2 ** 20;

/** Fails with `rpc.bad_response` when one of them is larger than any that a node sends. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const bytes of body) {
    held += decoder.decode(bytes, { stream: true });
    const blocks = held.split("\n\n");
    held = blocks.pop() ?? "";
    for (const block of blocks) yield eventOf(block);
    if (held.length <= EVENT_CHARS_MAX) continue;
    throw new Failure(
      "rpc.bad_response",
      `an event has more than ${EVENT_CHARS_MAX} characters, the most that is taken`,
    );
  }
}

function eventOf(block: string): ServerEvent {
  const lines = block.split("\n");
  const field = (name: string): string[] =>
    lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  return { event: field("event")[0] ?? "message", data: field("data").join("\n") };
}
