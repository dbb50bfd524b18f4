/** One caller over a table that a test fills, with fakes for the links to other nodes and a clock that the test moves. */
import { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import type { RequestOptions } from "../../../../src/wire/link/index.ts";
import {
  type CallerOptions,
  type CallerPorts,
  type CallLink,
  ClusterServices,
} from "../../../../src/work/service/caller/index.ts";
import { Catalogue, OffersTable } from "../../../../src/work/service/registry/index.ts";
import type { ServiceOffer } from "../../../../src/work/service/words/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { bytesOf, FakeLocal } from "./fakes.ts";

export interface Asked {
  readonly node: string;
  readonly version: string;
  readonly method: string;
  readonly options: RequestOptions;
}

/** What a node answers; a Failure is what its link fails with. */
export type NodeAnswer = (asked: Asked) => unknown;

export class Bench {
  readonly clock = new SteppedClock();
  readonly local = new FakeLocal();
  readonly table = new OffersTable("self");
  readonly asked: Asked[] = [];
  readonly services: ClusterServices;
  readonly #links = new Map<string, CallLink>();
  #revision = 0;

  constructor(more: Partial<CallerPorts> = {}, options: CallerOptions = {}) {
    this.table.admit("self");
    this.services = new ClusterServices(
      {
        self: "self",
        clock: this.clock,
        random: seededRandom(7),
        catalogue: new Catalogue(this.table),
        local: this.local,
        linkOf: (node) => this.#links.get(node),
        ...more,
      },
      options,
    );
  }

  /** Of this node. */
  offersHere(...services: readonly ServiceOffer[]): void {
    this.local.set(...services);
    this.table.put({ node: "self", instance: "self-1", revision: ++this.#revision, services });
  }

  /** Of another node, which answers so from now on. */
  offersAt(node: string, services: readonly ServiceOffer[], answer: NodeAnswer = () => node): void {
    this.table.admit(node);
    this.table.put({ node, instance: `${node}-1`, revision: ++this.#revision, services });
    this.table.reach(node, true);
    this.#links.set(node, {
      isOpen: true,
      request: async (_topic, payload, options = {}) => {
        const [, version, method] = payload as readonly string[]; // as the caller writes it
        const asked = { node, version: version!, method: method!, options };
        this.asked.push(asked);
        const given = await answer(asked);
        if (given instanceof Failure) throw given;
        return given instanceof Uint8Array ? given : bytesOf(given);
      },
      openStream: () => {
        throw new Failure("link.overloaded", "no streams here", { retryable: true });
      },
    });
  }

  dropLink(node: string): void {
    this.#links.delete(node);
  }

  /** Lets what waits for time go on until this is done. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): void => {
      isDone = true;
    };
    promise.then(done, done);
    while (!isDone) {
      await Bun.sleep(0);
      if (!isDone) this.clock.advance(10);
    }
    return await promise;
  }

  nodesAsked(): readonly string[] {
    return this.asked.map(({ node }) => node);
  }
}

/** As a node's services say it when they have not begun. */
export function unavailable(): Failure {
  return new Failure("service.unavailable", "not here", { retryable: true, data: { begun: false } });
}

export function exited(): Failure {
  return new Failure("service.exited", "its process died", { retryable: true, data: { begun: true } });
}
