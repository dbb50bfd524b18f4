/** Rules as SecLang files say them: typed, with defaults applied, in the order of evaluation. */
import type { Bytes, Operator, Regex, TransformChain } from "../match/index.ts";

export type Phase = 1 | 2 | 3 | 4 | 5;

/** Where the rules' files come from. Files are read as bytes (latin1): patterns are matched byte for byte. */
export interface RuleFiles {
  /** Undefined: there is no such file. */
  read(path: string): Bytes | undefined;
  /** Files that a pattern with `*` and `?` in its last piece names, sorted by name. */
  glob(pattern: string): readonly string[];
}

export interface RuleSource {
  readonly file: string;
  /** Read through the files when not given. */
  readonly text?: string | undefined;
}

export interface RuleSet {
  /** Rules and markers in the order of the files; removed ones are gone, updated ones are updated. */
  readonly entries: readonly RuleEntry[];
  readonly settings: RuleSettings;
  readonly unsupported: readonly Unsupported[];
  readonly ruleCount: number;
}

export type RuleEntry = Rule | Marker;

export interface Marker {
  readonly kind: "marker";
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

export interface Rule {
  readonly kind: "rule";
  readonly id: number;
  readonly phase: Phase;
  readonly file: string;
  readonly line: number;
  /** The rule itself, then what is chained to it: all of them have to match. Never empty. */
  readonly links: readonly RuleLink[];
  /** What happens once all links match. `block` is resolved by SecDefaultAction (`isBlock` tells that it was written). */
  readonly disruptive: Disruptive;
  readonly isBlock: boolean;
  /** Of deny, drop, redirect; from the rule or SecDefaultAction. */
  readonly status: number | undefined;
  readonly redirect: Template | undefined;
  readonly msg: Template | undefined;
  readonly logdata: Template | undefined;
  /** 0 (emergency) to 7 (debug). */
  readonly severity: number | undefined;
  readonly tags: readonly Bytes[];
  readonly version: string | undefined;
  readonly revision: string | undefined;
  readonly isLogged: boolean;
  /** Evaluation goes on after this marker, or after this rule id. */
  readonly skipAfter: string | undefined;
  /** So many entries are skipped; 0: none. */
  readonly skip: number;
}

/** `allow`: nothing more is looked at; `allow:phase`, `allow:request`. */
export type Disruptive = "pass" | "deny" | "drop" | "redirect" | "allow" | "allow_phase" | "allow_request";

export interface RuleLink {
  readonly line: number;
  /** Empty: SecAction, always true. */
  readonly targets: readonly Target[];
  /** `!ARGS:x`, and what SecRuleUpdateTarget took away. */
  readonly exclusions: readonly Target[];
  readonly operator: OperatorUse;
  readonly transformations: TransformChain;
  readonly isMultiMatch: boolean;
  readonly isCapture: boolean;
  /** Done each time that this link matches, in the order written, also when a later link does not. */
  readonly effects: readonly Effect[];
}

export interface OperatorUse {
  readonly name: string;
  readonly isNegated: boolean;
  readonly argument: Template;
  readonly compiled: Operator;
}

/** One variable: `ARGS`, `&ARGS:x`, `REQUEST_HEADERS:/re/`, `XML:/*`. */
export interface Target {
  /** Upper case, as ModSecurity spells it; aliases resolved (`ARGS_GET_NAMES`, …). */
  readonly collection: string;
  readonly isCount: boolean;
  readonly selector: Selector | undefined;
  /** As written. */
  readonly text: string;
}

export type Selector =
  /** Compared without regard to case. */
  | { readonly kind: "key"; readonly key: Bytes }
  | { readonly kind: "regex"; readonly regex: Regex; readonly text: string }
  | { readonly kind: "xpath"; readonly path: string };

/** Text with `%{…}` in it. A part is text or a variable. */
export interface Template {
  readonly text: Bytes;
  readonly parts: readonly (Bytes | MacroPart)[];
  readonly isDynamic: boolean;
}

export interface MacroPart {
  /** Upper case: `TX`, `MATCHED_VAR`, `REQUEST_HEADERS`. */
  readonly collection: string;
  /** Lower case for TX, IP, GLOBAL, SESSION, … ; as written else. */
  readonly key: Bytes | undefined;
}

/** Collections in lower case: `tx`, `ip`, `global`, `session`, `user`, `resource`, `env`. Keys are templates. */
export type Effect =
  | {
      readonly kind: "setvar";
      readonly collection: string;
      readonly key: Template;
      readonly how: "set" | "add" | "subtract";
      readonly value: Template;
    }
  | { readonly kind: "unset"; readonly collection: string; readonly key: Template }
  | { readonly kind: "expirevar"; readonly collection: string; readonly key: Template; readonly seconds: Template }
  | { readonly kind: "initcol"; readonly collection: string; readonly key: Template }
  | { readonly kind: "setenv"; readonly name: string; readonly value: Template }
  | { readonly kind: "setsid" | "setuid" | "setrsc"; readonly value: Template }
  | CtlEffect;

export type CtlEffect =
  | { readonly kind: "ctl"; readonly what: "ruleRemoveById"; readonly ids: readonly IdRange[] }
  | {
      readonly kind: "ctl";
      readonly what: "ruleRemoveByTag" | "ruleRemoveByMsg";
      readonly pattern: Regex;
      readonly text: string;
    }
  | {
      readonly kind: "ctl";
      readonly what: "ruleRemoveTargetById";
      readonly ids: readonly IdRange[];
      readonly target: Target;
    }
  | {
      readonly kind: "ctl";
      readonly what: "ruleRemoveTargetByTag" | "ruleRemoveTargetByMsg";
      readonly pattern: Regex;
      readonly text: string;
      readonly target: Target;
    }
  | {
      readonly kind: "ctl";
      readonly what: "requestBodyProcessor";
      readonly processor: "URLENCODED" | "MULTIPART" | "XML" | "JSON";
    }
  | {
      readonly kind: "ctl";
      readonly what: "forceRequestBodyVariable" | "requestBodyAccess" | "responseBodyAccess";
      readonly isOn: boolean;
    }
  | { readonly kind: "ctl"; readonly what: "requestBodyLimit" | "responseBodyLimit"; readonly bytes: number }
  | { readonly kind: "ctl"; readonly what: "ruleEngine"; readonly mode: EngineMode };

export type EngineMode = "On" | "Off" | "DetectionOnly";

/** Inclusive. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

export interface RuleSettings {
  /** What the files say; undefined: they say nothing and the plan decides. */
  readonly engine: EngineMode | undefined;
  readonly requestBodyAccess: boolean | undefined;
  readonly requestBodyLimit: number | undefined;
  readonly requestBodyNoFilesLimit: number | undefined;
  readonly requestBodyLimitAction: "Reject" | "ProcessPartial" | undefined;
  readonly requestBodyJsonDepthLimit: number | undefined;
  readonly argumentsLimit: number | undefined;
  readonly responseBodyAccess: boolean | undefined;
  readonly responseBodyLimit: number | undefined;
  readonly responseBodyLimitAction: "Reject" | "ProcessPartial" | undefined;
  /** Lower case. */
  readonly responseBodyMimeTypes: readonly string[] | undefined;
  readonly argumentSeparator: string | undefined;
  readonly collectionTimeoutSeconds: number | undefined;
  /** What rule sets call themselves. */
  readonly componentSignatures: readonly string[];
  readonly webAppId: string | undefined;
}

/** Something that a file says and that this engine does not do. */
export interface Unsupported {
  readonly file: string;
  readonly line: number;
  readonly kind: "directive" | "variable" | "operator" | "action" | "transformation" | "regex" | "syntax";
  readonly what: string;
  /** `rule_left_out`: the rule is not there; `ignored`: the rest works without it. */
  readonly effect: "rule_left_out" | "ignored";
  readonly reason: string;
  /** The file is wrong, and ModSecurity would not take it either; else it is right, and only this engine does not do it. */
  readonly isFault: boolean;
  /** Of the rule, where it is known. */
  readonly ruleId?: number | undefined;
}
