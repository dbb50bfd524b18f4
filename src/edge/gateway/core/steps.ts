/** The steps that the core has itself, each made for a route when that is put together: nothing is looked up while requests run. */
import { Failure, toFailure } from "../../../base/errors.ts";
import { addRateHeaders, type GatewayLimits, type LimitVerdict, type RouteLimits } from "../limit/index.ts";
import { type CompiledRoute, paramsOf, redirectLocation } from "../route/index.ts";
import type { RoutePlan, RouteRules, RuleDecision } from "../words/index.ts";
import { BoundedBody } from "./bounded-body.ts";
import { refusalOf } from "./failures.ts";
import type { CheckedCaller, Doorkeeper } from "./parts.ts";
import { editedByRule, ruleRequestOf } from "./rule-words.ts";
import type { Passage, Step, Went } from "./words.ts";

/** Counts the body, and holds it to what the route allows. */
export function boundStep({ options }: RoutePlan): Step {
  const bytesMax = options.bodyBytesMax ?? Number.POSITIVE_INFINITY;
  return (passage) => {
    const { length } = passage.body;
    if (length === 0) return "on";
    if (length !== undefined && length > bytesMax) {
      passage.refuse({
        status: 413,
        code: "gateway.body_too_large",
        detail: `the body has ${length} bytes; this route takes ${bytesMax}`,
      });
      return "ended";
    }
    passage.body = new BoundedBody(passage, passage.body, bytesMax);
    return "on";
  };
}

export function limitStep(limits: GatewayLimits, route: RouteLimits): Step {
  return (passage) => {
    const verdict = limits.admit(route, {
      client: passage.client,
      headers: passage.request.headers,
      claims: passage.caller?.claims,
    });
    if (verdict.kind !== "wait") return limited(passage, limits, verdict);
    passage.atEnd(() => {
      if (verdict.kind === "wait") limits.cancel(verdict);
    });
    verdict.onSettled = (settled) => {
      if (passage.isEnded) return settled.kind === "pass" ? limits.release(settled) : undefined;
      if (limited(passage, limits, settled) === "on") passage.goOn();
    };
    return "held";
  };
}

function limited(passage: Passage, limits: GatewayLimits, verdict: LimitVerdict): Went {
  const { cause, kind, limit } = verdict;
  const id = limit?.id ?? "";
  if (kind === "drop") {
    passage.reset(new Failure("gateway.limit_drop", `limit ${id}: dropped (${cause})`));
    return "ended";
  }
  addRateHeaders(verdict, passage.replyExtra);
  if (kind === "pass") {
    if (verdict.held !== undefined) passage.atEnd(() => limits.release(verdict));
    return "on";
  }
  const detail = cause === "missing" ? "what this route counts requests by is missing" : "too many requests";
  passage.refuse({ status: verdict.status, code: `gateway.limit_${cause}`, detail }, `limit ${id}: ${cause}`);
  return "ended";
}

export function authStep(doorkeeper: Doorkeeper, route: RoutePlan): Step {
  const known = (passage: Passage, found: CheckedCaller): Went => {
    if (!(found instanceof Failure)) {
      passage.caller = found;
      return "on";
    }
    const refusal = refusalOf(found);
    const challenge = refusal.status === 401 ? ["www-authenticate", "Bearer"] : [];
    passage.refuse({ ...refusal, headers: [...(refusal.headers ?? []), ...challenge] }, found.message);
    return "ended";
  };
  return (passage) => {
    const found = doorkeeper.check(route, passage.request, passage.peer, passage.client);
    if (!(found instanceof Promise)) return known(passage, found);
    found
      .catch((thrown): Failure => toFailure(thrown, "gateway.defect"))
      .then((checked) => {
        if (!passage.isEnded && known(passage, checked) === "on") passage.goOn();
      });
    return "held";
  };
}

/** What the rule's decision makes of the request; the rule itself runs somewhere else. */
export function ruleStep(rules: RouteRules): Step {
  return (passage) => {
    rules.decide(ruleRequestOf(passage, paramsOf(passage.hit!))).then(
      (decision) => {
        if (!passage.isEnded && decided(passage, decision) === "on") passage.goOn();
      },
      (thrown) => {
        const failure = toFailure(thrown, "gateway.rule_failed");
        passage.refuse(refusalOf(failure), failure.message);
      },
    );
    return "held";
  };
}

function decided(passage: Passage, decision: RuleDecision): Went {
  const { headers, path, reply, target } = decision;
  if (reply !== undefined) {
    const list = Object.entries(reply.headers ?? {}).flatMap(([name, value]) => [name.toLowerCase(), value]);
    passage.send({ status: reply.status, headers: list }, Buffer.from(reply.body ?? ""));
    return "ended";
  }
  if (headers !== undefined) passage.headers = editedByRule(passage.headers, headers);
  passage.target = target ?? passage.target;
  passage.rewritten = path ?? passage.rewritten;
  return "on";
}

/** The last step of a route without targets. */
export function answering(route: CompiledRoute): Step {
  const { redirect, reply } = route.plan.options;
  return (passage) => {
    if (redirect) {
      const facts = { client: passage.client, requestId: passage.id };
      const location = redirectLocation(passage.hit!, passage.request, facts) ?? redirect.location;
      passage.send({ status: redirect.status, headers: ["location", location] });
    } else if (reply) {
      passage.send(
        { status: reply.status, headers: ["content-type", "text/plain; charset=utf-8"] },
        Buffer.from(reply.text),
      );
    } else {
      passage.refuse({ status: 503, code: "gateway.no_target", detail: "no target was chosen for this request" });
    }
    return "ended";
  };
}
