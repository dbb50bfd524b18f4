/**
 * `task://FILE` as a target: begins a run of a task graph on the cluster's master, and says which: 202. A key is good for one run, and
 * each caller has keys of its own.
 */
import { createHash } from "node:crypto";
import { Failure } from "../../../base/errors.ts";
import type { NamedContext } from "../../../edge/gateway/upstream/index.ts";
import { headerOf, headersOf, type RequestHead } from "../../../wire/http/index.ts";
import {
  type Dispatcher,
  jsonResponse,
  problemResponse,
  TRACEPARENT_HEADER,
  traceparentOf,
} from "../../../wire/rpc/index.ts";
import { KEY_CHARS_MAX } from "../../master/tasks/tasks-contract.ts";

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
/** Runs are begun by who may change what runs; the file lets whoever passes the route do that. */
const CALLER = { name: "gateway", access: "operate" } as const;

/** Fails with what the master fails with: that speaks of files, and is not for whoever asks. */
export async function askTask(
  dispatcher: Pick<Dispatcher, "call">,
  path: string,
  { body, context, head, signal, timeoutMs }: TaskQuestion,
): Promise<Response> {
  if (body.byteLength > 0) {
    return problemResponse(new Failure("rpc.bad_request", "a run of a task graph takes no body; none is required"));
  }
  const keys = headersOf(head.headers, "idempotency-key");
  const fault = faultOf(keys);
  if (fault !== undefined) return problemResponse(new Failure("rpc.bad_request", fault));
  const reply = await dispatcher.call({
    contract: "tasks",
    method: "run",
    version: undefined,
    input: { path, ...(keys.length > 0 && { key: ownKey(keys[0]!, context) }) },
    caller: CALLER,
    timeoutMs,
    signal: () => signal,
    traceparent: traceparentOf(headerOf(head.headers, TRACEPARENT_HEADER)),
  });
  if (reply.ok) return jsonResponse(reply.output, ACCEPTED);
  if (reply.failure.code === KEY_REUSED) return problemResponse(reply.failure);
  throw reply.failure;
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
