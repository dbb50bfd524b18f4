/** Rule files in memory. */
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import type { RuleFiles, RuleSet } from "../../../../../src/edge/waf/language/index.ts";
import { loadRules, type Rule } from "../../../../../src/edge/waf/language/index.ts";

export function memoryFiles(texts: Readonly<Record<string, string>>): RuleFiles {
  return {
    read: (path) => texts[path],
    glob: (pattern) => {
      const folder = pattern.slice(0, pattern.lastIndexOf("/") + 1);
      const end = pattern.slice(pattern.lastIndexOf("*") + 1);
      return Object.keys(texts)
        .filter((path) => path.startsWith(folder) && path.endsWith(end) && !path.slice(folder.length).includes("/"))
        .sort();
    },
  };
}

export function load(text: string, others: Readonly<Record<string, string>> = {}): RuleSet {
  return finishAtOnce(loadRules([{ file: "/r/main.conf", text }], memoryFiles(others)));
}

/** The only rule of a text. */
export function onlyRule(text: string): Rule {
  const { entries, unsupported } = load(text);
  const rules = entries.filter((entry) => entry.kind === "rule");
  if (rules.length !== 1) throw new Error(`no rule: ${JSON.stringify(unsupported)}`);
  return rules[0]!;
}
