/** Where a benchmark works: its temporary directory, the program under test and the input. */
import type { BenchInput } from "./orders.ts";

export interface Site {
  readonly directory: string;
  readonly executable: string;
  readonly input: BenchInput;
}
