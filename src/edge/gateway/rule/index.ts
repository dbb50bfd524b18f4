/** Rules: Lua files and plugins that decide where a request goes, in processes of their own. */
export { runRuleHost } from "./host-main.ts";
export { checkRules, RuleBook, type RulesOfRoute } from "./rule-book.ts";
export type { RuleEvent, RuleFault, RuleFile, RulesOptions } from "./words.ts";
