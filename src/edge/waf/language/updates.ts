/** Directives about rules that stand elsewhere: they are kept until all files are read, so their place does not matter. */
import { MatchRun, Regex } from "../match/index.ts";
import { actionValue, type Draft, draftId } from "./draft.ts";
import { includesId, invalid, listedTarget, parseIds, splitTargets } from "./parts.ts";
import { type Directive, readActions } from "./reader.ts";

/** Changes one draft, or says that it goes; `other`: it is not meant. */
export type Update = (draft: Draft) => "changed" | "remove" | "other";

type Reader = (args: readonly string[], isPicked: (by: string) => (draft: Draft) => boolean) => Update;

/** Names of rules are short: what a search in them may cost. */
const SEARCH_STEPS_MAX = 100_000;

export function readUpdate({ name, args }: Directive): Update | undefined {
  const match = /^secrule(remove|updatetarget|updateaction)by(id|tag|msg)$/.exec(name.toLowerCase());
  if (match === null) return undefined;
  const [, what, by] = match as unknown as [string, string, string];
  if (args.length < (what === "remove" ? 1 : 2))
    throw invalid(`${name} with ${args.length} arguments`, "what is meant, and the change");
  return READERS[what]!(args, () => picker(what === "remove" ? args.join(" ") : args[0]!, by));
}

const READERS: Readonly<Record<string, Reader>> = {
  remove: (_, picked) => {
    const isPicked = picked("");
    return (draft) => (isPicked(draft) ? "remove" : "other");
  },
  updatetarget: (args, picked) => {
    const isPicked = picked("");
    const added = splitTargets(args[1]!, true).map(listedTarget);
    const replaced = args[2] === undefined ? [] : splitTargets(args[2], true);
    return (draft) => {
      if (!isPicked(draft)) return "other";
      const link = draft.links[0]!;
      link.targets = [...link.targets.filter(({ target }) => !replaced.includes(target.text)), ...added];
      return "changed";
    };
  },
  updateaction: (args, picked) => {
    const isPicked = picked("");
    const added = readActions(args[1]!).filter(({ name }) => name !== "id");
    if (added.some(({ name }) => FIXED.has(name))) throw invalid(args.join(" "), "actions other than phase and chain");
    return (draft) => {
      if (!isPicked(draft)) return "other";
      const link = draft.links[0]!;
      const changed = new Set(added.map(({ name }) => name));
      // Actions of a list (t, setvar, ctl, tag) add up; `t:none` at the front takes the old ones out.
      const kept = link.actions.filter(({ name }) => !changed.has(name) || LISTS.has(name));
      link.actions = [...kept, ...added];
      return "changed";
    };
  },
};

/** Of no use where a rule already stands; its id may be said once more. */
const FIXED: ReadonlySet<string> = new Set(["phase", "chain"]);
const LISTS: ReadonlySet<string> = new Set(["t", "setvar", "ctl", "tag"]);

function picker(text: string, by: string): (draft: Draft) => boolean {
  if (by === "id") {
    const ids = parseIds(text);
    return (draft) => includesId(ids, draftId(draft));
  }
  const regex = Regex.compile(text);
  const has = (value: string): boolean => regex.test(value, new MatchRun(SEARCH_STEPS_MAX));
  if (by === "msg") return (draft) => has(actionValue(draft.links[0]!.actions, "msg") ?? "");
  return (draft) => draft.links[0]!.actions.some(({ name, value = "" }) => name === "tag" && has(value));
}
