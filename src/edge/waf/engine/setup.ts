/**
 * What rules need around them, as SecLang of our own: what the settings of the gateway file say (paranoia, thresholds), which bodies are read
 * as what, and that a body which cannot be read does not pass. It comes with every set of rules; what a rule file says about the same
 * rule id or directive counts instead, except for what the gateway file decides.
 */
import type { InTurns } from "../../../base/turns.ts";
import type { WafSettings } from "./words.ts";

export const SETUP_FILE = "gateway:setup";
export const SETTINGS_FILE = "gateway:settings";
export const EXCLUSIONS_FILE = "gateway:exclude";

interface OwnRule {
  readonly id: number;
  readonly text: string;
}

/** Ids as in ModSecurity's recommended configuration, so that rule sets which switch these off still do. */
const OWN_RULES: readonly OwnRule[] = [
  {
    id: 200000,
    text: `SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application|text)/(?:[a-z0-9.-]+[+])?xml" "id:200000,phase:1,pass,nolog,t:none,t:lowercase,ctl:requestBodyProcessor=XML"`,
  },
  {
    id: 200001,
    text: `SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" "id:200001,phase:1,pass,nolog,t:none,t:lowercase,ctl:requestBodyProcessor=JSON"`,
  },
  {
    id: 200006,
    text: `SecRule REQUEST_HEADERS:Content-Type "@rx ^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,pass,nolog,t:none,t:lowercase,ctl:requestBodyProcessor=JSON"`,
  },
  {
    id: 200002,
    text: `SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,deny,status:400,log,t:none,severity:CRITICAL,msg:'The body cannot be read',logdata:'%{REQBODY_ERROR_MSG}'"`,
  },
  {
    id: 200003,
    text: `SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,deny,status:400,log,t:none,severity:CRITICAL,msg:'The multipart body is not strict'"`,
  },
  {
    id: 200004,
    text: `SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" "id:200004,phase:2,deny,status:400,log,t:none,severity:CRITICAL,msg:'The multipart body holds what only looks like its boundary'"`,
  },
];

/** Before all files: what logs and passes by default, and those of our own rules whose ids no file uses. */
export function* setupText(texts: readonly string[]): InTurns<string> {
  const used = new Set<number>();
  for (const text of texts) {
    for (const { id } of OWN_RULES) if (new RegExp(`\\bid\\s*:\\s*'?${id}\\b`).test(text)) used.add(id);
    yield;
  }
  const rules = OWN_RULES.filter(({ id }) => !used.has(id)).map(({ text }) => text);
  const defaults = ["phase:1,log,auditlog,pass", "phase:2,log,auditlog,pass"].map(
    (actions) => `SecDefaultAction "${actions}"`,
  );
  return `${[...defaults, ...rules].join("\n")}\n`;
}

/** Behind the rule set's own setup, before its rules: the gateway file decides. Names of CRS 3 and CRS 4. */
export function settingsText(settings: WafSettings): string {
  const variables = [
    ["crs_setup_version", "334"],
    ["paranoia_level", settings.paranoia],
    ["executing_paranoia_level", settings.paranoia],
    ["blocking_paranoia_level", settings.paranoia],
    ["detection_paranoia_level", settings.paranoia],
    ["inbound_anomaly_score_threshold", settings.inboundThreshold],
    ["outbound_anomaly_score_threshold", settings.outboundThreshold],
  ];
  const effects = variables.map(([name, value]) => `setvar:'tx.${name}=${value}'`).join(",");
  return `SecAction "id:200900,phase:1,pass,nolog,t:none,${effects}"\n`;
}

/** One directive for each item of `exclude`, behind all files; what is none of its forms is told. */
export function exclusionsText(exclude: readonly string[]): {
  readonly text: string;
  readonly faults: readonly string[];
} {
  const lines: string[] = [];
  const faults: string[] = [];
  for (const item of exclude) {
    const target = /^(\d+(?:-\d+)?):(.+)$/.exec(item);
    if (/["\\\r\n]/.test(item)) faults.push(item);
    else if (target !== null) lines.push(`SecRuleUpdateTargetById ${target[1]} "!${target[2]}"`);
    else if (/^\d+(?:-\d+)?$/.test(item)) lines.push(`SecRuleRemoveById ${item}`);
    else {
      const tag = /^(?:tag:)?([A-Za-z_][\w./-]*)$/.exec(item)?.[1];
      if (tag === undefined) faults.push(item);
      else lines.push(`SecRuleRemoveByTag "^${tag.replaceAll(/[.]/g, "[.]")}$"`);
    }
  }
  return { text: `${lines.join("\n")}\n`, faults };
}
