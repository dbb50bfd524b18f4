/**
 * Reads files of rules, in order, into one set. Nothing that a file says stops the reading: what is not understood is listed with its place
 * and with what happens instead.
 */
import { messageOf, toFailure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { OperatorSet } from "../match/index.ts";
import { type Builder, besides, buildRule } from "./build.ts";
import { type Draft, type DraftLink, draftAction, draftId, draftRule, hasAction } from "./draft.ts";
import { type Directive, type RawAction, readActions, readDirectives } from "./reader.ts";
import { IGNORED_DIRECTIVES, type MutableSettings, noSettings, SETTINGS } from "./settings.ts";
import { readUpdate, type Update } from "./updates.ts";
import type { Marker, Rule, RuleEntry, RuleFiles, RuleSet, RuleSource, Unsupported } from "./words.ts";

/** Files that include files: deeper is a circle. */
const INCLUDE_DEPTH_MAX = 16;

/** Yields behind each directive, each rule and some nodes of the common filter. */
export function* loadRules(sources: readonly RuleSource[], files: RuleFiles): InTurns<RuleSet> {
  const loader = new Loader(files);
  for (const { file, text } of sources) yield* loader.file(file, text, 0, undefined);
  return yield* loader.finish();
}

class Loader {
  readonly #files: RuleFiles;
  readonly #entries: (Draft | Marker)[] = [];
  readonly #settings: MutableSettings = noSettings();
  readonly #unsupported: Unsupported[] = [];
  readonly #updates: Update[] = [];
  readonly #ids = new Set<number>();
  #defaults: ReadonlyMap<number, readonly RawAction[]> = new Map();
  /** A rule whose last link says `chain`. */
  #open: Draft | undefined;

  constructor(files: RuleFiles) {
    this.#files = files;
  }

  *file(file: string, text: string | undefined, depth: number, from: Directive | undefined): InTurns<void> {
    const content = text ?? this.#read(file);
    if (content === undefined) {
      const place = from ?? { file, line: 1 };
      this.#tell(place, "directive", `Include ${file}`, "ignored", "the file cannot be read");
      return;
    }
    for (const directive of readDirectives(content, file)) {
      yield* this.#directive(directive, depth);
      yield;
    }
    this.#closeChain();
  }

  #read(file: string): string | undefined {
    try {
      return this.#files.read(file);
    } catch (thrown) {
      this.#tell({ file, line: 1 }, "directive", `Include ${file}`, "ignored", messageOf(thrown));
      return undefined;
    }
  }

  #tell(
    place: { file: string; line: number },
    kind: Unsupported["kind"],
    what: string,
    effect: Unsupported["effect"],
    reason: string,
  ): void {
    this.#unsupported.push({ file: place.file, line: place.line, kind, what, effect, reason });
  }

  *#directive(directive: Directive, depth: number): InTurns<void> {
    const name = directive.name.toLowerCase();
    if (name === "secrule") this.#rule(draftRule(directive));
    else if (name === "secaction") this.#rule(draftAction(directive));
    else {
      this.#closeChain();
      try {
        if (name === "include" || name === "includeoptional") yield* this.#include(directive, name, depth);
        else this.#other(name, directive);
      } catch (thrown) {
        this.#tell(directive, "directive", shown(directive), "ignored", toFailure(thrown, "waf.rule_invalid").message);
      }
    }
  }

  #other(name: string, directive: Directive): void {
    const { args, file, line } = directive;
    const update = readUpdate(directive);
    if (update !== undefined) this.#updates.push(update);
    else if (name === "secmarker") this.#entries.push({ kind: "marker", name: args[0] ?? "", file, line });
    else if (name === "secdefaultaction") this.#default(readActions(args[0] ?? ""));
    else if (Object.hasOwn(SETTINGS, name)) SETTINGS[name]!(this.#settings, args[0] ?? "", directive);
    else this.#unknown(name, directive);
  }

  #unknown(name: string, directive: Directive): void {
    const known = Object.hasOwn(IGNORED_DIRECTIVES, name) ? IGNORED_DIRECTIVES[name] : undefined;
    this.#tell(directive, "directive", shown(directive), "ignored", known ?? "there is no directive of this name");
  }

  /** Holds for the rules of its phase that follow. */
  #default(actions: readonly RawAction[]): void {
    const phase = actions.find(({ name }) => name === "phase")?.value ?? "2";
    this.#defaults = new Map([...this.#defaults, [Number(phase), actions]]);
  }

  *#include(directive: Directive, name: "include" | "includeoptional", depth: number): InTurns<void> {
    const isOptional = name === "includeoptional";
    if (depth >= INCLUDE_DEPTH_MAX) {
      this.#tell(
        directive,
        "directive",
        shown(directive),
        "ignored",
        `files include files more than ${INCLUDE_DEPTH_MAX} deep`,
      );
      return;
    }
    const path = besides(directive.file, directive.args[0] ?? "");
    const isPattern = /[*?]/.test(path);
    const names = isPattern ? this.#files.glob(path) : [path];
    if (names.length === 0 && !isOptional)
      this.#tell(directive, "directive", shown(directive), "ignored", "no file has such a name");
    for (const name of names) {
      if (isOptional && !isPattern && this.#files.read(name) === undefined) continue;
      yield* this.file(name, undefined, depth + 1, directive);
    }
  }

  #rule(link: DraftLink): void {
    const open = this.#open;
    if (open === undefined) {
      const draft: Draft = { links: [link], defaults: this.#defaults };
      this.#entries.push(draft);
      this.#checkId(draft);
      if (hasAction(link.actions, "chain")) this.#open = draft;
      return;
    }
    open.links.push(link);
    if (!hasAction(link.actions, "chain")) this.#open = undefined;
  }

  #checkId(draft: Draft): void {
    const [link, id] = [draft.links[0]!, draftId(draft)];
    const reason =
      id === 0 ? "the rule has no id" : this.#ids.has(id) ? `there is another rule with the id ${id}` : undefined;
    this.#ids.add(id);
    if (reason === undefined) return;
    link.faults.push({
      file: link.file,
      line: link.line,
      kind: "syntax",
      what: `id:${id}`,
      effect: "rule_left_out",
      reason,
    });
  }

  #closeChain(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { file, line } = open.links.at(-1)!;
    const reason = "no rule follows that could be chained to it";
    open.links[0]!.faults.push({ file, line, kind: "syntax", what: "chain", effect: "rule_left_out", reason });
  }

  *finish(): InTurns<RuleSet> {
    const builder: Builder = { operators: new OperatorSet(), files: this.#files, unsupported: this.#unsupported };
    const entries: RuleEntry[] = [];
    for (const entry of this.#entries) {
      const made = "kind" in entry ? entry : this.#build(entry, builder);
      if (made !== undefined) entries.push(made);
      yield;
    }
    yield* builder.operators.seal();
    return {
      entries,
      settings: this.#settings,
      unsupported: this.#unsupported,
      ruleCount: entries.filter(({ kind }) => kind === "rule").length,
    };
  }

  #build(draft: Draft, builder: Builder): Rule | undefined {
    for (const update of this.#updates) if (update(draft) === "remove") return undefined;
    return buildRule(draft, builder);
  }
}

function shown({ name, args }: Directive): string {
  const text = [name, ...args].join(" ");
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
