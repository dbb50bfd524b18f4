/**
 * Who offers what in the whole cluster, as this node knows it. Each node tells all members what it offers, whole, when that changes
 * (once for all changes of a turn), when a member comes, and when a link opens; every ten seconds it tells only which life and revision its
 * word has, and whoever misses that asks. A member that is dead or has left is forgotten at once, one whose link breaks is not callable
 * until it is back. It calls nobody, and believes nobody about another node.
 */
import type { Timer } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import type { MessageContext, TopicHandler } from "../../../wire/link/index.ts";
import type { NodeOffers, ServiceOffer } from "../words/index.ts";
import { Catalogue } from "./catalogue.ts";
import { ASK_TIMEOUT_MS, DIGEST_INTERVAL_MS } from "./limits.ts";
import { faultOfDescription, readOffers, writeOffers } from "./offers-form.ts";
import { Peer } from "./peer.ts";
import type { OffersLink, RegistryPorts } from "./ports.ts";
import { OffersTable } from "./table.ts";

/** On links between nodes: `["offers", bytes]` and `["digest", instance, revision]` one way, and a request that asks for the offers. */
export const OFFERS_TOPIC = "service/offers";

export interface RegistryCounts {
  readonly nodes: number;
  readonly services: number;
  /** Words of others that were taken, that were no news, and that were refused as malformed. */
  readonly taken: number;
  readonly old: number;
  readonly refused: number;
  /** How often something was missing and asked for. */
  readonly asked: number;
}

export class ServiceRegistry {
  readonly catalogue: Catalogue;
  /** For the links of this node, under `OFFERS_TOPIC`. */
  readonly handler: TopicHandler;
  readonly #ports: RegistryPorts;
  readonly #table: OffersTable;
  readonly #peers = new Map<string, Peer>();
  readonly #asking = new Set<string>();
  readonly #counts = { taken: 0, old: 0, refused: 0, asked: 0 };
  /** Descriptions that others would refuse, told once. */
  readonly #faulty = new WeakMap<object, string | false>();
  #revision = 0;
  #offers: readonly ServiceOffer[] = [];
  /** As it travels; made when somebody needs it. */
  #bytes: Uint8Array | undefined;
  #isTold = true;
  #isRunning = false;
  #ends: (() => void)[] = [];
  #tick: Timer | undefined;

  constructor(ports: RegistryPorts) {
    this.#ports = ports;
    this.#table = new OffersTable(ports.self.id);
    this.#table.admit(ports.self.id);
    this.catalogue = new Catalogue(this.#table);
    this.handler = {
      request: () => this.#ownBytes(),
      notify: (payload, context) => this.#heard(payload, context),
    };
  }

  start(): void {
    const { local, members, onMember } = this.#ports;
    this.#isRunning = true;
    this.#ends = [
      local.onChange(() => this.#changed()),
      onMember((node, isMember) => (isMember ? this.#came(node) : this.#gone(node))),
    ];
    this.#changed();
    for (const node of members()) this.#came(node);
    this.#beat();
  }

  stop(): void {
    this.#isRunning = false;
    for (const end of this.#ends) end();
    this.#tick?.cancel();
    for (const peer of this.#peers.values()) peer.end();
    this.#peers.clear();
  }

  counts(): RegistryCounts {
    const places = [...this.#table.places()];
    return { ...this.#counts, nodes: new Set(places.map(({ node }) => node)).size, services: places.length };
  }

  /** Calls from this node see it now; the others are told at the end of the turn. */
  #changed(): void {
    const offers = this.#ports.local.offers().filter((offer) => this.#isTellable(offer));
    if (offers.length === 0 && this.#revision === 0) return; // who has never offered anything has nothing to say
    this.#revision++;
    this.#offers = offers;
    this.#bytes = undefined;
    this.#table.put(this.#own());
    if (!this.#isTold) return;
    this.#isTold = false;
    queueMicrotask(() => {
      this.#isTold = true;
      if (this.#isRunning) for (const node of this.#ports.members()) this.#tell(node);
    });
  }

  #isTellable({ description }: ServiceOffer): boolean {
    let fault = this.#faulty.get(description);
    if (fault === undefined) {
      fault = faultOfDescription(description) ?? false;
      this.#faulty.set(description, fault);
      const named = `${description.name}@${description.version}`;
      if (fault !== false) this.#ports.warn(`service ${named} is not offered, other nodes would not take it: ${fault}`);
    }
    return fault === false;
  }

  #own(): NodeOffers {
    const { id, instance } = this.#ports.self;
    return { node: id, instance, revision: this.#revision + 1, services: this.#offers };
  }

  #ownBytes(): Uint8Array {
    this.#bytes ??= writeOffers(this.#own());
    return this.#bytes;
  }

  #came(node: string): void {
    if (node === this.#ports.self.id) return;
    this.#table.admit(node);
    const link = this.#ports.linkOf(node);
    if (link?.isOpen) {
      this.#peer(node).saw(link);
      this.#table.reach(node, true); // the link may have been seen before
      if (!this.#table.offersOf(node)) void this.#ask(node, link); // it may have told them before it was a member
    }
    if (this.#revision > 0) this.#tell(node);
  }

  #gone(node: string): void {
    this.#table.remove(node);
    this.#peers.get(node)?.end();
    this.#peers.delete(node);
  }

  #peer(node: string): Peer {
    const known = this.#peers.get(node);
    if (known) return known;
    const peer: Peer = new Peer(node, this.#ports, {
      opened: (link, isNewLife) => {
        if (isNewLife) this.#table.renew(node);
        this.#table.reach(node, true);
        if (!peer.isSaying) this.#tellDigest(link);
      },
      lost: () => {
        this.#table.reach(node, false);
        if (!this.#table.isMember(node)) this.#gone(node);
      },
      isWanted: () => this.#isWanted(node),
    });
    this.#peers.set(node, peer);
    return peer;
  }

  /** Nodes that offer each other nothing need no link. */
  #isWanted(node: string): boolean {
    const offers = (this.#table.offersOf(node)?.services.length ?? 0) > 0;
    return this.#isRunning && this.#table.isMember(node) && (offers || this.#offers.length > 0);
  }

  #tell(node: string): void {
    if (node !== this.#ports.self.id) void this.#peer(node).say(OFFERS_TOPIC, () => ["offers", this.#ownBytes()]);
  }

  #tellDigest(link: OffersLink): void {
    if (this.#revision === 0) return;
    const { instance, revision } = this.#own();
    try {
      link.notify(OFFERS_TOPIC, ["digest", instance, revision]);
    } catch {
      // Full or about to end: the next digest will do.
    }
  }

  #beat(): void {
    this.#tick = this.#ports.clock.after(DIGEST_INTERVAL_MS, () => {
      this.#beat();
      if (this.#revision === 0) return;
      for (const node of this.#ports.members()) if (node !== this.#ports.self.id) void this.#greet(this.#peer(node));
    });
  }

  async #greet(peer: Peer): Promise<void> {
    const link = await peer.open();
    if (link) this.#tellDigest(link);
  }

  #heard(payload: unknown, { link, peer: { id } }: Pick<MessageContext, "link" | "peer">): void {
    if (!this.#isRunning || id === this.#ports.self.id) return;
    this.#peer(id).saw(link); // before what it says counts: it may be another life
    const [kind, first, second] = Array.isArray(payload) ? (payload as readonly unknown[]) : [];
    if (kind === "offers") this.#take(id, first, link);
    else if (kind === "digest" && typeof first === "string" && typeof second === "number")
      this.#compare(id, first, second, link);
    else this.#refuse(id, `a message of kind ${JSON.stringify(kind)?.slice(0, 40)} is not known`);
  }

  #take(node: string, bytes: unknown, link: OffersLink): void {
    if (!link.isOpen || !this.#peer(node).isLatest(link)) return;
    try {
      if (this.#table.put(readOffers(node, bytes))) this.#counts.taken++;
      else this.#counts.old++;
    } catch (thrown) {
      this.#refuse(node, messageOf(thrown));
    }
    this.#table.reach(node, true);
  }

  #compare(node: string, instance: string, revision: number, link: OffersLink): void {
    if (this.#table.isNews(node, instance, revision)) void this.#ask(node, link);
  }

  async #ask(node: string, link: OffersLink): Promise<void> {
    if (this.#asking.has(node)) return;
    this.#asking.add(node);
    this.#counts.asked++;
    try {
      const bytes = await link.request(OFFERS_TOPIC, null, { timeoutMs: ASK_TIMEOUT_MS });
      if (this.#isRunning) this.#take(node, bytes, link);
    } catch (thrown) {
      this.#ports.warn(`node ${node} does not tell what it offers: ${messageOf(thrown)}`);
    } finally {
      this.#asking.delete(node);
    }
  }

  #refuse(node: string, why: string): void {
    this.#counts.refused++;
    this.#ports.warn(`of node ${node}: ${why}`);
  }
}
