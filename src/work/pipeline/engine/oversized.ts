/** Dead letters for records that did not fit into a batch at all: no host ever sees them. */
import { formatBytes } from "../../../base/units.ts";
import type { Cut } from "../source/index.ts";

const NONE = { letters: new Uint8Array(0), count: 0 } as const;

export function oversizedLetters(
  pipeline: string,
  cut: Cut | undefined,
  time: string,
): { readonly letters: Uint8Array; readonly count: number } {
  if (!cut || cut.oversized.length === 0) return NONE;
  const lines = cut.oversized.map(({ line, bytes, prefix }) => {
    const reason = `the record has ${formatBytes(bytes)}, more than a batch may hold; its beginning is kept`;
    return `${JSON.stringify({ time, pipeline, stage: "source", reason, attempts: 1, batch: cut.id, line, text: prefix })}\n`;
  });
  return { letters: Buffer.from(lines.join("")), count: lines.length };
}
