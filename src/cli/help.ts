/** What --help shows. */
import type { CommandTable } from "./command.ts";

export function groupHelp(path: readonly string[], about: string, table: CommandTable): string {
  const width = Math.max(...Object.keys(table).map((name) => name.length));
  const rows = Object.entries(table).map(([name, entry]) => `  ${name.padEnd(width)}  ${entry.about}`);
  const program = path.join(" ");
  const example =
    path.length === 1 ? `${program} run config/basic_pipeline.txt` : `${program} ${Object.keys(table)[0]} --help`;
  return [
    `${program}: ${about}`,
    "",
    `Usage: ${program} COMMAND [OPTIONS]`,
    "",
    ...rows,
    "",
    `Example: ${example}`,
    `More: ${program} COMMAND --help`,
  ].join("\n");
}

export function commandHelp(path: readonly string[], usage: string, examples: readonly string[]): string {
  const lines = examples.map((example) => `  ${path[0]} ${example}`);
  return `${usage.trimEnd()}\n\nEXAMPLES\n\n${lines.join("\n")}`;
}
