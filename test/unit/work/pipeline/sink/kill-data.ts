/** The batches that the child and its parent both know. */
import type { TestRecord } from "./support.ts";

export function killBatch(number: number): TestRecord[] {
  return Array.from({ length: 50 }, (_, i) => ({ id: number * 50 + i, text: `text ${number}`.repeat(i % 5) }));
}
