/**
 * `task://FILE` as a target: begins a run of a task graph on the cluster's master, and says which: 202. A key is good for one run, and
 * each caller has keys of its own. A master that goes or comes is waited out, as long as it cannot have begun a run that nobody hears of.
 */
import { createHash } from "node:crypto";
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { NamedContext } from "../../../edge/gateway/upstream/index.ts";
import { headerOf, headersOf, type RequestHead } from "../../../wire/http/index.ts";
import {
  type Dispatcher,
  jsonResponse,
  problemResponse,
  type Reply,
  TRACEPARENT_HEADER,
  traceparentOf,
} from "../../../wire/rpc/index.ts";
import { NO_LEADER } from "../../master/leadership.ts";
import { KEY_CHARS_MAX } from "../../master/tasks/tasks-contract.ts";
import { AGAIN_MS, PATIENCE_MS, RETRY_AFTER_MS } from "./patience.ts";

export interface TaskPorts {
  readonly clock: Clock;
  readonly dispatcher: Pick<Dispatcher, "call">;
}

export interface TaskQuestion {
  readonly context: NamedContext | undefined;
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const ACCEPTED = 202;
/** Its words name the run and no file. */
const KEY_REUSED = "task.run.key_reused";
/** No master has heard of it. */
const UNHEARD: ReadonlySet<string> = new Set([
  "link.unreachable",
  "link.refused",
  "rpc.unreachable",
  "master.none",
  NO_LEADER,
]);
/** One may have: only a run with a key can be asked for again. */
const UNANSWERED: ReadonlySet<string> = new Set(["link.closed", "link.silent"]);
/** Runs are begun by who may change what runs; the file lets whoever passes the route do that. */
const CALLER = { name: "gateway", access: "operate" } as const;

/** Fails with `gateway.task_unreachable`, and with what the master fails with: that speaks of files, and is not for whoever asks. */
export async function askTask(
  { clock, dispatcher }: TaskPorts,
  path: string,
  { body, context, head, signal, timeoutMs }: TaskQuestion,
): Promise<Response> {
  if (body.byteLength > 0) {
    return problemResponse(new Failure("rpc.bad_request", "a run of a task graph takes no body; none is required"));
  }
  const keys = headersOf(head.headers, "idempotency-key");
  const fault = faultOf(keys);
  if (fault !== undefined) return problemResponse(new Failure("rpc.bad_request", fault));
  const hasKey = keys.length > 0;
  const untilMs = clock.monotonic() + timeoutMs;
  const patientUntilMs = Math.min(untilMs, clock.monotonic() + PATIENCE_MS);
  const call = (): Promise<Reply> =>
    dispatcher.call({
      contract: "tasks",
      method: "run",
      version: undefined,
      input: { path, ...(hasKey && { key: ownKey(keys[0]!, context) }) },
      caller: CALLER,
      timeoutMs: Math.max(1, untilMs - clock.monotonic()),
      signal: () => signal,
      traceparent: traceparentOf(headerOf(head.headers, TRACEPARENT_HEADER)),
    });
  for (;;) {
    const reply = await call();
    if (reply.ok) return jsonResponse(reply.output, ACCEPTED);
    const { failure } = reply;
    if (failure.code === KEY_REUSED) return problemResponse(failure);
    if (!mayPass(failure, hasKey) || signal.aborted) throw failure;
    if (clock.monotonic() + AGAIN_MS >= patientUntilMs) throw unreachable(failure);
    await pause(clock, AGAIN_MS, signal);
  }
}

function mayPass({ code }: Failure, hasKey: boolean): boolean {
  return UNHEARD.has(code) || (hasKey && UNANSWERED.has(code));
}

function unreachable(cause: Failure): Failure {
  const message = `no master takes runs at the moment: ${cause.code}: ${cause.message}`;
  return new Failure("gateway.task_unreachable", message, {
    retryable: true,
    data: { retryAfterMs: RETRY_AFTER_MS },
    cause,
  });
}

function faultOf(keys: readonly string[]): string | undefined {
  if (keys.length > 1) return `there are ${keys.length} fields Idempotency-Key; at most one is required`;
  const [key] = keys;
  if (key === undefined || (key !== "" && key.length <= KEY_CHARS_MAX)) return undefined;
  return `the Idempotency-Key has ${key.length} characters; 1 to ${KEY_CHARS_MAX} are required`;
}

/** Keys are guessed and come twice (a date, a number): who asks with somebody else's gets a run of its own. */
function ownKey(key: string, { caller, route }: Partial<NamedContext> = {}): string {
  const owner = caller ? ["caller", caller.name, caller.claims.iss ?? null] : ["route", route ?? null];
  return createHash("sha256")
    .update(JSON.stringify([...owner, key]))
    .digest("hex");
}
