/** Active health checks of one target: a request now and then, by the machine that says when and what a row of answers means. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { Pump } from "../../../base/machine.ts";
import type { Random } from "../../../base/random.ts";
import {
  HealthChecker,
  type HealthEffect,
  type HealthInput,
  type HealthState,
} from "../../../protocol/health/index.ts";
import {
  type BodySource,
  BytesSource,
  gather,
  headerOf,
  type ReplyHead,
  type RequestHead,
} from "../../../wire/http/index.ts";
import type {
  HealthPlan,
  OriginTarget,
  UpstreamCall,
  UpstreamEvents,
  UpstreamRequest,
  Upstreams,
  UpstreamTls,
} from "../words/index.ts";
import { discard } from "./discard.ts";
import { HEALTH_BODY_BYTES_MAX } from "./limits.ts";
import { speaksGrpc } from "./tls.ts";

export interface HealthPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly upstreams: Upstreams;
  readonly tls: UpstreamTls | undefined;
  readonly version: "1.1" | "2" | undefined;
  /** Sites that share an address are told apart by it; undefined: the target's own. */
  readonly host: string | undefined;
  readonly changed: (to: HealthState, reason: string) => void;
  /** After `changed`, where that comes of it. */
  readonly passed: () => void;
}

/** Before each message: no compression, and its length. */
const FRAME_HEAD_BYTES = 5;
/** `health=grpc:NAME` asks for one service, all else for the server as a whole. */
const OF_SERVICE = "grpc:";
/** Of the request: field 1, a text. */
const SERVICE_FIELD = 0x0a;
/** Behind the frame's five bytes: field 1, SERVING. */
const SERVING = [0x08, 0x01];
const GRPC_METHOD = "/grpc.health.v1.Health/Check";

type Answer = (fault: string | undefined) => void;

export class HealthWatch {
  readonly #plan: HealthPlan;
  readonly #target: OriginTarget;
  readonly #ports: HealthPorts;
  readonly #pump: Pump<HealthInput, HealthEffect>;
  #call: UpstreamCall | undefined;

  constructor(plan: HealthPlan, target: OriginTarget, ports: HealthPorts) {
    this.#plan = plan;
    this.#target = target;
    this.#ports = ports;
    const { healthyAfter, intervalMs, timeoutMs, unhealthyAfter } = plan;
    const options = { intervalMs, timeoutMs, failureThreshold: unhealthyAfter, successThreshold: healthyAfter };
    this.#pump = new Pump(new HealthChecker(options, ports.random), {
      clock: ports.clock,
      carryOut: (effect) => this.#carryOut(effect),
      failed: (thrown) => {
        throw thrown;
      },
    });
  }

  start(): void {
    this.#pump.feed({ type: "start" });
  }

  stop(): void {
    this.#pump.stop();
    this.#call?.cancel(stopped());
  }

  #carryOut(effect: HealthEffect): void {
    if (effect.type === "changed") return this.#ports.changed(effect.to, effect.reason);
    const { check } = effect;
    this.#call?.cancel(stopped()); // of a check whose time is over
    let isAnswered = false;
    this.#call = this.#check((fault) => {
      if (isAnswered) return;
      isAnswered = true;
      if (fault !== undefined) return this.#pump.feed({ type: "failed", check, reason: fault });
      this.#pump.feed({ type: "passed", check });
      this.#ports.passed();
    });
  }

  #check(answer: Answer): UpstreamCall {
    const { tls, upstreams, version } = this.#ports;
    const { timeoutMs } = this.#plan;
    const { origin } = this.#target;
    const isGrpc = speaksGrpc(origin);
    const body = isGrpc ? new BytesSource(questionOf(this.#plan.path)) : undefined;
    const timeouts = { connectMs: timeoutMs, totalMs: timeoutMs };
    const request: UpstreamRequest = { origin, head: this.#head(isGrpc), body, timeouts, tls, version };
    return upstreams.ask(request, isGrpc ? grpcEvents(answer) : httpEvents(answer));
  }

  #head(isGrpc: boolean): RequestHead {
    const { host, port, scheme } = this.#target.origin;
    const isTls = scheme === "https" || scheme === "wss" || scheme === "grpcs";
    return {
      method: isGrpc ? "POST" : "GET",
      target: isGrpc ? GRPC_METHOD : this.#plan.path,
      scheme: isTls ? "https" : "http",
      authority: this.#ports.host ?? `${host}:${port}`,
      headers: isGrpc ? ["content-type", "application/grpc", "te", "trailers"] : ["user-agent", "distributed_system"],
      version: isGrpc ? "2" : "1.1",
    };
  }
}

/** Names are of less than 128 bytes: their length is one byte. */
function questionOf(health: string): Uint8Array {
  const name = health.startsWith(OF_SERVICE) ? Buffer.from(health.slice(OF_SERVICE.length)) : Buffer.alloc(0);
  const message = name.byteLength === 0 ? [] : [SERVICE_FIELD, name.byteLength, ...name];
  return Uint8Array.of(0, 0, 0, 0, message.length, ...message);
}

function httpEvents(answer: Answer): UpstreamEvents {
  return {
    onReply({ status }: ReplyHead, body: BodySource) {
      discard(body);
      answer(status >= 200 && status < 400 ? undefined : `status ${status}`);
    },
    onFailure: ({ message }) => answer(message),
  };
}

function grpcEvents(answer: Answer): UpstreamEvents {
  return {
    onReply({ headers, status }: ReplyHead, body: BodySource) {
      const early = headerOf(headers, "grpc-status");
      if (status !== 200 || (early !== undefined && early !== "0")) {
        discard(body);
        return answer(status === 200 ? `grpc-status ${early}` : `status ${status}`);
      }
      gather(body, HEALTH_BODY_BYTES_MAX, (outcome) => {
        if (outcome instanceof Failure) return answer(outcome.message);
        const told = outcome.trailers === undefined ? undefined : headerOf(outcome.trailers, "grpc-status");
        if (told !== "0") return answer(`grpc-status ${told ?? "missing"}`);
        const isServing = SERVING.every((byte, at) => outcome.bytes[FRAME_HEAD_BYTES + at] === byte);
        answer(isServing ? undefined : "it says that it is not serving");
      });
    },
    onFailure: ({ message }) => answer(message),
  };
}

function stopped(): Failure {
  return new Failure("gateway.unwanted", "this health check is over");
}
