/** What the rules say and the gateway file, or a bound of the engine, decides in another way: told at load. */
import type { CtlEffect, Rule, RuleSet } from "../language/index.ts";
import { ARGUMENTS_LIMIT_MAX, JSON_DEPTH_MAX } from "./limits.ts";
import { REPLY_HEAD } from "./plan.ts";
import type { WafSettings, WafUnsupported } from "./words.ts";

export function overruled(set: RuleSet, settings: WafSettings): WafUnsupported[] {
  const rules = set.entries.filter((entry) => entry.kind === "rule");
  const list = [...settingsOverruled(set, settings)];
  if (!settings.looksAtReplies) list.push(...ofReplies(rules));
  for (const rule of rules)
    for (const effect of rule.links.flatMap((link) => link.effects))
      if (effect.kind === "ctl") list.push(...limitOverruled(rule, effect, settings));
  return list.map(({ place, what, consequence }) => {
    const { file, line } = place ?? { file: settings.rules, line: 0 };
    return { file, line, what, consequence, isFault: false };
  });
}

interface Told {
  /** Undefined: the settings do not know where they come from. */
  readonly place?: { readonly file: string; readonly line: number };
  readonly what: string;
  readonly consequence: string;
}

function settingsOverruled({ settings: rules }: RuleSet, settings: WafSettings): Told[] {
  const { bodyBytesMax, looksAtReplies, mode, replyBytesMax } = settings;
  const list: Told[] = [];
  const tell = (what: string, consequence: string): void => void list.push({ what, consequence });
  const { argumentsLimit = 0, engine, requestBodyJsonDepthLimit: depth = 0, responseBodyAccess: access } = rules;
  const { requestBodyLimit = 0, responseBodyLimit = 0 } = rules;
  if (engine !== undefined && engine !== (mode === "block" ? "On" : "DetectionOnly"))
    tell(`SecRuleEngine ${engine}`, `the gateway file's mode counts: ${mode}`);
  if (rules.requestBodyLimitAction === "ProcessPartial")
    tell("SecRequestBodyLimitAction ProcessPartial", "larger bodies are refused");
  if (rules.responseBodyLimitAction === "Reject")
    tell("SecResponseBodyLimitAction Reject", "of larger replies the first part is looked at and the rest flows");
  if (argumentsLimit > ARGUMENTS_LIMIT_MAX)
    tell(`SecArgumentsLimit ${argumentsLimit}`, `more than ${ARGUMENTS_LIMIT_MAX} are refused`);
  if (depth > JSON_DEPTH_MAX) tell(`SecRequestBodyJsonDepthLimit ${depth}`, `more than ${JSON_DEPTH_MAX} are refused`);
  if (requestBodyLimit > bodyBytesMax)
    tell(`SecRequestBodyLimit ${requestBodyLimit}`, `the gateway file's max_body counts: ${bodyBytesMax} bytes`);
  if (access !== undefined && access !== looksAtReplies)
    tell(`SecResponseBodyAccess ${access ? "On" : "Off"}`, `the gateway file's responses counts: ${looksAtReplies}`);
  if (looksAtReplies && responseBodyLimit > replyBytesMax)
    tell(`SecResponseBodyLimit ${responseBodyLimit}`, `the gateway file's max_response counts: ${replyBytesMax} bytes`);
  return list;
}

/** One line for all: of a whole rule set there are hundreds. */
function ofReplies(rules: readonly Rule[]): Told[] {
  const own = rules.filter(({ phase }) => phase === REPLY_HEAD || phase === REPLY_HEAD + 1);
  if (own.length === 0) return [];
  const { file, line } = own[0]!;
  const what = `${own.length} rules of phases 3 and 4, here first`;
  return [
    { place: { file, line }, what, consequence: "they are not run: responses=true in the gateway file runs them" },
  ];
}

/** `ctl` makes limits lower, never higher. */
function limitOverruled(rule: Rule, effect: CtlEffect, settings: WafSettings): Told[] {
  if (effect.what !== "requestBodyLimit" && effect.what !== "responseBodyLimit") return [];
  const most = effect.what === "requestBodyLimit" ? settings.bodyBytesMax : settings.replyBytesMax;
  if (effect.bytes <= most) return [];
  const { file, line } = rule;
  return [
    { place: { file, line }, what: `ctl:${effect.what}=${effect.bytes}`, consequence: `at most ${most} are looked at` },
  ];
}
