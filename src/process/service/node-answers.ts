/** What a host asks of its node, checked and handed on. The head is JSON that somebody else's code may have written. */
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import { BROADCAST, CALL, copyOf, DISCOVER, headText, INVALIDATE, STREAM } from "./frames.ts";
import type { Incoming } from "./incoming.ts";
import { INVALIDATED_MAX, TAGS_MAX, TIMEOUT_MS_MAX } from "./limits.ts";
import type { ServiceHandlers } from "./ports.ts";
import type { OutgoingServiceCall } from "./words.ts";

const NAME = z.string().min(1).max(200);
const TAGS = z.array(z.string().max(64)).max(TAGS_MAX);

const TARGET = z.object({
  service: NAME,
  method: NAME,
  tags: TAGS.optional(),
  key: z.string().max(1_024).optional(),
  idempotent: z.boolean().optional(),
});
const QUERY = z.object({ service: NAME.optional(), tags: TAGS.optional() });
const FORGOTTEN = z
  .object({ tags: z.array(z.string().max(1_024)), keys: z.array(z.string().min(1).max(1_024)) })
  .refine(({ keys, tags }) => keys.length + tags.length <= INVALIDATED_MAX, {
    error: `at most ${INVALIDATED_MAX} tags and keys are allowed at once`,
  });

type Asks = Pick<ServiceHandlers, "outgoing" | "outgoingStream" | "broadcast" | "discover" | "invalidate">;

/** Never fails: the host hears of it. */
export async function answerHost(request: Incoming, asks: Asks): Promise<void> {
  try {
    await answer(request, asks);
  } catch (thrown) {
    request.fail(thrown);
  }
}

async function answer(request: Incoming, asks: Asks): Promise<void> {
  const { operation } = request.parts;
  if (operation === CALL) request.answer(await asks.outgoing(outgoingCall(request), request.signal));
  else if (operation === STREAM)
    await request.write(asks.outgoingStream(outgoingCall(request), request.signal), (item) => item);
  else if (operation === BROADCAST)
    request.answer(JSON.stringify(await asks.broadcast(outgoingCall(request), request.signal)));
  else if (operation === DISCOVER) request.answer(JSON.stringify(await asks.discover(read(request, QUERY))));
  else if (operation === INVALIDATE) {
    await asks.invalidate(read(request, FORGOTTEN));
    request.answer("");
  } else throw new Failure("rpc.bad_request", `a service asked for operation ${operation}, which is unknown`);
}

function outgoingCall(request: Incoming): OutgoingServiceCall {
  const { idempotent, ...target } = read(request, TARGET);
  const { body, timeoutMs, trace } = request.parts;
  return {
    ...target,
    ...(idempotent !== undefined && { isIdempotent: idempotent }),
    params: copyOf(body, 0, body.length),
    timeoutMs: Math.min(timeoutMs, TIMEOUT_MS_MAX),
    ...(trace !== "" && { traceparent: trace }),
  };
}

function read<S extends z.ZodType>(request: Incoming, schema: S): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(headText(request.parts.head));
  } catch {
    value = undefined;
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Failure("rpc.bad_request", `a service asked wrongly: ${issue?.path.join(".")}: ${issue?.message}`);
}
