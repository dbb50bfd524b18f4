/** Registries on a network that a test drives: what is said waits until it is delivered, in order on each link; links break, nodes die. */
import { Failure } from "../../../../../src/base/errors.ts";
import { type Random, seededRandom } from "../../../../../src/base/random.ts";
import type { LinkEnd, LinkPeer, MessageContext, RequestContext } from "../../../../../src/wire/link/index.ts";
import { isCallable, type OffersLink, ServiceRegistry } from "../../../../../src/work/service/registry/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { FakeLocal } from "../fakes.ts";

/** One side of a link. */
class NetLink implements OffersLink {
  readonly peer: LinkPeer;
  readonly closed: Promise<LinkEnd>;
  readonly inbox: (() => void)[] = [];
  readonly #owner: NetNode;
  readonly #net: Net;
  readonly #settle: (end: LinkEnd) => void;
  other!: NetLink;
  isOpen = true;

  constructor(net: Net, owner: NetNode, to: NetNode) {
    const { promise, resolve } = Promise.withResolvers<LinkEnd>();
    this.#net = net;
    this.#owner = owner;
    this.peer = { id: to.id, instance: to.instance, address: undefined };
    this.closed = promise;
    this.#settle = resolve;
  }

  notify(topic: string, payload: unknown): void {
    if (!this.isOpen) throw gone();
    if (this.#net.isFull()) throw new Failure("link.overloaded", "full", { retryable: true });
    const { handler } = this.other.#owner.registry;
    const { other } = this;
    expectTopic(topic);
    this.#net.say(other, () =>
      handler.notify!(payload, { link: other, peer: other.peer } as unknown as MessageContext),
    );
  }

  request(topic: string): Promise<unknown> {
    expectTopic(topic);
    const { promise, reject, resolve } = Promise.withResolvers<unknown>();
    void this.closed.then(() => reject(gone()));
    const { other } = this;
    this.#net.say(other, () => {
      const answer = other.#owner.registry.handler.request!(null, {} as RequestContext);
      this.#net.say(this, () => resolve(answer));
    });
    promise.catch(() => {});
    return promise;
  }

  async drained(): Promise<void> {
    if (!this.isOpen) throw gone();
  }

  end(): void {
    this.isOpen = false;
    this.inbox.length = 0;
    this.#settle({ isGraceful: false, reason: gone() });
  }
}

export class NetNode {
  readonly id: string;
  readonly instance: string;
  readonly local = new FakeLocal();
  readonly registry: ServiceRegistry;
  readonly links = new Map<string, NetLink>();
  readonly members = new Set<string>();
  readonly warnings: string[] = [];
  readonly #hear = new Set<(node: string, isMember: boolean) => void>();

  constructor(net: Net, id: string, life: number) {
    this.id = id;
    this.instance = `${id}-${life}`;
    this.registry = new ServiceRegistry({
      self: { id, instance: this.instance },
      clock: net.clock,
      random: seededRandom(life),
      local: this.local,
      members: () => [...this.members],
      onMember: (hear) => {
        this.#hear.add(hear);
        return () => void this.#hear.delete(hear);
      },
      linkTo: async (node) => net.link(this, node),
      linkOf: (node) => this.links.get(node),
      warn: (message) => void this.warnings.push(message),
    });
  }

  hears(node: string, isMember: boolean): void {
    if (isMember === this.members.has(node)) return;
    if (isMember) this.members.add(node);
    else this.members.delete(node);
    for (const hear of this.#hear) hear(node, isMember);
  }

  /** What a call from here could reach: `node service@version`. */
  callable(): readonly string[] {
    return this.registry.catalogue
      .routes()
      .flatMap(({ places }) => places)
      .filter(isCallable)
      .map(({ node, offer: { description } }) => `${node} ${description.name}@${description.version}`)
      .toSorted();
  }
}

export class Net {
  readonly clock = new SteppedClock();
  readonly nodes = new Map<string, NetNode>();
  readonly random: Random;
  /** Of messages, how many find their link full. */
  fullShare = 0;
  /** No links can be opened. */
  isSplit = false;
  #lives = 0;
  #waiting: NetLink[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  start(id: string): NetNode {
    const node = new NetNode(this, id, ++this.#lives);
    this.nodes.set(id, node);
    node.registry.start();
    return node;
  }

  /** Without a word. */
  kill(id: string): void {
    const node = this.nodes.get(id);
    if (!node) return;
    this.nodes.delete(id);
    node.registry.stop();
    for (const other of [...node.links.keys()]) this.cut(node, other);
  }

  /** It is the process behind its id from now on; the one before lives on, and is reached by nobody. */
  wake(node: NetNode): void {
    const before = this.nodes.get(node.id);
    if (before) for (const other of [...before.links.keys()]) this.cut(before, other);
    this.nodes.set(node.id, node);
  }

  link(from: NetNode, to: string): NetLink {
    const known = from.links.get(to);
    if (known?.isOpen) return known;
    const other = this.nodes.get(to);
    if (!other || this.isSplit || this.nodes.get(from.id) !== from)
      throw new Failure("link.unreachable", `${to} is down`);
    const [here, there] = [new NetLink(this, from, other), new NetLink(this, other, from)];
    here.other = there;
    there.other = here;
    from.links.set(to, here);
    other.links.set(from.id, there);
    return here;
  }

  cut(node: NetNode, to: string): void {
    const link = node.links.get(to);
    if (!link) return;
    for (const side of [link, link.other]) side.end();
    node.links.delete(to);
    const other = this.nodes.get(to);
    if (other?.links.get(node.id) === link.other) other.links.delete(node.id);
  }

  say(to: NetLink, deliver: () => void): void {
    to.inbox.push(deliver);
    this.#waiting.push(to);
  }

  isFull(): boolean {
    return this.random.next() < this.fullShare;
  }

  /** One message, of any link. */
  deliver(): boolean {
    this.#waiting = this.#waiting.filter(({ inbox }) => inbox.length > 0);
    this.#waiting[this.random.below(this.#waiting.length)]?.inbox.shift()?.();
    return this.#waiting.length > 0;
  }

  /** Until nobody has anything to say. */
  async quiet(): Promise<void> {
    do await Bun.sleep(0);
    while (this.deliver());
  }
}

function gone(): Failure {
  return new Failure("link.closed", "the link is gone", { retryable: true });
}

function expectTopic(topic: string): void {
  if (topic !== "service/offers") throw new Error(`${topic} is not the registry's`);
}
