/** A group of targets over upstreams that do what a test says. */

import { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import {
  type GroupCall,
  type GroupEvents,
  type GroupRequest,
  type GroupSettings,
  type NamedTargets,
  type TargetEvent,
  TargetGroup,
  type TryReason,
} from "../../../../../src/edge/gateway/upstream/index.ts";
import type {
  Origin,
  TargetPlan,
  UpstreamCall,
  UpstreamEvents,
  UpstreamRequest,
  Upstreams,
} from "../../../../../src/edge/gateway/words/index.ts";
import { type BodySink, type BodySource, BytesSource, type HeaderList } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { Heard } from "./rig.ts";

/** A request that has reached an upstream. */
export class Reached implements BodySink {
  readonly request: UpstreamRequest;
  readonly events: UpstreamEvents;
  cancelled: Failure | undefined;
  text = "";
  isSent = false;
  aborted: Failure | undefined;
  takes = true;
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;

  constructor(request: UpstreamRequest, events: UpstreamEvents) {
    this.request = request;
    this.events = events;
  }

  get host(): string {
    return this.request.origin.host;
  }

  /** Begins to take the body. */
  takeBody(): this {
    this.request.body?.start(this);
    return this;
  }

  /** The whole reply. */
  reply(status = 200, text = "ok", headers: HeaderList = []): void {
    this.events.onReply({ status, headers }, new BytesSource(Buffer.from(text)));
    this.events.onOver?.(undefined);
  }

  /** A head, whose body ends when a test says so. */
  replyHead(status = 200): void {
    this.events.onReply({ status, headers: [] }, new BytesSource(Buffer.from("late")));
  }

  fail(code = "gateway.connect_failed", isUnsent = code === "gateway.connect_failed"): void {
    const failure = new Failure(code, "as the test says");
    this.onCancel?.(failure);
    this.events.onFailure(failure, isUnsent);
  }

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString("latin1");
    return this.takes;
  }

  end(): void {
    this.isSent = true;
  }

  abort(cause: Failure): void {
    this.aborted = cause;
  }
}

export class FakeUpstreams implements Upstreams {
  readonly reached: Reached[] = [];
  /** What happens at once to each request. */
  script: ((reached: Reached) => void) | undefined;

  ask(request: UpstreamRequest, events: UpstreamEvents): UpstreamCall {
    const reached = new Reached(request, events);
    this.reached.push(reached);
    this.script?.(reached);
    return {
      cancel: (cause) => {
        reached.cancelled = cause;
      },
    };
  }

  get last(): Reached {
    return this.reached.at(-1)!;
  }

  get hosts(): readonly string[] {
    return this.reached.map(({ host }) => host);
  }
}

export function target(
  name: string,
  more: { weight?: number; isDynamic?: boolean; scheme?: Origin["scheme"] } = {},
): TargetPlan {
  const { isDynamic = false, scheme = "http", weight = 1 } = more;
  const origin = { scheme, host: name, port: 80 };
  return { kind: "origin", origin, basePath: "", isDynamic, text: `${scheme}://${name}`, weight, name };
}

export class HeardOfGroup extends Heard implements GroupEvents {
  readonly tried: (readonly [string, TryReason])[] = [];

  onTry(plan: TargetPlan, why: TryReason): void {
    this.tried.push([plan.name, why]);
  }
}

export interface AskGroup extends Partial<GroupRequest> {
  readonly method?: string;
  readonly headers?: HeaderList;
  readonly body?: BodySource;
  readonly protocol?: string;
}

export class GroupRig {
  readonly clock = new SteppedClock();
  readonly upstreams = new FakeUpstreams();
  readonly events: TargetEvent[] = [];
  readonly group: TargetGroup;

  constructor(
    settings: Partial<GroupSettings> = {},
    named: NamedTargets = { ask: () => ({ cancel: () => {} }) },
    isTold = false,
  ) {
    const complete: GroupSettings = {
      targets: [target("a")],
      balancer: "ROUND_ROBIN",
      timeouts: { connectMs: 1_000, totalMs: 30_000 },
      retries: 0,
      retryOn: [502, 503, 504],
      retryBudget: 1,
      mirrorShare: 0,
      outliers: false,
      breaker: false,
      ...settings,
    };
    this.group = new TargetGroup(complete, {
      clock: this.clock,
      random: seededRandom(7),
      upstreams: this.upstreams,
      named,
      isTold,
      onEvent: (event) => void this.events.push(event),
    });
  }

  ask(options: AskGroup = {}): HeardOfGroup & { call: GroupCall } {
    const { headers = [], method = "GET", protocol, ...rest } = options;
    const heard = new HeardOfGroup();
    const request: GroupRequest = {
      headFor: ({ name }) => ({
        method,
        target: `/${name}`,
        scheme: "http",
        authority: name,
        headers,
        version: "1.1",
        protocol,
      }),
      ...rest,
    };
    return Object.assign(heard, { call: this.group.ask(request, heard) });
  }

  standing(name: string) {
    return this.group.standing().find(({ target: plan }) => plan.name === name)!;
  }
}
