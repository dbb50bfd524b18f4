/** A route made ready: its conditions, templates and names of parameters, worked out once. */
import { assert } from "../../../base/errors.ts";
import type { HeaderEdit, RoutePlan, TargetPlan } from "../words/index.ts";
import { type Conditions, compileConditions } from "./conditions.ts";
import { isTemplateFault, parseTemplate, type Template, type TemplateForm } from "./template.ts";

export interface CompiledEdit {
  readonly kind: HeaderEdit["kind"];
  readonly name: string;
  readonly value: Template;
}

export interface CompiledRoute {
  readonly plan: RoutePlan;
  /** In the order of the file, from 0. */
  readonly index: number;
  /** In the order of the path. */
  readonly paramNames: readonly string[];
  /** `GET` takes `HEAD` with it; empty: all but TRACE. */
  readonly methods: readonly string[];
  readonly conditions: Conditions;
  readonly rewrite: Template | undefined;
  readonly redirect: Template | undefined;
  readonly requestEdits: readonly CompiledEdit[];
  readonly replyEdits: readonly CompiledEdit[];
  /** Hosts of the dynamic targets. */
  readonly hosts: ReadonlyMap<TargetPlan, Template>;
  /** A `grpc` target gets what the rest stands for: its place among the parameters; -1: the path as it is. */
  readonly grpcRest: number;
}

/** TRACE shows whoever asks what proxies have put into the request: only where the file names it. */
export function takesMethod({ methods }: CompiledRoute, method: string): boolean {
  return methods.length === 0 ? method !== "TRACE" : methods.includes(method);
}

export function compileRoute(plan: RoutePlan, index: number): CompiledRoute {
  const { match, options, targets } = plan;
  const paramNames = match.path.flatMap((piece) => (piece.kind === "literal" ? [] : [piece.name]));
  const template = (text: string, form: TemplateForm): Template => {
    const parsed = parseTemplate(text, form, paramNames);
    assert(!isTemplateFault(parsed), () => `template ${JSON.stringify(text)} of route ${plan.id} was not checked`);
    return parsed;
  };
  const edits = (list: readonly HeaderEdit[]): CompiledEdit[] =>
    list.map((edit) => ({
      kind: edit.kind,
      name: edit.name,
      value: template("value" in edit ? edit.value : "", "header"),
    }));
  const dynamic = targets.filter((target) => target.kind === "origin" && target.isDynamic);
  return {
    plan,
    index,
    paramNames,
    methods: match.methods.includes("GET") ? [...new Set([...match.methods, "HEAD"])] : match.methods,
    conditions: compileConditions(match),
    rewrite: options.rewrite === undefined ? undefined : template(options.rewrite, "path"),
    redirect: options.redirect && template(options.redirect.location, "location"),
    requestEdits: edits(options.requestHeaders),
    replyEdits: edits(options.replyHeaders),
    hosts: new Map(
      dynamic.map((target) => [target, template(target.kind === "origin" ? target.origin.host : "", "path")]),
    ),
    grpcRest: grpcRest(plan),
  };
}

/**
 * `/grpc/service/*` strips what stands before the star; where the piece before it is a gRPC service's full name (it has a dot), it
 * belongs to what the upstream has to see.
 */
function grpcRest({ match: { path } }: RoutePlan): number {
  if (path.at(-1)?.kind !== "rest") return -1;
  const before = path.at(-2);
  if (before?.kind === "literal" && before.text.includes(".")) return -1;
  return path.filter(({ kind }) => kind !== "literal").length - 1;
}
