/** Prints a pipeline file so that parsing it gives the same pipeline; what equals its default is left out. */

import { Failure } from "../../../base/errors.ts";
import type { ParamSpec } from "../../../sdk/index.ts";
import { escapeText, formatDuration, formatSize } from "../../lines/index.ts";
import { engineParamNames, engineSchema } from "./engine-params.ts";
import { FALLBACK_PREFIX, valueFields } from "./fields.ts";
import { type SettingName, settingSchema } from "./settings.ts";
import type { End, PipelineFile, StageSpec } from "./types.ts";

type Pair = readonly [key: string, value: string];

export function formatPipelineFile(file: PipelineFile): string {
  const settings = changedSettings(file);
  const lines = [
    ...(settings.length > 0 ? [`set|${formatPairs(settings)}`] : []),
    ...(file.source ? [formatEnd("source", file.source)] : []),
    ...file.stages.map(formatStage),
    ...(file.sink ? [formatEnd("sink", file.sink)] : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function changedSettings({ settings }: PipelineFile): Pair[] {
  return (Object.keys(settingSchema) as SettingName[]) // the schema's keys are the setting names
    .filter((name) => settings[name] !== undefined && settings[name] !== defaultOf(settingSchema[name]))
    .map((name): Pair => [name, formatValue(settings[name], settingSchema[name])]);
}

function defaultOf(spec: ParamSpec): unknown {
  return spec.default;
}

function formatValue(value: unknown, spec: ParamSpec): string {
  if (spec.kind === "duration") return formatDuration(Number(value));
  if (spec.kind === "list") return (value as readonly string[]).map((item) => item.replaceAll(";", "\\;")).join(";"); // converted by this spec
  return spec.kind === "size" ? formatSize(Number(value)) : String(value);
}

function formatEnd(role: "source" | "sink", end: End): string {
  const fields = [end.name, `${role}:${formatText(end.kind, "|")}`, formatPairs(pairsOf(end.params))];
  return withoutEmptyTail(fields).join("|");
}

function formatStage(stage: StageSpec): string {
  const pairs = pairsOf(stage.params);
  for (const name of engineParamNames) {
    const value = stage.engine[name];
    if (value !== undefined) pairs.push([name, formatValue(value, engineSchema[name])]);
  }
  if (stage.fallback) {
    pairs.push(["fallback", stage.fallback.library]);
    pairs.push(...pairsOf(stage.fallback.params).map(([key, value]): Pair => [FALLBACK_PREFIX + key, value]));
  }
  const { enabled, failover_policy, max_retries, timeout_ms } = valueFields;
  const fields = [
    stage.name,
    formatText(stage.library, "|"),
    formatPairs(pairs),
    stage.enabled === enabled.default ? "" : String(stage.enabled),
    stage.policy === failover_policy.default ? "" : stage.policy,
    stage.maxRetries === max_retries.default ? "" : String(stage.maxRetries),
    stage.timeoutMs === timeout_ms.default ? "" : formatDuration(stage.timeoutMs),
  ];
  return withoutEmptyTail(fields).join("|");
}

function withoutEmptyTail(fields: readonly string[]): readonly string[] {
  return fields.slice(0, fields.findLastIndex((field) => field !== "") + 1);
}

function pairsOf(params: StageSpec["params"]): Pair[] {
  return params.map(({ key, value }): Pair => [key, value]);
}

function formatPairs(pairs: readonly Pair[]): string {
  return pairs.map(([key, value]) => `${formatText(key, "|,=")}=${formatText(value, "|,=")}`).join(",");
}

/** A line-based file cannot hold a line break in a value: refuse rather than write another pipeline. */
function formatText(text: string, special: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) {
    const message = `printing a pipeline file: ${JSON.stringify(text)} has a control character, printable text is required`;
    throw new Failure("pipeline.format.control_character", message);
  }
  return escapeText(text, special);
}
