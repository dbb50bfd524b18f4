/**
 * The access log: a line of JSON for each request that has ended. Lines are gathered and written many at a time, for a write costs more
 * than a request.
 * Queries may hold credentials: what looks like one is hidden, and so is what the file's masks say of logs.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Passage } from "../../edge/gateway/core/index.ts";
import { headerOf } from "../../wire/http/index.ts";
import type { LogText, MaskLog } from "./open-masks.ts";
import { shownToPeople } from "./shown-text.ts";

/** A reader of the log does not mind, and a kill -9 costs no more. */
const FLUSH_MS = 100;
/** Some 200 lines. */
const FLUSH_CHARS = 64 * 1024;

export interface AccessLogPorts {
  readonly clock: Clock;
  /** Appends text of whole lines. */
  readonly write: (text: string) => void;
  /** What the file's masks make of a text. */
  readonly mask?: MaskLog | undefined;
}

export class AccessLog {
  readonly #ports: AccessLogPorts;
  #waiting = "";
  #timer: Timer | undefined;

  constructor(ports: AccessLogPorts) {
    this.#ports = ports;
  }

  add(passage: Passage): void {
    this.#waiting += `${JSON.stringify(lineOf(passage, this.#ports))}\n`;
    if (this.#waiting.length >= FLUSH_CHARS) this.flush();
    else this.#timer ??= this.#ports.clock.after(FLUSH_MS, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const text = this.#waiting;
    this.#waiting = "";
    if (text !== "") this.#ports.write(text);
  }
}

function lineOf(passage: Passage, { clock, mask }: AccessLogPorts) {
  const { request, route } = passage;
  const nowMs = passage.now();
  const id = route?.plan.id ?? "";
  const shown = (text: string, kind: LogText = "words"): string => shownToPeople(text, kind, route?.plan, mask);
  const agent = headerOf(request.headers, "user-agent");
  return {
    time: new Date(clock.now()).toISOString(),
    id: passage.id,
    client: passage.client,
    method: request.method,
    host: shown(request.authority, "place"),
    path: shown(request.target, "place"),
    version: request.version,
    status: passage.status,
    ms: rounded(nowMs - passage.startedMs),
    ...(passage.repliedMs !== undefined && { upstreamMs: rounded(passage.repliedMs - passage.startedMs) }),
    received: passage.receivedBytes,
    sent: passage.sentBytes,
    route: id,
    ...(passage.upstream !== undefined && { upstream: passage.upstream }),
    ...(passage.attempts > 1 && { attempts: passage.attempts }),
    ...(passage.caller && { caller: passage.caller.name }),
    ...(passage.why !== undefined && { why: passage.why, detail: shown(passage.detail ?? "") }),
    ...(passage.notes.length > 0 && { notes: noteOf(passage.notes, shown) }),
    ...(agent !== undefined && { agent: shown(agent) }),
    ...(passage.span?.traceparent !== undefined && { traceparent: passage.span.traceparent }),
  };
}

/** Names of fields that rules found stand in it too, and clients choose those. */
function noteOf(value: unknown, shown: (text: string) => string): unknown {
  if (typeof value === "string") return shown(value);
  if (Array.isArray(value)) return value.map((each) => noteOf(each, shown));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, noteOf(each, shown)]));
}

function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
