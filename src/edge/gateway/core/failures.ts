/** Which status a failure behind the gateway is for the client, and what may be said of it. */
import type { Failure } from "../../../base/errors.ts";
import type { Refusal } from "./words.ts";

const BAD_GATEWAY = 502;

const REFUSALS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  "gateway.connect_failed": [502, "the upstream cannot be reached"],
  "gateway.upstream_closed": [502, "the upstream closed the connection before its reply"],
  "gateway.drained": [503, "the request took too long after a change of the gateway; it may be sent again"],
  "gateway.upstream_protocol": [502, "the upstream's reply is malformed"],
  "gateway.not_switched": [502, "the upstream does not speak WebSocket here"],
  "gateway.bad_handshake": [400, "the handshake of a WebSocket is malformed"],
  "gateway.upstream_timeout": [504, "the upstream did not reply in time"],
  "gateway.upstream_busy": [503, "too many requests wait for the upstream"],
  "gateway.no_target": [503, "no target of this route is healthy"],
  "gateway.address_denied": [403, "the target's address is not allowed"],
  "gateway.body_too_large": [413, "the body is larger than this route allows"],
  "gateway.reply_too_large": [502, "the upstream's reply is larger than this route allows"],
  "gateway.body_unreadable": [400, "the body cannot be read, and this route has to look into it"],
  "gateway.bad_path": [400, "what was asked for makes no good path for the upstream"],
  "gateway.bad_host": [400, "what was asked for makes no good host for the upstream"],
  "gateway.rule_failed": [500, "the rule of this route failed"],
  "gateway.rule_timeout": [503, "the rule of this route took too long"],
  "gateway.rule_memory": [500, "the rule of this route took too much memory"],
  "gateway.rule_invalid": [500, "the rule of this route decided what cannot be done"],
  "gateway.rule_busy": [503, "the rule of this route is busy"],
  "gateway.bad_header": [500, "a header that a rule or edit set is not allowed"],
  "gateway.unauthenticated": [401, "a good token is required"],
  "gateway.keys_unavailable": [503, "tokens cannot be checked at the moment"],
  "gateway.forbidden": [403, "this caller may not do that"],
  "gateway.certificate_required": [403, "a client certificate is required"],
  "auth.locked_out": [429, "too many wrong tokens came from this address"],
  "gateway.loop": [508, "the request came round"],
  "gateway.pipeline_unknown": [404, "there is no such pipeline"],
  "gateway.pipeline_over": [404, "the pipeline has come to its end"],
  "gateway.pipeline_not_http": [404, "the pipeline takes no records from outside"],
  "gateway.pipeline_full": [429, "the pipeline is full"],
  "gateway.pipeline_paused": [503, "the pipeline is paused"],
  "gateway.pipeline_failed": [503, "the pipeline has failed"],
  "gateway.pipeline_starting": [503, "the pipeline takes no records at the moment"],
  "gateway.pipeline_unreachable": [503, "the pipeline cannot be reached at the moment"],
  "gateway.task_unreachable": [503, "runs cannot be begun at the moment"],
  "master.none": [503, "no master is there"],
  "master.no_leader": [503, "no master leads at the moment"],
  "gateway.service_unavailable": [503, "the service cannot be reached at the moment"],
  "gateway.service_busy": [503, "the service is busy"],
  "gateway.service_failed": [500, "the service failed"],
  "service.rate_limited": [429, "too many requests"],
  "gateway.bodies_full": [503, "too many bodies are on their way"],
  "rpc.deadline_exceeded": [504, "it took too long"],
  "rpc.forbidden": [403, "this caller may not do that"],
  "rpc.unauthenticated": [401, "a token is required"],
};

/** The same codes where it is the upstream's body that is too large or cannot be read. */
const REPLY_REFUSALS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  "gateway.body_too_large": [502, "the upstream's reply is larger than can be looked at"],
  "gateway.body_unreadable": [502, "the upstream's reply cannot be read, and this route has to look into it"],
};

/** What is not known is the gateway's own fault: 500, and retryable failures 503. */
export function refusalOf(failure: Failure): Refusal {
  const known = Object.hasOwn(REFUSALS, failure.code) ? REFUSALS[failure.code] : undefined;
  const [status, detail] = known ?? (failure.retryable ? [503, "it cannot be done now"] : [500, "it cannot be done"]);
  const { retryAfterMs } = failure.data ?? {};
  const wait =
    typeof retryAfterMs === "number" ? ["retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1_000)))] : [];
  return { status, code: failure.code, detail, headers: wait };
}

/** Of a reply that ended before it was whole, where none of it has gone out. */
export function brokenOff({ code }: Failure): Refusal {
  return { status: BAD_GATEWAY, code, detail: "the upstream's reply broke off" };
}

/** Of what went wrong with the upstream's reply. */
export function replyRefusalOf(failure: Failure): Refusal {
  const known = Object.hasOwn(REPLY_REFUSALS, failure.code) ? REPLY_REFUSALS[failure.code] : undefined;
  return known === undefined ? refusalOf(failure) : { status: known[0], code: failure.code, detail: known[1] };
}
