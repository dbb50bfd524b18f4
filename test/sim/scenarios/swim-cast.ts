/** What all scenarios of the membership protocol share: nodes under the safety watcher, and the goal that all of them agree. */
import { type Member, type SwimMessage, type SwimOptions, sizeOfUpdate } from "../../../src/protocol/swim/index.ts";
import type { Cast, Setup, Stage } from "../run/index.ts";
import type { FaultMix, Launch, Weather } from "../world/index.ts";
import { rulesWith } from "./swim-bugs.ts";
import { describeMessage, firstNodes, idOf, SwimNodes, sizeOfMessage, tagOfMessage } from "./swim-nodes.ts";
import { SwimSafety } from "./swim-safety.ts";

export interface SwimCastOptions {
  readonly nodes: number;
  readonly options: SwimOptions;
  readonly weather: Weather;
  readonly mix: FaultMix;
  readonly upMin?: number;
  readonly goneMax?: number;
  readonly seeds?: number;
}

/** Seeds: as many as people write down. */
export const SEEDS = 4;
/** No news for so long: nothing is passed on any more. */
const QUIET_MS = 2_000;

export class SwimCast implements Cast<SwimMessage> {
  readonly nodes: number;
  readonly weather: Weather;
  readonly mix: FaultMix;
  readonly upMin: number;
  readonly goneMax: number;
  readonly launch: Launch<SwimMessage>;
  readonly swim: SwimNodes;
  readonly safety: SwimSafety;
  readonly setup: Setup;
  #lastNewsMs = 0;

  constructor(setup: Setup, { goneMax = 0, mix, nodes, options, seeds = SEEDS, upMin = 1, weather }: SwimCastOptions) {
    this.setup = setup;
    this.nodes = nodes;
    this.weather = weather;
    this.mix = mix;
    this.upMin = upMin;
    this.goneMax = goneMax;
    this.safety = new SwimSafety(nodes, () => this.swim);
    this.swim = new SwimNodes({
      count: nodes,
      options,
      rules: rulesWith(setup.bug),
      seeds: firstNodes(seeds),
      watchers: [this.safety, { sent: (_node, message) => this.#noteNews(message) }],
    });
    this.launch = this.swim.launch;
  }

  begin({ world }: Stage<SwimMessage>): void {
    this.swim.enter(world);
    for (let node = 0; node < this.nodes; node++) world.start(node);
  }

  check(_stage: Stage<SwimMessage>): string | undefined {
    return this.safety.check();
  }

  /** All who run hold each other alive as they are now, nobody else up, and nobody has anything to tell. */
  goal({ world }: Stage<SwimMessage>): string | undefined {
    for (const viewer of world.nodes) {
      const machine = this.swim.machine(viewer.index);
      if (machine === undefined) continue;
      for (const subject of world.nodes) {
        if (subject === viewer) continue;
        const missing = this.#missing(viewer.index, machine.member(idOf(subject.index)), subject.index);
        if (missing !== undefined) return missing;
      }
    }
    return this.isQuiet()
      ? undefined
      : `all agree, but news was sent ${Math.round(world.nowMs - this.#lastNewsMs)} ms ago`;
  }

  /** Nobody has had anything to tell for a while. */
  isQuiet(): boolean {
    return this.swim.world.nowMs - this.#lastNewsMs >= QUIET_MS;
  }

  measures({ world }: Stage<SwimMessage>): Readonly<Record<string, number>> {
    const lives = world.nodes.reduce((sum, { life }) => sum + life, 0);
    return { lives, suspicions: this.safety.suspicions, "false deaths": this.safety.falseDeaths };
  }

  tagOf(message: SwimMessage): number {
    return tagOfMessage(message);
  }

  describe(message: SwimMessage): string {
    return describeMessage(message);
  }

  sizeOf(message: SwimMessage): number {
    return sizeOfMessage(message);
  }

  #noteNews(message: SwimMessage): void {
    if (message.type !== "sync" && message.gossip.length > 0) this.#lastNewsMs = this.swim.world.nowMs;
  }

  #missing(viewer: number, member: Member | undefined, subject: number): string | undefined {
    const self = this.swim.machine(subject)?.self;
    const isUp = member?.state === "alive" || member?.state === "suspect";
    if (self === undefined)
      return isUp ? `node ${viewer} holds ${idOf(subject)} ${member.state}, which does not run` : undefined;
    const isSame =
      member?.state === "alive" &&
      member.bornMs === self.bornMs &&
      member.incarnation === self.incarnation &&
      member.meta.name === self.meta.name;
    if (isSame) return undefined;
    const held =
      member === undefined
        ? "does not know it"
        : `holds it ${member.state} in life ${member.bornMs}, incarnation ${member.incarnation}`;
    return `${idOf(subject)} runs in life ${self.bornMs}, incarnation ${self.incarnation}; node ${viewer} ${held}`;
  }
}

/** Options with the size of updates by estimate, since nothing is encoded here. */
export function simulated(options: SwimOptions): SwimOptions {
  return { ...options, sizeOf: sizeOfUpdate };
}
