/** All that the page knows of the cluster at a moment, and how it grows with each answer. Components read it and draw again when told. */
import type { Clock } from "../../../../base/clock.ts";
import type { Overview } from "../../words.ts";
import { type EventList, NO_EVENTS, withEvents } from "../logic/events.ts";
import { History } from "../logic/history.ts";
import { RestartMarks } from "../logic/restart-marks.ts";
import { seriesOf } from "../logic/series.ts";
import type { Call } from "./api.ts";
import { Poller, type PollState } from "./poller.ts";

export interface LivePorts {
  readonly clock: Clock;
  readonly call: Call;
  readonly isHidden: () => boolean;
}

export class Live {
  readonly history = new History();
  readonly marks = new RestartMarks();
  readonly #ports: LivePorts;
  readonly #poller: Poller;
  readonly #hearers = new Set<() => void>();
  #overview: Overview | undefined;
  #events: EventList = NO_EVENTS;
  #tookMs = 0;

  constructor(ports: LivePorts) {
    this.#ports = ports;
    this.#poller = new Poller({
      clock: ports.clock,
      isHidden: ports.isHidden,
      ask: () => this.#ask(),
      took: (overview) => this.#take(overview),
      changed: () => this.#tell(),
    });
  }

  get overview(): Overview | undefined {
    return this.#overview;
  }

  get events(): EventList {
    return this.#events;
  }

  get state(): PollState {
    return this.#poller.state;
  }

  /** By this machine's clock, when the last answer came. */
  get tookMs(): number {
    return this.#tookMs;
  }

  look(): void {
    this.#poller.look();
  }

  onChange(hear: () => void): () => void {
    this.#hearers.add(hear);
    return () => void this.#hearers.delete(hear);
  }

  close(): void {
    this.#poller.close();
    this.#hearers.clear();
  }

  async #ask(): Promise<Overview> {
    const { lastId } = this.#events;
    const answer = await this.#ports.call("overview", "snapshot", lastId > 0 ? { events_after: lastId } : {});
    return answer as Overview; // the node checks it against its contract
  }

  #take(overview: Overview): void {
    const nowMs = this.#ports.clock.now();
    if (!isSameLook(this.#overview, overview)) this.history.push(nowMs, seriesOf(this.#overview, overview));
    this.marks.see(overview.instances, nowMs);
    this.#events = withEvents(this.#events, overview);
    this.#overview = overview;
    this.#tookMs = nowMs;
  }

  #tell(): void {
    for (const hear of [...this.#hearers]) hear();
  }
}

/** A node gives one look to all who ask within a moment: there are no rates between a look and itself. */
function isSameLook(before: Overview | undefined, now: Overview): boolean {
  return before?.life === now.life && before.monotonicMs === now.monotonicMs;
}
