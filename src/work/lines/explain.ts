/** Pieces of the text of `check --explain`, made from the tables that the parsers read, so that it cannot fall behind them. */
import type { ParamSchema, ParamSpec } from "../../sdk/index.ts";
import { allowedBriefly } from "./convert.ts";
import { formatDuration, formatSize } from "./units-text.ts";

const WIDTH = 100;

/** One entry for each parameter: its default, what it is and what is allowed. */
export function explainSchema(schema: ParamSchema): string[] {
  return Object.entries(schema).flatMap(([name, spec]) =>
    entry(name, headOf(spec), `${spec.describe}. ${sentence(spec)}`),
  );
}

export function section(title: string, lines: readonly string[]): string {
  return `${title}\n${"-".repeat(title.length)}\n${lines.join("\n")}\n`;
}

function headOf(spec: ParamSpec): string {
  if (spec.required) return "required";
  return spec.default === undefined ? "optional" : `default ${formatDefault(spec)}`;
}

function formatDefault(spec: ParamSpec): string {
  const value = spec.default;
  if (spec.kind === "duration") return formatDuration(Number(value));
  if (spec.kind === "size") return formatSize(Number(value));
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(";");
  return value === "" ? "empty" : String(value);
}

function sentence(spec: ParamSpec): string {
  return `Allowed: ${allowedBriefly(spec)}.`;
}

export function entry(name: string, head: string, text: string): string[] {
  return [head === "" ? `  ${name}` : `  ${name} (${head})`, ...wrap(text, "      ")];
}

export function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, line];
}
