/**
 * Links between nodes as far as the membership protocol hears of them: fresh while both ends run and hear each other, silent
 * when a path is cut or an end is paused, closed when an end is gone. What it hears is late by up to the time between looks.
 */
import type { LinkState } from "../../../src/protocol/swim/index.ts";
import { idOf, type SwimNodes } from "./swim-nodes.ts";

interface Link {
  readonly from: number;
  readonly to: number;
  readonly lives: readonly [number, number];
  state: LinkState;
}

/** Links at once: more would hide that datagrams get lost. */
const LINKS_MAX = 12;

export class SimLinks {
  readonly #nodes: SwimNodes;
  #links: Link[] = [];

  constructor(nodes: SwimNodes) {
    this.#nodes = nodes;
  }

  open(from: number, to: number): void {
    if (
      from === to ||
      this.#links.length >= LINKS_MAX ||
      this.#links.some((link) => link.from === from && link.to === to)
    )
      return;
    const link: Link = { from, to, lives: [this.#lifeOf(from), this.#lifeOf(to)], state: "none" };
    if (this.#stateOf(link) !== "fresh") return;
    this.#links.push(link);
    this.#tell(link, "fresh");
  }

  /** Tells the nodes what has changed. */
  look(): void {
    for (const link of this.#links) this.#tell(link, this.#stateOf(link));
    this.#links = this.#links.filter(({ state }) => state !== "closed");
  }

  #lifeOf(node: number): number {
    return this.#nodes.world.nodes[node]!.life;
  }

  #stateOf({ from, lives, to }: Link): LinkState {
    const { network, nodes } = this.#nodes.world;
    const [near, far] = [nodes[from]!, nodes[to]!];
    if (!near.isUp || !far.isUp || near.life !== lives[0] || far.life !== lives[1]) return "closed";
    const isCut = !network.isOpen(from, to) || !network.isOpen(to, from);
    return isCut || near.isPaused || far.isPaused ? "silent" : "fresh";
  }

  #tell(link: Link, state: LinkState): void {
    if (state === link.state) return;
    link.state = state;
    const isSameLife = this.#lifeOf(link.from) === link.lives[0];
    const isRunning = this.#nodes.machine(link.from) !== undefined && !this.#nodes.world.nodes[link.from]!.isPaused;
    if (isSameLife && isRunning) this.#nodes.feed(link.from, { type: "link", id: idOf(link.to), state });
  }
}
