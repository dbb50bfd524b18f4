/** `%{tx.x}` in messages, arguments and values. What is not there is an empty text, as in ModSecurity. */
import type { MacroPart, Rule, Template } from "../language/index.ts";
import type { Bytes } from "../match/index.ts";
import { VARIABLE_BYTES_MAX } from "./limits.ts";
import type { Variables } from "./variables.ts";

export function expand(template: Template, variables: Variables, rule: Rule): Bytes {
  if (!template.isDynamic) return template.text;
  let expanded = "";
  for (const part of template.parts) {
    expanded += typeof part === "string" ? part : macroValue(part, variables, rule);
    if (expanded.length > VARIABLE_BYTES_MAX) return expanded.slice(0, VARIABLE_BYTES_MAX);
  }
  return expanded;
}

function macroValue({ collection, key }: MacroPart, variables: Variables, rule: Rule): Bytes {
  if (collection === "TX" && key !== undefined) return variables.tx(key) ?? "";
  if (collection === "RULE") return ruleValue(key, variables, rule);
  const found = variables.of(collection, key?.toLowerCase());
  if (key === undefined || found.length === 0) return found[0]?.value ?? "";
  const lower = key.toLowerCase();
  for (const one of found) if (one.key !== undefined && one.key.toLowerCase() === lower) return one.value;
  return "";
}

function ruleValue(key: Bytes | undefined, variables: Variables, rule: Rule): Bytes {
  switch (key?.toLowerCase()) {
    case "id":
      return String(rule.id);
    case "rev":
      return rule.revision ?? "";
    case "severity":
      return rule.severity === undefined ? "" : String(rule.severity);
    case "msg":
      // A message that names itself would not end.
      return rule.msg === undefined || rule.msg.text.toLowerCase().includes("%{rule.msg}")
        ? ""
        : expand(rule.msg, variables, rule);
    case "logdata":
      return rule.logdata === undefined || rule.logdata.isDynamic ? "" : rule.logdata.text;
    default:
      return "";
  }
}
