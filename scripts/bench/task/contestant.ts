/** What the benchmark asks of everybody. */
import type { Shape } from "./graphs.ts";

export interface Contestant {
  readonly name: string;
  readonly label: string;
  readonly shape: Shape;
  /** Milliseconds from the graph being handed over to its last task being done, on a store that is new. */
  run(tasks: number): Promise<number>;
}

/** Who cannot take part says why. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}
