/**
 * Answers the contract `overview`. Many may look at once: looks within a moment share one, so that viewers cost a node no more than
 * one of them does.
 */
import { implement, type Service } from "../../wire/rpc/index.ts";
import { Changes, type SeenPipeline } from "./changes.ts";
import { EventRing, type NewEvent } from "./event-ring.ts";
import { type Gathered, gather } from "./gather.ts";
import { memberEvent } from "./member-events.ts";
import { overviewContract } from "./overview-contract.ts";
import type { OverviewPorts } from "./ports.ts";

/** Viewers ask once a second: nobody sees that a look is this old. */
const SHARED_MS = 400;

type MembershipEvents = Parameters<typeof memberEvent>[0];

export class OverviewDesk {
  readonly service: Service;
  readonly #ports: OverviewPorts;
  readonly #events: EventRing;
  readonly #changes: Changes;
  #looks = 0;
  #seen = 0;
  #look: { readonly startedMs: number; readonly gathered: Promise<Gathered> } | undefined;

  constructor(ports: OverviewPorts) {
    this.#ports = ports;
    this.#events = new EventRing(() => ports.clock.now());
    this.#changes = new Changes((event) => this.#events.add(event));
    this.service = implement(overviewContract, {
      snapshot: async ({ events_after: after = 0 }) => {
        const gathered = await this.#shared();
        return { ...gathered, events: this.#events.after(after), lastEvent: this.#events.lastId };
      },
    });
  }

  /** For parts that hear of things as they happen: swaps, services, drains. */
  tell(event: NewEvent): void {
    this.#events.add(event);
  }

  /** Of the membership of this node. */
  tellMembership(event: MembershipEvents): void {
    this.#events.add(memberEvent(event, this.#ports.node.id));
  }

  /** A master hears of each change of its pipelines. */
  tellPipeline(pipeline: SeenPipeline): void {
    this.#changes.tellPipeline(pipeline);
  }

  #shared(): Promise<Gathered> {
    const nowMs = this.#ports.clock.monotonic();
    if (this.#look && nowMs - this.#look.startedMs < SHARED_MS) return this.#look.gathered;
    const since = this.#changes.turn;
    const gathered = gather(this.#ports);
    const number = ++this.#looks;
    this.#look = { startedMs: nowMs, gathered };
    return gathered.then((look) => {
      if (number > this.#seen) this.#changes.see(look, since); // a slow one may come behind the next one
      this.#seen = Math.max(this.#seen, number);
      return look;
    });
  }
}
