/** Named targets in a process that is no member of the cluster: bodies are taken whole, and the main process is asked at its private door. */
import { Failure, toFailure } from "../../../base/errors.ts";
import type { NamedRequest, NamedTargets } from "../../../edge/gateway/upstream/index.ts";
import type { NamedTarget, UpstreamEvents } from "../../../edge/gateway/words/index.ts";
import { NO_BODY } from "../../../wire/http/index.ts";
import { REQUEST_BYTES_MAX } from "../../../wire/rpc/index.ts";
import { passResponse } from "../named/answer.ts";
import { PIPELINE_BYTES_MAX } from "../named/pipeline-target.ts";
import { BodyBudget, TakenBody } from "../named/taken-body.ts";
import { FAILED_HEADER, type NamedFailed, writeQuestion } from "./named-question.ts";

export function remoteNamed(door: string, bodies = new BodyBudget()): NamedTargets {
  return {
    ask(target, request, events) {
      const gone = new AbortController();
      const bytesMax = target.kind === "pipeline" ? PIPELINE_BYTES_MAX : REQUEST_BYTES_MAX;
      const body = new TakenBody(bytesMax, bodies, (outcome) => {
        if (outcome instanceof Failure) return events.onFailure(outcome, true);
        void ask(door, target, request, outcome, events, gone.signal).finally(() => body.release());
      });
      body.takeFrom(request.body ?? NO_BODY);
      return {
        cancel(cause) {
          gone.abort(cause);
          body.drop(cause);
        },
      };
    },
  };
}

/** Never rejects. */
async function ask(
  door: string,
  target: NamedTarget,
  request: NamedRequest,
  body: Uint8Array,
  events: UpstreamEvents,
  gone: AbortSignal,
): Promise<void> {
  let response: Response;
  try {
    response = await fetch("http://gateway/", {
      ...{ unix: door, method: "POST", body: writeQuestion({ target, request }, body), signal: gone },
      // A connection of its own: one that is kept may be closed at the other end the moment it is used again.
      ...{ redirect: "manual", decompress: false, keepalive: false },
    });
  } catch (thrown) {
    if (!gone.aborted) events.onFailure(toFailure(thrown, "gateway.upstream_closed"), false);
    return;
  }
  if (gone.aborted) return;
  const said = response.headers.get(FAILED_HEADER);
  if (said === null) return passResponse(response, events, gone);
  const { failure, isUnsent } = JSON.parse(decodeURIComponent(said)) as NamedFailed; // the main process wrote it
  events.onFailure(Failure.fromJSON(failure), isUnsent);
}
