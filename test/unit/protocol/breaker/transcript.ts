/**
 * Golden transcripts: a text file of options and inputs (`@ms input …`), each input followed by what came of it (indented).
 * `run` replays the inputs and writes the text anew; equal text is a passed test.
 *
 *   options JSON
 *   @MS admit | succeeded TICKET | failed TICKET REASON | cancelled TICKET | trip REASON | reset | tick | counts
 */
import { Breaker, type BreakerDecision, type BreakerInput } from "../../../../src/protocol/breaker/index.ts";

export function run(text: string): string {
  let breaker: Breaker | undefined;
  const written: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    const [first = "", ...words] = line.split(" ");
    if (first === "options") breaker = new Breaker(JSON.parse(words.join(" ")));
    if (first.startsWith("@"))
      written.push(...happen(breaker!, words, Number(first.slice(1))).map((each) => `  ${each}`));
  }
  return written.join("\n");
}

function happen(breaker: Breaker, words: readonly string[], nowMs: number): string[] {
  if (words[0] === "counts") return [JSON.stringify(breaker.counts())];
  const asked = words[0] === "admit" ? breaker.admit(nowMs) : undefined;
  const effects = asked ? asked.effects : breaker.step(inputOf(words), nowMs);
  return [
    ...effects.map(({ atMs, from, reason, to }) => `${from} → ${to} @${atMs}: ${reason}`),
    ...(asked ? [textOf(asked.decision)] : []),
    ...(breaker.nextDeadlineMs === undefined ? [] : [`deadline @${breaker.nextDeadlineMs}`]),
  ];
}

function inputOf([type, ...rest]: readonly string[]): BreakerInput {
  if (type === "tick" || type === "reset") return { type };
  if (type === "trip") return { type, reason: rest.join(" ") };
  const ticket = Number(rest[0]);
  if (type === "failed") return { type, ticket, reason: rest.slice(1).join(" ") };
  if (type === "succeeded" || type === "cancelled") return { type, ticket };
  throw new Error(`no such input: ${type}`);
}

function textOf(decision: BreakerDecision): string {
  if (decision.type === "admitted") return `admitted ${decision.ticket}${decision.probe ? " as a probe" : ""}`;
  const { lastFailure, retryAfterMs } = decision;
  const when = retryAfterMs === undefined ? "when a probe has ended" : `after ${retryAfterMs} ms`;
  return `refused, again ${when} (${lastFailure})`;
}
