/**
 * A scenario: what runs on the nodes, what goes wrong, what must never happen, and what must have happened in the end. Data and
 * a few hooks; the runner does the rest. `cast` is called for each seed and makes everything that belongs to one run.
 */
import type { Random } from "../../../src/base/random.ts";
import type { FaultMix, FaultRunner, Launch, Weather, World } from "../world/index.ts";

export interface Setup {
  readonly seed: number;
  readonly random: Random;
  /** Name of a planted bug: one of the scenario's. */
  readonly bug: string | undefined;
}

export interface Scenario<Message> {
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** How long phase one lasts: faults happen, and only safety is demanded. */
  readonly faultsMs: number;
  /** Phase two: all faults have ended, and the goal must be reached in this time. */
  readonly convergeMs: number;
  /** How often `check` is called. */
  readonly checkEveryMs: number;
  /** A seed costs too much to be run thousands of times: `--seeds` is lowered to this unless a seed is named. */
  readonly seedsMax?: number;
  /** Bugs that can be planted, in words; the checkers must find each within 1,000 seeds. */
  readonly bugs: Readonly<Record<string, string>>;
  /** Whole parts with promises run on the nodes: slower, as they are settled after each event. */
  readonly isOfParts?: boolean;
  cast(setup: Setup): Cast<Message>;
}

export interface Cast<Message> {
  readonly nodes: number;
  readonly launch: Launch<Message>;
  readonly weather: Weather;
  readonly mix: FaultMix;
  /** Kills stop at so many nodes that are up. */
  readonly upMin: number;
  /** At most so many are killed for good. */
  readonly goneMax?: number;
  tagOf(message: Message): number;
  describe(message: Message): string;
  sizeOf?(message: Message): number;
  /** At time 0: starts the nodes. */
  begin(stage: Stage<Message>): void;
  /** A fault of the kind `act`. */
  act?(stage: Stage<Message>, name: string, node: number, forMs: number): void;
  /** All faults have just ended; processes that were to come back run again. */
  healed?(stage: Stage<Message>): void;
  /** Safety: what is wrong now. Checkers inside of the nodes throw a `Violation` instead. */
  check?(stage: Stage<Message>): string | undefined;
  /** What is still missing for the goal; undefined once it is reached. */
  goal(stage: Stage<Message>): string | undefined;
  /** Of the end state, for the digest; and numbers that the command adds up over all seeds. */
  measures?(stage: Stage<Message>): Readonly<Record<string, number>>;
  /** Lines for people, where one run is worth a table. */
  report?(stage: Stage<Message>): readonly string[];
}

export interface Stage<Message> {
  readonly world: World<Message>;
  readonly faults: FaultRunner<Message>;
}

/** Something has happened that must never happen. */
export class Violation extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Violation";
  }
}

/** A scenario as the runner and the command see it, whatever its messages are. */
export type AnyScenario = Scenario<unknown>;

export function defineScenario<Message>(scenario: Scenario<Message>): AnyScenario {
  // Messages come from the scenario's own nodes and go to its own hooks only: nobody between them looks inside.
  return scenario as unknown as AnyScenario;
}
