/**
 * Targets that are no addresses: services of the cluster, pipelines, tasks. Bodies are taken whole, for that is what these take, and all
 * of them together within a bound. `onOver` comes at the end of each reply: what is under way is counted by it.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { Pressure } from "../../../edge/gateway/limit/index.ts";
import type { NamedRequest, NamedTargets } from "../../../edge/gateway/upstream/index.ts";
import type { NamedTarget, UpstreamCall, UpstreamEvents } from "../../../edge/gateway/words/index.ts";
import { NO_BODY } from "../../../wire/http/index.ts";
import { problemResponse, REQUEST_BYTES_MAX, TIMEOUT_MS_DEFAULT } from "../../../wire/rpc/index.ts";
import type { NodeShown } from "../../node/node-duty.ts";
import { passAnswer, passResponse } from "./answer.ts";
import { askPipeline, PIPELINE_BYTES_MAX, type PipelinePorts, pipelineRefusal } from "./pipeline-target.ts";
import { requestIdOf } from "./problems.ts";
import { serviceFailure } from "./service-failures.ts";
import { askService } from "./service-target.ts";
import { BodyBudget, TakenBody } from "./taken-body.ts";
import { askTask } from "./task-target.ts";

export interface NamedPorts {
  readonly clock: Clock;
  /** Undefined while the node opens. */
  readonly shown: () => NodeShown | undefined;
  /** Who can be asked for a pipeline. */
  readonly ways: PipelinePorts["ways"];
  /** Of all bodies that wait for answers. */
  readonly bodies?: BodyBudget;
  /** What broke a stream of a service: its client gets no more than that it broke. */
  readonly onBroken?: (failure: Failure) => void;
}

/** What is asked is nobody else's; bodies go by what each target takes. */
interface Asking {
  readonly target: NamedTarget;
  readonly request: NamedRequest;
  readonly events: UpstreamEvents;
  readonly gone: AbortController;
}

export function namedTargets(named: NamedPorts): NamedTargets {
  const { bodies = new BodyBudget(), clock, onBroken = () => {}, shown, ways } = named;
  const ports = { clock, shown, ways, onBroken, pressure: new Pressure() };
  return {
    ask(target, request, events) {
      const asking: Asking = { target, request, events, gone: new AbortController() };
      const refusal = refusalOf(ports, target, request);
      if (refusal) return refused(asking, refusal);
      const bytesMax = target.kind === "pipeline" ? PIPELINE_BYTES_MAX : REQUEST_BYTES_MAX;
      const body = new TakenBody(bytesMax, bodies, (outcome) => {
        if (outcome instanceof Failure) return events.onFailure(outcome, true);
        void answer(ports, asking, outcome).finally(() => body.release());
      });
      body.takeFrom(request.body ?? NO_BODY);
      return {
        cancel(cause) {
          asking.gone.abort(cause);
          body.drop(cause);
        },
      };
    },
  };
}

type Ports = PipelinePorts & Pick<Required<NamedPorts>, "onBroken" | "shown">;

/** What can be said before the body has come. */
function refusalOf(ports: Ports, target: NamedTarget, { head }: NamedRequest): Failure | Response | undefined {
  if (target.kind === "none") return new Failure("gateway.no_target", "no target was chosen for this request");
  if (!ports.shown()) return new Failure("gateway.not_ready", "the node is still opening", { retryable: true });
  if (target.kind === "service") return undefined;
  if (head.method !== "POST") {
    const failure = new Failure("rpc.wrong_verb", `${head.method} is not taken here; POST is required`);
    return problemResponse(failure, { allow: "POST" });
  }
  return target.kind === "pipeline" ? pipelineRefusal(ports, target.pipeline) : undefined;
}

const NOTHING_UNDER_WAY: UpstreamCall = { cancel: () => {} };

function refused({ events, gone, request }: Asking, why: Failure | Response): UpstreamCall {
  const failure = why instanceof Failure ? why : new Failure("rpc.wrong_verb", "the request is answered without it");
  request.body?.cancel(failure);
  if (why instanceof Failure) {
    events.onFailure(why, true);
    return NOTHING_UNDER_WAY;
  }
  passResponse(why, events, gone.signal, requestIdOf(request.head));
  return { cancel: (cause) => gone.abort(cause) };
}

/** Never rejects. */
async function answer(ports: Ports, asking: Asking, body: Uint8Array): Promise<void> {
  const { events, gone, request, target } = asking;
  const requestId = requestIdOf(request.head);
  try {
    if (target.kind === "pipeline") {
      const taken = await askPipeline(ports, target.pipeline, questionOf(asking, body));
      if (!gone.signal.aborted) passAnswer(taken, events, requestId);
      return;
    }
    const response = await responseOf(ports, asking, body);
    if (!gone.signal.aborted) passResponse(response, events, gone.signal, requestId);
  } catch (thrown) {
    if (!gone.signal.aborted) events.onFailure(toFailure(thrown, "gateway.defect"), false);
  }
}

/** Fails with what becomes the gateway's own words. */
async function responseOf(ports: Ports, asking: Asking, body: Uint8Array): Promise<Response> {
  const { request, target } = asking;
  const { dispatcher, services } = ports.shown()!; // looked at before
  const question = questionOf(asking, body);
  if (target.kind !== "service")
    return askTask({ clock: ports.clock, dispatcher }, (target as TaskTarget).file, {
      ...question,
      context: request.context,
    });
  const { method, service } = target;
  const asked = { ...question, service, method, context: request.context };
  try {
    return await askService({ services, clock: ports.clock, onBroken: ports.onBroken }, asked);
  } catch (thrown) {
    const { failure, kind } = serviceFailure(toFailure(thrown, "gateway.defect"));
    if (kind === "problem") return problemResponse(failure);
    throw failure;
  }
}

type TaskTarget = NamedTarget & { readonly kind: "task" };

function questionOf({ gone, request: { head, timeouts } }: Asking, body: Uint8Array) {
  const timeoutMs = timeouts.totalMs ?? timeouts.headMs ?? TIMEOUT_MS_DEFAULT;
  return { head, body, timeoutMs, signal: gone.signal };
}
