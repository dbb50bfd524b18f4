/** Nodes in one process with real links between them: registry and caller of each over a fake of its services. */
import { systemClock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import type { Link, LinkHandlers, LinkPool } from "../../../../src/wire/link/index.ts";
import { type CallerOptions, type CallerPorts, ClusterServices } from "../../../../src/work/service/caller/index.ts";
import { OFFERS_TOPIC, ServiceRegistry } from "../../../../src/work/service/registry/index.ts";
import { openNode, type TestNode } from "../../wire/link/support.ts";
import { FakeLocal } from "./fakes.ts";

export class RigNode {
  readonly id: string;
  readonly node: TestNode;
  readonly pool: LinkPool;
  readonly local = new FakeLocal();
  readonly registry: ServiceRegistry;
  readonly services: ClusterServices;
  readonly warnings: string[] = [];
  readonly #hear = new Set<(node: string, isMember: boolean) => void>();
  isUp = true;

  constructor(id: string, life: number, rig: Rig, more: Partial<CallerPorts>, options: CallerOptions) {
    this.id = id;
    const random = seededRandom(life);
    const topics: Record<string, LinkHandlers[string]> = {};
    const adopt = (link: Link): void => void this.pool.adopt(link);
    this.node = openNode(id, { handlers: topics, onLink: adopt });
    this.pool = this.node.pool({ random });
    this.registry = new ServiceRegistry({
      self: { id, instance: `${id}-${life}` },
      clock: systemClock,
      random,
      local: this.local,
      members: () => rig.membersFor(this),
      onMember: (hear) => {
        this.#hear.add(hear);
        return () => void this.#hear.delete(hear);
      },
      linkTo: (node) => this.#linkTo(rig, node),
      linkOf: (node) => this.pool.byId(node),
      warn: (message) => void this.warnings.push(message),
    });
    const { catalogue } = this.registry;
    const linkOf = (node: string): Link | undefined => this.pool.byId(node);
    this.services = new ClusterServices(
      { self: id, clock: systemClock, random, catalogue, local: this.local, linkOf, ...more },
      options,
    );
    topics[OFFERS_TOPIC] = this.registry.handler;
    Object.assign(topics, this.services.served.handlers);
  }

  /** Its membership has found it out. */
  hears(node: string, isMember: boolean): void {
    for (const hear of this.#hear) hear(node, isMember);
  }

  /** All at once, as a process that is killed. */
  async kill(): Promise<void> {
    this.isUp = false;
    this.registry.stop();
    await this.node[Symbol.asyncDispose]();
  }

  async #linkTo(rig: Rig, node: string): Promise<Link> {
    const other = rig.nodes.get(node);
    if (!other?.isUp) throw new Failure("link.unreachable", `${node} is down`);
    return await this.pool.get(other.node.address, { id: node });
  }
}

export class Rig implements AsyncDisposable {
  readonly nodes = new Map<string, RigNode>();
  #lives = 0;

  /** Known to all others at once. */
  add(id: string, more: Partial<CallerPorts> = {}, options: CallerOptions = {}): RigNode {
    const node = new RigNode(id, ++this.#lives, this, more, options);
    this.nodes.set(id, node);
    node.registry.start();
    for (const other of this.nodes.values()) if (other !== node && other.isUp) other.hears(id, true);
    return node;
  }

  /** The others find out. */
  remove(id: string): void {
    this.nodes.delete(id);
    for (const other of this.nodes.values()) other.hears(id, false);
  }

  membersFor(node: RigNode): readonly string[] {
    return [...this.nodes.keys()].filter((id) => id !== node.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes.values()) await node.kill();
  }
}
