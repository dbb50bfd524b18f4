/**
 * Golden transcripts: a text file of options and inputs (`@ms input …`), each input followed by its effects (indented).
 * `run` replays the inputs and writes the text anew; equal text is a passed test. Chance always says a half.
 *
 *   options JSON
 *   @MS start | stop | passed CHECK | failed CHECK REASON | pause | resume | tick | counts
 */
import { HealthChecker, type HealthEffect, type HealthInput } from "../../../../src/protocol/health/index.ts";

const HALF = { next: () => 0.5, below: (bound: number) => Math.floor(bound / 2) };

export function run(text: string): string {
  let checker: HealthChecker | undefined;
  const written: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    const [first = "", ...words] = line.split(" ");
    if (first === "options") checker = new HealthChecker(JSON.parse(words.join(" ")), HALF);
    if (first.startsWith("@"))
      written.push(...happen(checker!, words, Number(first.slice(1))).map((each) => `  ${each}`));
  }
  return written.join("\n");
}

function happen(checker: HealthChecker, words: readonly string[], nowMs: number): string[] {
  if (words[0] === "counts") return [JSON.stringify(checker.counts())];
  return [
    ...checker.step(inputOf(words), nowMs).map(textOf),
    ...(checker.nextDeadlineMs === undefined ? [] : [`deadline @${checker.nextDeadlineMs}`]),
  ];
}

function inputOf([type, check, ...reason]: readonly string[]): HealthInput {
  if (type === "failed") return { type, check: Number(check), reason: reason.join(" ") };
  if (type === "passed") return { type, check: Number(check) };
  if (type === "start" || type === "stop" || type === "pause" || type === "resume" || type === "tick") return { type };
  throw new Error(`no such input: ${type}`);
}

function textOf(effect: HealthEffect): string {
  if (effect.type === "check") return `check ${effect.check}`;
  return `${effect.from} → ${effect.to} @${effect.atMs}: ${effect.reason}`;
}
