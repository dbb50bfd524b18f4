/** The command line of a benchmark, said once: each option with its form and its words; usage and reading follow from that. */
import { parseArgs } from "node:util";
import { chosenNames } from "./chosen-names.ts";
import { wholeNumber } from "./whole-number.ts";

export interface BenchOption<T> {
  /** Behind its name in the usage; a flag has none. */
  readonly hint: string;
  readonly about: string;
  readonly isFlag?: boolean;
  read(name: string, text: string | undefined): T;
}

export type BenchOptions<O> = { readonly [Name in keyof O]: O[Name] extends BenchOption<infer T> ? T : never };

export function names<Name extends string>(all: readonly Name[], about = "these alone"): BenchOption<readonly Name[]> {
  return { hint: "A,B", about: `${about}: ${all.join(", ")}`, read: (_, text) => chosenNames(text, all) };
}

export function count(otherwise: number, about: string): BenchOption<number> {
  const words = `${about} (default ${otherwise.toLocaleString("en-US")})`;
  return { hint: "N", about: words, read: (name, text) => wholeNumber(name, text, otherwise) };
}

export function flag(about: string): BenchOption<boolean> {
  return { hint: "", about, isFlag: true, read: (_, text) => text !== undefined };
}

/** The usage as text when it should be shown. Throws on what it does not know. */
export function readOptions<O extends Readonly<Record<string, BenchOption<unknown>>>>(
  script: string,
  options: O,
  words: readonly string[],
): BenchOptions<O> | string {
  const forms = Object.entries(options).map(
    ([name, { isFlag }]) => [name, { type: isFlag ? "boolean" : "string" }] as const,
  );
  const { values } = parseArgs({
    args: [...words],
    options: { help: { type: "boolean" }, ...Object.fromEntries(forms) },
  });
  if (values.help) return usageOf(script, options);
  const given: Readonly<Record<string, string | boolean | undefined>> = values;
  const textOf = (name: string): string | undefined => (given[name] === undefined ? undefined : String(given[name]));
  const read = Object.entries(options).map(([name, option]) => [name, option.read(name, textOf(name))]);
  return Object.fromEntries(read) as BenchOptions<O>; // by name what each option reads
}

function usageOf(script: string, options: Readonly<Record<string, BenchOption<unknown>>>): string {
  const lines = Object.entries(options).map(
    ([name, { about, hint }]) => [`--${name} ${hint}`.trimEnd(), about] as const,
  );
  const width = Math.max(...lines.map(([left]) => left.length));
  return [`npm run ${script} -- [options]`, ...lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)].join(
    "\n",
  );
}
