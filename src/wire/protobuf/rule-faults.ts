/**
 * What is wrong with the HTTP rules of services as a whole: templates and bodies that name no field of their message, so that no request
 * could ever be answered, and rules that an earlier one takes all requests of. Such files can be read, and grpc-gateway refuses them.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import type { DescriptorStore } from "./descriptor-store.ts";
import { fieldNamed } from "./field-names.ts";
import type { GrpcMethod, HttpRule } from "./methods.ts";
import { parseTemplate } from "./path-template.ts";

export interface RuleFaults {
  /** A sentence on each: no request by that rule can be answered. */
  readonly unusable: readonly string[];
  /** A sentence on each: the rule is never asked. */
  readonly hidden: readonly string[];
}

export function ruleFaultsOf(store: DescriptorStore): RuleFaults {
  const unusable: string[] = [];
  const hidden: string[] = [];
  const owners = new Map<string, string>();
  for (const method of store.methods()) {
    for (const rule of method.rules) {
      const named = `${method.path} (${rule.httpMethod} ${rule.template})`;
      for (const problem of problemsOf(method, rule)) unusable.push(`${named}: ${problem}`);
      const key = `${rule.httpMethod} ${shapeOf(rule)}`;
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, named);
      else hidden.push(`${named} is never asked: ${owner} has the same template`);
    }
  }
  return { unusable, hidden };
}

function* problemsOf({ input, output }: GrpcMethod, { body, responseBody, template }: HttpRule): Iterable<string> {
  for (const { field } of parseTemplate(template).variables) {
    if (!hasField(input, field.split("."))) yield `${field} is no field of ${input.typeName}`;
  }
  if (body !== "" && body !== "*" && !hasField(input, [body]))
    yield `the body ${body} is no field of ${input.typeName}`;
  if (responseBody !== "" && !hasField(output, [responseBody])) {
    yield `the response_body ${responseBody} is no field of ${output.typeName}`;
  }
}

function hasField(message: DescMessage, [name = "", ...below]: readonly string[]): boolean {
  const field = fieldNamed(message, name);
  if (field === undefined) return false;
  return below.length === 0 || (field.fieldKind === "message" && hasField(field.message, below));
}

/** Alike for templates that take the same paths. */
function shapeOf({ template }: HttpRule): string {
  const { segments, verb } = parseTemplate(template);
  const pieces = segments.map((segment) =>
    segment.kind === "literal" ? segment.text : segment.kind === "one" ? "{*}" : "{**}",
  );
  return `/${pieces.join("/")}:${verb}`;
}
