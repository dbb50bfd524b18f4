/** A firewall out of its settings and rule files. Whatever of the files is not understood is in the list that comes with it. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { finishAtOnce, finishInTurns, type InTurns } from "../../../base/turns.ts";
import { loadRules, type RuleEntry, type RuleSet, type RuleSettings, type Unsupported } from "../language/index.ts";
import {
  ARGUMENTS_LIMIT_MAX,
  ARGUMENTS_MAX,
  INFLATE_RATIO_MAX,
  JSON_DEPTH_MAX,
  RECORD_SECONDS,
  SLICE_MS,
} from "./limits.ts";
import { overruled } from "./overruled.ts";
import { planRules } from "./plan.ts";
import { Records } from "./records.ts";
import type { BodyLimits } from "./request-body.ts";
import { EXCLUSIONS_FILE, exclusionsText, SETTINGS_FILE, SETUP_FILE, settingsText, setupText } from "./setup.ts";
import { findSources, ruleFiles } from "./sources.ts";
import { Waf } from "./waf.ts";
import type { WafFiles, WafSettings, WafUnsupported } from "./words.ts";

export interface WafPorts {
  readonly files: WafFiles;
  readonly clock: Clock;
  readonly random: Random;
}

export interface LoadedWaf {
  readonly waf: Waf;
  readonly ruleCount: number;
  readonly files: readonly string[];
  /** Faults first, then rules that are left out, then what is only ignored. */
  readonly unsupported: readonly WafUnsupported[];
  /** What the rule sets call themselves: `OWASP_CRS/3.3.4`. */
  readonly signatures: readonly string[];
}

/** As ModSecurity's recommended configuration has it. */
const REPLY_TYPES: readonly string[] = ["text/plain", "text/html", "text/xml"];

/** In one go. Fails with `waf.rules_missing` when there is no rule at all. */
export function loadWaf(settings: WafSettings, ports: WafPorts): LoadedWaf {
  return finishAtOnce(loading(settings, ports));
}

/** As `loadWaf`, but others run in between: hundreds of rules take hundreds of milliseconds. */
export function loadWafInTurns(settings: WafSettings, ports: WafPorts): Promise<LoadedWaf> {
  return finishInTurns(loading(settings, ports), ports.clock, SLICE_MS);
}

function* loading(settings: WafSettings, ports: WafPorts): InTurns<LoadedWaf> {
  const { setup, rules } = findSources(settings.rules, ports.files);
  const exclusions = exclusionsText(settings.exclude);
  const setupSources = yield* sourcesOf(setup, ports.files);
  const ruleSources = yield* sourcesOf(rules, ports.files);
  const texts = [...setupSources, ...ruleSources].map(({ text }) => text);
  const set = yield* loadRules(
    [
      { file: SETUP_FILE, text: yield* setupText(texts) },
      ...setupSources,
      { file: SETTINGS_FILE, text: settingsText(settings) },
      ...ruleSources,
      { file: EXCLUSIONS_FILE, text: exclusions.text },
    ],
    ruleFiles(ports.files),
  );
  const own = set.entries.filter((entry) => entry.kind === "rule" && isOurs(entry)).length;
  if (set.ruleCount <= own)
    throw new Failure(
      "waf.rules_missing",
      `loading rules: ${settings.rules} holds none${whyNone(set)}; a file or directory with rules is required`,
    );
  const plan = yield* planRules(set);
  const waf = new Waf({
    settings: {
      ...settings,
      replyBytesMax: Math.min(settings.replyBytesMax, set.settings.responseBodyLimit ?? settings.replyBytesMax),
    },
    plan,
    records: new Records(() => ports.clock.now(), set.settings.collectionTimeoutSeconds ?? RECORD_SECONDS),
    clock: ports.clock,
    random: ports.random,
    bodyLimits: bodyLimitsOf(settings, set.settings),
    argumentsMax: Math.min(ARGUMENTS_LIMIT_MAX, set.settings.argumentsLimit ?? ARGUMENTS_MAX),
    isRequestBodyRead: set.settings.requestBodyAccess ?? true,
    webAppId: set.settings.webAppId,
    replyTypes: set.settings.responseBodyMimeTypes ?? REPLY_TYPES,
  });
  return {
    waf,
    ruleCount: set.ruleCount - own,
    files: [...setup, ...rules],
    unsupported: listed(set, settings, exclusions.faults),
    signatures: set.settings.componentSignatures,
  };
}

function* sourcesOf(names: readonly string[], files: WafFiles): InTurns<{ file: string; text: string }[]> {
  const sources: { file: string; text: string }[] = [];
  for (const file of names) {
    sources.push({ file, text: files.read(file) ?? "" });
    yield;
  }
  return sources;
}

function isOurs(entry: RuleEntry): boolean {
  return entry.file === SETUP_FILE || entry.file === SETTINGS_FILE;
}

function bodyLimitsOf(settings: WafSettings, rules: RuleSettings): BodyLimits {
  const { bodyBytesMax } = settings;
  return {
    bytesMax: Math.min(bodyBytesMax, rules.requestBodyLimit ?? bodyBytesMax),
    bytesWithoutFilesMax: rules.requestBodyNoFilesLimit,
    inflatedBytesMax: settings.inflatedBytesMax ?? bodyBytesMax,
    inflateRatioMax: settings.inflateRatioMax ?? INFLATE_RATIO_MAX,
    jsonDepthMax: Math.min(JSON_DEPTH_MAX, rules.requestBodyJsonDepthLimit ?? JSON_DEPTH_MAX),
    separator: rules.argumentSeparator ?? "&",
  };
}

const CONSEQUENCES: Readonly<Record<Unsupported["effect"], string>> = {
  rule_left_out: "the rule is left out",
  ignored: "it is ignored",
};

function listed(set: RuleSet, settings: WafSettings, faults: readonly string[]): WafUnsupported[] {
  const list: WafUnsupported[] = set.unsupported.toSorted(byGravity).map((item) => ({
    file: item.file,
    line: item.line,
    what: `${item.kind} ${item.what}: ${item.reason}`,
    consequence: CONSEQUENCES[item.effect],
    isFault: item.isFault,
  }));
  for (const item of faults)
    list.push({
      file: EXCLUSIONS_FILE,
      line: 0,
      what: `exclude ${item}: no rule id, tag or id:TARGET`,
      consequence: "nothing is excluded",
      isFault: true,
    });
  return [...list, ...overruled(set, settings), ...blind(set, settings)];
}

/** The first thing that was wrong: with the rules it left out they would not be none. */
function whyNone({ unsupported }: RuleSet): string {
  const [first] = unsupported.toSorted(byGravity);
  if (first === undefined) return "";
  return ` (${first.file}:${first.line}: ${first.kind} ${first.what}: ${first.reason})`;
}

/** Such as a rule set's setup without its rules. */
function blind({ entries }: RuleSet, { rules: file }: WafSettings): WafUnsupported[] {
  const looks = entries.some(
    (entry) => entry.kind === "rule" && !isOurs(entry) && entry.links.some(({ targets }) => targets.length > 0),
  );
  if (looks) return [];
  const consequence = "only what the engine itself cannot read is refused";
  return [{ file, line: 0, what: "no rule here looks at anything", consequence, isFault: false }];
}

function byGravity(one: Unsupported, other: Unsupported): number {
  return gravity(other) - gravity(one);
}

function gravity({ effect, isFault }: Unsupported): number {
  return (isFault ? 2 : 0) + (effect === "rule_left_out" ? 1 : 0);
}
