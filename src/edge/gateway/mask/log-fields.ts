/**
 * Fields by JSON path in logs, where no JSON stands: members of queries by their names, as those of an object would be, and what a firewall quotes
 * of a field, by the name that it gives it (`ARGS:json.card.number`, `ARGS:password`).
 */
import { PathWalk } from "./path-walk.ts";
import { type MaskRules, type PathRule, replacement } from "./rules.ts";

/** `name=value` in a place, or among words. */
const MEMBER = /(?<=^|[?&;])([^?&;=#/]+)=([^&;#]*)/g;
const QUOTED_FIELD = /^(?:ARGS(?:_GET|_POST)?|REQUEST_COOKIES):(.*)$/s;
/** All of a body: a field may stand anywhere in it. */
const WHOLE_BODY = /^(?:REQUEST_BODY|RESPONSE_BODY|FULL_REQUEST)(?::|$)/;

/** The same text when there is nothing to hide. */
export function maskMembers(text: string, rules: MaskRules): string {
  if (rules.paths.length === 0 || !text.includes("=")) return text;
  return text.replaceAll(MEMBER, (member: string, name: string, value: string) => {
    const rule = hidingRule(rules, [decoded(name)]);
    if (rule === undefined) return member;
    return `${name}=${encodeURIComponent(replacement(rule, decoded(name), decoded(value)) ?? "")}`;
  });
}

/** Whether what a firewall quotes of this variable is of a field that is hidden. */
export function hidesVariable(variable: string, rules: MaskRules): boolean {
  if (rules.paths.length === 0) return false;
  if (WHOLE_BODY.test(variable)) return true;
  const name = QUOTED_FIELD.exec(variable)?.[1];
  if (name === undefined) return false;
  const [root, ...parts] = name.split(".");
  const isJson = root === "json" && parts.length > 0;
  return hidingRule(rules, [name]) !== undefined || (isJson && hidingRule(rules, parts.map(partOf)) !== undefined);
}

/** Parts of names as the firewall makes them of JSON. */
function partOf(part: string): string | number {
  const index = /^array_(\d+)$/.exec(part)?.[1];
  if (index !== undefined) return Number(index);
  return part === "empty-key" ? "" : part;
}

/** The field on that way, or one around it. */
function hidingRule({ paths }: MaskRules, way: readonly (string | number)[]): PathRule | undefined {
  const walk = new PathWalk(paths);
  let standings = walk.begin();
  for (const part of way) {
    standings = walk.down(standings, part);
    const rule = walk.ended(standings);
    if (rule !== undefined) return rule;
  }
  return undefined;
}

function decoded(text: string): string {
  const plain = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}
