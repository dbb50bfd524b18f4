/**
 * This node's talk with one other: which link is watched, that it is opened again when it breaks, and that this node's offers reach it,
 * the latest only and one after the other. It does not know what is said.
 */
import type { Timer } from "../../../base/clock.ts";
import { backoffDelayMs } from "../../../protocol/retry/index.ts";
import { REOPEN } from "./limits.ts";
import type { OffersLink, RegistryPorts } from "./ports.ts";

export interface PeerHooks {
  /** A link stands where there was none, or another one. `isNewLife`: the process behind it is another than behind the last one. */
  readonly opened: (link: OffersLink, isNewLife: boolean) => void;
  readonly lost: () => void;
  /** Whether a link that is gone is worth opening again. */
  readonly isWanted: () => boolean;
}

export class Peer {
  readonly #node: string;
  readonly #ports: Pick<RegistryPorts, "clock" | "random" | "linkOf" | "linkTo">;
  readonly #hooks: PeerHooks;
  #link: OffersLink | undefined;
  /** Of the process that the last link led to. */
  #life: string | undefined;
  #attempts = 0;
  #pause: Timer | undefined;
  #isSaying = false;
  #mustSay = false;
  #isOver = false;

  constructor(node: string, ports: Pick<RegistryPorts, "clock" | "random" | "linkOf" | "linkTo">, hooks: PeerHooks) {
    this.#node = node;
    this.#ports = ports;
    this.#hooks = hooks;
  }

  /** This node's offers are on their way to it. */
  get isSaying(): boolean {
    return this.#isSaying;
  }

  /** Whether it leads to the process that the latest link leads to: what an earlier one has still to say is of no interest. */
  isLatest({ peer }: OffersLink): boolean {
    return this.#life === undefined || this.#life === peer.instance;
  }

  /** Something came or goes over this link. */
  saw(link: OffersLink): void {
    if (this.#isOver || link === this.#link || !link.isOpen) return;
    const isNewLife = this.#life !== undefined && this.#life !== link.peer.instance;
    this.#life = link.peer.instance;
    this.#link = link;
    this.#attempts = 0;
    this.#pause?.cancel();
    void link.closed.then(() => this.#closed(link));
    this.#hooks.opened(link, isNewLife);
  }

  /** The link, opened where there is none; undefined when that fails, and then it is tried again. */
  async open(): Promise<OffersLink | undefined> {
    if (this.#isOver) return undefined;
    try {
      const link = await this.#ports.linkTo(this.#node);
      this.saw(link);
      if (link.isOpen && !this.#isOver) return link;
    } catch {
      // Whoever listens to links has heard why.
    }
    this.#reopenLater();
    return undefined;
  }

  /** Says it as soon as there is a link and room on it. Asked for again meanwhile, it is said once more, as it is then. */
  async say(topic: string, message: () => unknown): Promise<void> {
    this.#mustSay = true;
    if (this.#isSaying) return;
    this.#isSaying = true;
    try {
      while (this.#mustSay) {
        const link = await this.open();
        if (!link) return;
        await link.drained();
        this.#mustSay = false;
        link.notify(topic, message());
      }
    } catch {
      // The link has ended, or is full again: what is opened next tells its digest, and so does the next interval.
    } finally {
      this.#isSaying = false;
    }
  }

  end(): void {
    this.#isOver = true;
    this.#pause?.cancel();
  }

  /** Of two links that were opened at once one is left; then the other one counts. */
  #closed(link: OffersLink): void {
    if (this.#isOver || this.#link !== link) return;
    this.#link = undefined;
    const other = this.#ports.linkOf(this.#node);
    if (other?.isOpen && other !== link) return this.saw(other);
    this.#hooks.lost();
    if (this.#hooks.isWanted()) void this.open();
  }

  #reopenLater(): void {
    if (this.#isOver || this.#link?.isOpen || !this.#hooks.isWanted()) return;
    this.#pause?.cancel();
    const delayMs = backoffDelayMs(REOPEN, ++this.#attempts, this.#ports.random);
    this.#pause = this.#ports.clock.after(delayMs, () => void this.open());
  }
}
