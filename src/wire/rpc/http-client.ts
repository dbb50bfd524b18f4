/** Calls as HTTP requests: over a unix socket, or through whatever sends a request. The counterpart of `http-server.ts`. */
import { Failure, messageOf } from "../../base/errors.ts";
import { parseJson, readText } from "./body.ts";
import type { OutgoingCall, Transport } from "./client.ts";
import type { Reply } from "./dispatcher.ts";
import { failureFromJson } from "./failures.ts";
import { DEADLINE_HEADER, VERSION_HEADER } from "./http-call.ts";
import { RPC_PATH } from "./http-server.ts";
import { RESPONSE_BYTES_MAX } from "./limits.ts";
import { TRACEPARENT_HEADER } from "./trace.ts";

export type Send = (path: string, init: RequestInit) => Promise<Response>;

/** `place` is for messages. */
export function httpTransport(send: Send, place: string): Transport {
  return async (call) => {
    const response = await sent(send, call, place);
    try {
      return await replyOf(response, call);
    } catch (thrown) {
      if (thrown instanceof Failure) throw badResponse(call, place, thrown);
      throw unreachable(call, place, thrown);
    }
  };
}

/** Each call has a connection of its own: none is kept that would hold up the other side's end. */
export function unixTransport(socketPath: string): Transport {
  return httpTransport(unixSend(socketPath), socketPath);
}

/** Requests over a unix socket. */
export function unixSend(socketPath: string): Send {
  return (path, init) =>
    fetch(`http://localhost${path}`, {
      ...init,
      unix: socketPath,
      keepalive: false,
      redirect: "error",
      decompress: false,
    });
}

async function sent(send: Send, call: OutgoingCall, place: string): Promise<Response> {
  const { contract, method, version, input, timeoutMs, signal, traceparent } = call;
  const headers = {
    "content-type": "application/json",
    [VERSION_HEADER]: String(version),
    [DEADLINE_HEADER]: String(Math.ceil(timeoutMs)),
    ...(traceparent !== undefined && { [TRACEPARENT_HEADER]: traceparent }),
  };
  const body = JSON.stringify(input);
  try {
    return await send(`${RPC_PATH}/${contract}/${method}`, {
      method: "POST",
      headers,
      body,
      ...(signal && { signal }),
    });
  } catch (thrown) {
    throw unreachable(call, place, thrown);
  }
}

async function replyOf(response: Response, { signal }: OutgoingCall): Promise<Reply> {
  const text = await readText(response, {
    bytesMax: RESPONSE_BYTES_MAX,
    what: "the answer",
    ...(signal && { signal }),
  });
  const value = parseJson(text, "the answer");
  if (response.status === 200) return { ok: true, output: value };
  const failure = failureFromJson(value);
  if (failure) return { ok: false, failure };
  throw new Failure("rpc.bad_response", `the answer of status ${response.status} tells no failure`);
}

/** The caller's own end is told by the client, which knows why. */
function unreachable({ contract, method }: OutgoingCall, place: string, thrown: unknown): Failure {
  const message = `${contract}.${method}: nobody answers at ${place}: ${messageOf(thrown)}`;
  return new Failure("rpc.unreachable", message, { retryable: true, cause: thrown });
}

function badResponse({ contract, method }: OutgoingCall, place: string, failure: Failure): Failure {
  return new Failure("rpc.bad_response", `${contract}.${method} at ${place}: ${failure.message}`, { cause: failure });
}
