/**
 * The pipelines that were named when a master was started: submitted once, to whoever leads, and watched until they are over. Each
 * master of a group may name the same ones.
 */
import { resolve } from "node:path";
import { type Clock, pause } from "../../base/clock.ts";
import { Failure, toFailure } from "../../base/errors.ts";
import type { RunSummary } from "../run-pipeline.ts";
import type { Leadership } from "./leadership.ts";
import type { SubmitRequest } from "./pipelines.ts";
import type { PipelineView } from "./pipelines-contract.ts";

/** Between two looks at what another master does, and between two tries to have it taken. */
const LOOK_MS = 500;

const OVER: ReadonlySet<PipelineView["state"]> = new Set(["ended", "failed", "cancelled", "paused"]);

export interface NamedOutcome {
  readonly state: PipelineView["state"];
  /** Where this master has led at its end. */
  readonly summary: RunSummary | undefined;
}

export interface NamedPipelinesPorts {
  readonly clock: Clock;
  readonly leadership: Pick<Leadership, "call" | "leading">;
  readonly requests: readonly SubmitRequest[];
}

export class NamedPipelines {
  readonly #ports: NamedPipelinesPorts;
  readonly #end = new AbortController();
  #ids: readonly string[] = [];
  #outcomes: readonly NamedOutcome[] = [];
  #look: () => void = () => {};

  constructor(ports: NamedPipelinesPorts) {
    this.#ports = ports;
  }

  /** As they were seen last. */
  get outcomes(): readonly NamedOutcome[] {
    return this.#outcomes;
  }

  /** Resolves when somebody has taken all of them. Fails with what is wrong with one of them. */
  async submit(): Promise<void> {
    const views = await Promise.all(this.#ports.requests.map((request) => this.#submitOnce(request)));
    this.#ids = views.flatMap((view) => view?.id ?? []);
  }

  /** Resolves when all are over; never, when there are none or it is closed first. */
  async over(): Promise<void> {
    if (this.#ids.length === 0) return new Promise(() => {});
    for (;;) {
      const changed = new Promise<void>((looked) => {
        this.#look = looked;
      });
      if (await this.#areOver()) return;
      const look = new AbortController();
      await Promise.race([changed, pause(this.#ports.clock, LOOK_MS, look.signal)]);
      look.abort();
      if (this.#end.signal.aborted) return new Promise(() => {});
    }
  }

  /** Something of some pipeline here is another now. */
  changed(): void {
    this.#look();
  }

  close(): void {
    this.#end.abort();
    this.#look();
  }

  async #submitOnce({ fresh, path }: SubmitRequest): Promise<PipelineView | undefined> {
    const input = { path: resolve(path), once: true, ...(fresh && { fresh }) };
    while (!this.#end.signal.aborted) {
      try {
        const call = { contract: "pipelines", method: "submit", input };
        const { pipeline } = (await this.#ports.leadership.call(call, this.#end.signal)) as { pipeline: PipelineView }; // as the contract says
        return pipeline;
      } catch (thrown) {
        const failure = toFailure(thrown, "master.submit");
        if (!failure.retryable) throw failure;
      }
      await pause(this.#ports.clock, LOOK_MS, this.#end.signal);
    }
    return undefined;
  }

  async #areOver(): Promise<boolean> {
    const { leading } = this.#ports.leadership;
    if (leading) {
      const named = leading.pipelines.list().filter(({ entry }) => this.#ids.includes(entry.id));
      this.#outcomes = named.map(({ entry, summary }) => ({ state: entry.state, summary }));
      return named.every(({ isOver }) => isOver);
    }
    const views = await this.#elsewhere();
    if (!views) return false;
    this.#outcomes = views.map(({ state }) => ({ state, summary: undefined }));
    return views.every(({ state }) => OVER.has(state));
  }

  /** Undefined while nobody says. */
  async #elsewhere(): Promise<readonly PipelineView[] | undefined> {
    try {
      const call = { contract: "pipelines", method: "list", input: {} };
      const answer = (await this.#ports.leadership.call(call, this.#end.signal)) as { pipelines: PipelineView[] }; // as the contract says
      return answer.pipelines.filter(({ id }) => this.#ids.includes(id));
    } catch (thrown) {
      if (thrown instanceof Failure) return undefined; // looked at again
      throw thrown;
    }
  }
}
