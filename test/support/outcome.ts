/**
 * What a run leaves behind, as far as it may depend on its input alone: output, dead letters, counts, audit chain. Two
 * runs over one input must leave the same, whatever died on the way.
 */
import { existsSync, readFileSync } from "node:fs";
import type { StageCount, Summary } from "./workspace.ts";

export interface Outcome {
  readonly output: Buffer;
  /** Lines of the dead-letter file. */
  readonly letters: readonly string[];
  /** Lines of the audit file; none without one. */
  readonly audit: readonly string[];
  readonly summary: Summary;
}

export interface OutcomePaths {
  readonly output: string;
  readonly audit?: string;
}

export function readOutcome(summary: Summary, paths: OutcomePaths): Outcome {
  const audit = paths.audit ? linesOf(paths.audit) : [];
  return { output: readFileSync(paths.output), letters: linesOf(summary.deadLetters), audit, summary };
}

/** In words, what the second run left otherwise than the first; empty when it left the same. */
export function differences(reference: Outcome, found: Outcome): string[] {
  return [
    ...outputDifference(reference.output, found.output),
    ...lineDifference("dead letter", reference.letters.map(withoutTime), found.letters.map(withoutTime)),
    ...lineDifference("audit line", reference.audit.map(withoutRun), found.audit.map(withoutRun)),
    ...lineDifference("count", countLines(reference.summary), countLines(found.summary)),
    ...found.summary.faults.map((fault) => `it does not add up: ${fault}`),
    ...missingRecords(found),
  ];
}

/** For a pipeline whose records leave as they come: the same whatever their order was. */
export function withoutOrder({ output, letters, ...rest }: Outcome): Outcome {
  const lines = output.toString().split("\n").sort();
  const sorted = letters.map(withoutTime).sort();
  return { ...rest, output: Buffer.from(lines.join("\n")), letters: sorted };
}

/** The run's own sums against the file: nobody has to believe the counters. */
function missingRecords({ output, summary }: Outcome): string[] {
  const lines = output.toString("latin1").split("\n").length - 1;
  return lines === summary.written ? [] : [`the output has ${lines} records, the counts say ${summary.written}`];
}

function outputDifference(reference: Buffer, found: Buffer): string[] {
  if (reference.equals(found)) return [];
  const shorter = Math.min(reference.length, found.length);
  let at = 0;
  while (at < shorter && reference[at] === found[at]) at++;
  const sizes = `${found.length} bytes instead of ${reference.length}`;
  return [`the output differs from byte ${at} on (${sizes}): ${around(found, at)} instead of ${around(reference, at)}`];
}

function around(bytes: Buffer, at: number): string {
  return JSON.stringify(bytes.toString("utf8", Math.max(0, at - 40), at + 80));
}

function lineDifference(what: string, reference: readonly string[], found: readonly string[]): string[] {
  const counts = found.length === reference.length ? [] : [`${found.length} ${what}s instead of ${reference.length}`];
  const at = reference.findIndex((line, index) => line !== found[index]);
  if (at < 0) return counts;
  return [...counts, `${what} ${at + 1} is ${found[at] ?? "missing"} instead of ${reference[at]}`];
}

function withoutTime(line: string): string {
  const { time: _time, ...rest } = JSON.parse(line) as Record<string, unknown>;
  return JSON.stringify(rest);
}

/** The run's own id, and with it the hashes, differ from run to run; what they vouch for does not. */
function withoutRun(line: string): string {
  const { batch, n, stage, count, time, digest } = JSON.parse(line) as Record<string, unknown>;
  return JSON.stringify({ n, stage, count, time, digest, batch: String(batch).slice(String(batch).indexOf("/")) });
}

function countLines({ stages, written }: Summary): string[] {
  return [...stages.map(stageLine), `written ${written}`];
}

/** Retries and restarts are what the disturbance costs; everything else is the result. */
function stageLine({ retries: _retries, restarts: _restarts, ...counts }: StageCount): string {
  return JSON.stringify(counts);
}

function linesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
