/**
 * Changes of the configuration, one at a time. One voter more or less takes one step, since majorities before and after overlap; more go
 * through a joint configuration that needs both majorities (§4.3 of the dissertation), which the leader leaves by itself.
 */
import { isConfiguration, isJoint, isSameConfiguration, voterChanges } from "./configuration.ts";
import type { Core } from "./core.ts";
import type { Configuration, NodeId } from "./messages.ts";
import type { Replication } from "./replication.ts";

export interface Change {
  readonly id: number;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

export class Changes {
  readonly #core: Core;
  readonly #replication: Replication;
  readonly #append: (configuration: Configuration) => void;
  #pending: number | undefined;

  constructor(core: Core, replication: Replication, append: (configuration: Configuration) => void) {
    this.#core = core;
    this.#replication = replication;
    this.#append = append;
  }

  start({ id, learners, voters }: Change): void {
    const core = this.#core;
    const { configuration, rules } = core;
    const wished: Configuration = { voters, votersOutgoing: [], learners };
    if (!isConfiguration(wished)) return core.refuse(id, "invalid");
    if (this.#isBusy && !rules.mayOverlapChanges) return core.refuse(id, "in_progress");
    if (isSameConfiguration(wished, configuration)) return core.emit({ type: "done", id });
    const { added, removed } = voterChanges(configuration, voters);
    if (added.some((node) => rules.isTooFarBehind(this.#lagOf(node), core.options))) return core.refuse(id, "invalid");
    this.#pending = id;
    const needsJoint = rules.needsJoint(added.length + removed.length);
    this.#append(needsJoint ? { ...wished, votersOutgoing: configuration.voters } : wished);
  }

  /** What is in force may be committed now: a joint one is left, and who asked for the change is told of its end. */
  advance(): void {
    const core = this.#core;
    const { configuration, configurations } = core;
    if (core.commit < configurations.latestIndex || core.commit < this.#replication.ownFrom) return;
    if (isJoint(configuration)) return this.#append({ ...configuration, votersOutgoing: [] });
    if (this.#pending === undefined) return;
    core.emit({ type: "done", id: this.#pending });
    this.#pending = undefined;
  }

  end(): void {
    if (this.#pending !== undefined) this.#core.refuse(this.#pending, "lost_leadership");
    this.#pending = undefined;
  }

  get #isBusy(): boolean {
    const { commit, configuration, configurations } = this.#core;
    return commit < configurations.latestIndex || commit < this.#replication.ownFrom || isJoint(configuration);
  }

  #lagOf(id: NodeId): number {
    if (id === this.#core.id) return 0;
    return this.#core.log.lastIndex - (this.#replication.followers.get(id)?.match ?? 0);
  }
}
