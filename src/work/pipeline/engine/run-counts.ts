/**
 * Where every record went, over the whole run: committed batches only, stored with the checkpoint so that a resumed run
 * goes on counting. `in + added = out + filtered + dead-lettered + skipped` must hold for every stage, what one stage
 * lets out the next takes in, and what the last lets out is written.
 */
import { addCounts, emptyCounts, type ItemResult, type StageCounts } from "./types.ts";

export interface CountsJson {
  readonly source: StageCounts;
  readonly stages: readonly StageCounts[];
  readonly written: number;
}

export class RunCounts {
  /** Records read, handed on, and malformed. */
  readonly source = emptyCounts();
  readonly stages: readonly StageCounts[];
  /** Records that the sink took. */
  written = 0;

  constructor(stages: number, stored?: CountsJson) {
    this.stages = Array.from({ length: stages }, emptyCounts);
    if (!stored) return;
    addCounts(this.source, stored.source);
    this.stages.forEach((counts, index) => {
      addCounts(counts, stored.stages[index] ?? emptyCounts());
    });
    this.written = stored.written;
  }

  add({ counts, malformed }: ItemResult, oversized: number): void {
    counts.forEach((more, index) => {
      addCounts(this.stages[index]!, more);
    });
    const read = counts[0]?.in ?? 0;
    this.source.in += read + malformed + oversized;
    this.source.out += read;
    this.source.deadLettered += malformed + oversized;
  }

  /** What does not add up, in words; empty when every record is accounted for. */
  faults(names: readonly string[]): string[] {
    const lines = [
      ["source", this.source] as const,
      ...this.stages.map((counts, index) => [names[index]!, counts] as const),
    ];
    const faults = lines.flatMap(([name, counts]) => balanceFault(name, counts));
    for (let index = 1; index < lines.length; index++) {
      const [before, after] = [lines[index - 1]!, lines[index]!];
      if (before[1].out !== after[1].in)
        faults.push(`${before[0]} let ${before[1].out} out, ${after[0]} took ${after[1].in} in`);
    }
    const [last, { out }] = lines.at(-1)!;
    if (out !== this.written) faults.push(`${last} let ${out} out, the sink took ${this.written}`);
    return faults;
  }
}

export function toJson({ source, stages, written }: RunCounts): CountsJson {
  return { source: { ...source }, stages: stages.map((counts) => ({ ...counts })), written };
}

function balanceFault(name: string, counts: StageCounts): string[] {
  const left = counts.out + counts.filtered + counts.deadLettered + counts.skipped;
  if (counts.in + counts.added === left) return [];
  return [`${name}: ${counts.in} in and ${counts.added} added, but ${left} out, filtered, dead-lettered or skipped`];
}
