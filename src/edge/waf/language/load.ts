/**
 * Reads files of rules, in order, into one set. Nothing that a file says stops the reading: what is not understood is listed with its place
 * and with what happens instead.
 */
import { messageOf, toFailure } from "../../../base/errors.ts";
import type { InTurns } from "../../../base/turns.ts";
import { OperatorSet } from "../match/index.ts";
import { type Builder, besides, buildRule, phaseOf } from "./build.ts";
import { checkDefaults } from "./checks.ts";
import { type Draft, type DraftLink, draftAction, draftId, draftRule, hasAction, syntaxFault } from "./draft.ts";
import { invalid, isFaulty } from "./parts.ts";
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
  readonly #updates: { readonly update: Update; readonly directive: Directive; count: number }[] = [];
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
      this.#tell(place, "directive", `Include ${file}`, "the file cannot be read");
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
      this.#tell({ file, line: 1 }, "directive", `Include ${file}`, messageOf(thrown));
      return undefined;
    }
  }

  #tell(
    place: { file: string; line: number },
    kind: Unsupported["kind"],
    what: string,
    reason: string,
    isFault = true,
  ): void {
    const { file, line } = place;
    this.#unsupported.push({ file, line, kind, what, effect: "ignored", reason, isFault });
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
        const failure = toFailure(thrown, "waf.rule_invalid");
        this.#tell(directive, "directive", shown(directive), failure.message, isFaulty(failure));
      }
    }
  }

  #other(name: string, directive: Directive): void {
    const { args, fault, file, line } = directive;
    if (fault !== undefined) throw invalid(shown(directive), "a closing quotation mark");
    const update = readUpdate(directive);
    if (update !== undefined) this.#updates.push({ update, directive, count: 0 });
    else if (name === "secmarker") {
      if (args.length !== 1) throw invalid(shown(directive), "one name");
      this.#entries.push({ kind: "marker", name: args[0]!, file, line });
    } else if (name === "secdefaultaction") this.#default(directive);
    else if (Object.hasOwn(SETTINGS, name)) SETTINGS[name]!(this.#settings, args[0] ?? "", directive);
    else this.#unknown(name, directive);
  }

  #unknown(name: string, directive: Directive): void {
    const known = Object.hasOwn(IGNORED_DIRECTIVES, name) ? IGNORED_DIRECTIVES[name] : undefined;
    const reason = known ?? "there is no directive of this name";
    this.#tell(directive, "directive", shown(directive), reason, known === undefined);
  }

  /** Holds for the rules of its phase that follow. */
  #default(directive: Directive): void {
    const actions = readActions(directive.args[0] ?? "");
    for (const { isFault, kind, reason, what } of checkDefaults(actions, (text) => phaseOf(text) !== undefined))
      this.#tell(directive, kind, what, reason, isFault);
    const phase = phaseOf(actions.find(({ name }) => name === "phase")?.value);
    if (phase !== undefined) this.#defaults = new Map([...this.#defaults, [phase, actions]]);
  }

  *#include(directive: Directive, name: "include" | "includeoptional", depth: number): InTurns<void> {
    const isOptional = name === "includeoptional";
    if (depth >= INCLUDE_DEPTH_MAX) {
      this.#tell(directive, "directive", shown(directive), `files include files more than ${INCLUDE_DEPTH_MAX} deep`);
      return;
    }
    const path = besides(directive.file, directive.args[0] ?? "");
    const isPattern = /[*?]/.test(path);
    const names = isPattern ? this.#files.glob(path) : [path];
    if (names.length === 0 && !isOptional)
      this.#tell(directive, "directive", shown(directive), "no file has such a name");
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
    link.faults.push(syntaxFault(link, `id:${id}`, reason));
  }

  #closeChain(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const last = open.links.at(-1)!;
    open.links[0]!.faults.push(syntaxFault(last, "chain", "no rule follows that could be chained to it"));
  }

  *finish(): InTurns<RuleSet> {
    const builder: Builder = {
      operators: new OperatorSet(),
      files: this.#files,
      unsupported: this.#unsupported,
      logWords: new Map(),
    };
    const entries: RuleEntry[] = [];
    for (const entry of this.#entries) {
      const made = "kind" in entry ? entry : this.#build(entry, builder);
      if (made !== undefined) entries.push(made);
      yield;
    }
    yield* builder.operators.seal();
    this.#tellUnused(builder);
    return {
      entries: this.#withMarkers(entries),
      settings: this.#settings,
      unsupported: this.#unsupported,
      ruleCount: entries.filter(({ kind }) => kind === "rule").length,
    };
  }

  #build(draft: Draft, builder: Builder): Rule | undefined {
    let isRemoved = false;
    for (const kept of this.#updates) {
      const outcome = kept.update(draft);
      if (outcome !== "other") kept.count += 1;
      isRemoved ||= outcome === "remove";
    }
    return isRemoved ? undefined : buildRule(draft, builder);
  }

  /** What changes no rule, and what concerns logs that are not written here. */
  #tellUnused({ logWords }: Builder): void {
    for (const { count, directive } of this.#updates)
      if (count === 0) this.#tell(directive, "directive", shown(directive), "no rule here is meant by it", false);
    for (const [what, { count, ...place }] of logWords) {
      const others = count === 1 ? "" : ` (${count} times, here first)`;
      this.#tell(place, "action", what, `the gateway writes its own log${others}`, false);
    }
  }

  /** Rules that would skip to what does not follow skip nothing: else all the rest of the phase would not be looked at. */
  #withMarkers(entries: readonly RuleEntry[]): RuleEntry[] {
    const following = new Set<string>();
    const checked = entries.toReversed().map((entry) => {
      const isLost = entry.kind === "rule" && entry.skipAfter !== undefined && !following.has(entry.skipAfter);
      following.add(entry.kind === "marker" ? entry.name : String(entry.id));
      if (!isLost) return entry;
      this.#tell(entry, "action", `skipAfter:${entry.skipAfter}`, "no marker and no rule of this name follows");
      return { ...entry, skipAfter: undefined };
    });
    return checked.reverse();
  }
}

function shown({ name, args }: Directive): string {
  const text = [name, ...args].join(" ");
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
