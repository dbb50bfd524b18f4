/**
 * Two nodes whose wall clocks are set back and forth, together and apart, while they show each other tokens and sealed
 * datagrams, are started anew, and somebody plays back what he has recorded. By seed; the checks go by the true time of the
 * world. No life of a node may accept anything twice, nor refuse a peer for longer than their clocks are apart.
 */
import { describe, expect, test } from "bun:test";
import type { Clock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import { GossipSeal, Tokens } from "../../../../src/wire/auth/index.ts";
import { between, NodeClock, PartClock, pick } from "../../../sim/world/index.ts";
import { keyringOf, seededEntropy } from "../../../support/auth.ts";

const SECOND_MS = 1000;
const TOLERANCE_MS = 30 * SECOND_MS;
const TOKEN_AGE_MS_MAX = 60 * SECOND_MS; // its life and the tolerance
const SEAL_SKEW_MS = 5 * 60 * SECOND_MS;
/** What is issued shortly before the verifier begins is taken. */
const START_SLACK_MS = SECOND_MS;
/** Crystals are better by far. */
const DRIFT_MAX = 0.001;
const STEPS = 150;
const SEEDS = 300;

/** How a node is made of its clock: planted bugs make another one. */
interface Rules {
  readonly clock?: (clock: Clock) => Clock;
  readonly forgets?: boolean;
}

interface Recorded {
  readonly to: string;
  readonly wallMs: number;
  readonly content: string | { readonly packet: Uint8Array; readonly seal: GossipSeal };
}

class Member {
  readonly id: string;
  readonly clock: NodeClock;
  readonly #part: Clock;
  readonly #world: { readonly nowMs: number };
  readonly #rules: Rules;
  /** Of this life. */
  readonly #accepted = new Set<Recorded>();
  readonly #known = new Set<GossipSeal>();
  tokens!: Tokens;
  seal!: GossipSeal;
  bornMs = 0;
  #lives = 0;

  constructor(id: string, world: { readonly nowMs: number }, rules: Rules) {
    this.id = id;
    this.#world = world;
    this.#rules = rules;
    this.clock = new NodeClock(world, 1000, 0);
    const clock = new PartClock(this.clock, () => {});
    this.#part = rules.clock?.(clock) ?? clock;
    this.restart();
  }

  get upMs(): number {
    return this.#world.nowMs - this.bornMs;
  }

  restart(): void {
    this.#make();
    this.bornMs = this.#world.nowMs;
    this.#accepted.clear();
    this.#known.clear();
  }

  /** Whether it has heard of that one's session: then that one's clock may jump. */
  knows({ seal }: Member): boolean {
    return this.#known.has(seal);
  }

  /** The code of the refusal; undefined when it is accepted, "twice" when it was before. */
  async take(sent: Recorded): Promise<string | undefined> {
    if (this.#rules.forgets) this.#make();
    const refusal = await this.#judge(sent.content);
    if (refusal !== undefined) return refusal;
    if (this.#accepted.has(sent)) return "twice";
    this.#accepted.add(sent);
    if (typeof sent.content !== "string") this.#known.add(sent.content.seal);
    return undefined;
  }

  async #judge(content: Recorded["content"]): Promise<string | undefined> {
    if (typeof content !== "string") {
      const result = this.seal.open(content.packet, this.id);
      return result.ok ? undefined : result.reason;
    }
    return this.tokens.verify(content, this.id).then(
      () => undefined,
      (thrown) => (thrown instanceof Failure ? thrown.code : String(thrown)),
    );
  }

  #make(): void {
    const entropy = seededEntropy(this.id.charCodeAt(0) * 1000 + ++this.#lives);
    const ports = { keyring: keyringOf(1), clock: this.#part, entropy };
    this.tokens = new Tokens(ports);
    this.seal = new GossipSeal(ports);
  }
}

class Run {
  readonly faults: string[] = [];
  readonly counts = { fresh: 0, refusedFresh: 0, replayed: 0 };
  readonly #random: Random;
  readonly #world = { nowMs: 0 };
  readonly #members: readonly [Member, Member];
  readonly #record: Recorded[] = [];

  constructor(seed: number, rules: Rules) {
    this.#random = seededRandom(seed);
    this.#members = [new Member("a", this.#world, rules), new Member("b", this.#world, rules)];
  }

  async step(): Promise<void> {
    const random = this.#random;
    const [one, other] = this.#members;
    const [from, to] = random.next() < 0.5 ? [one, other] : [other, one];
    const what = random.below(20);
    if (what < 6)
      this.#world.nowMs += 10 ** between(random, 1, what === 0 ? 6.5 : 4.5); // 10 ms to 30 s, at times an hour
    else if (what < 13) await this.#talk(from, to);
    else if (what < 15) await this.#replay();
    else if (what === 15) await this.#rewind();
    else if (what < 18) this.#jump();
    else if (what === 18) from.clock.drift(1 + between(random, -DRIFT_MAX, DRIFT_MAX));
    else if (random.next() < 0.5) from.restart();
  }

  async #talk(from: Member, to: Member): Promise<void> {
    const isToken = this.#random.next() < 0.5;
    const content = isToken
      ? await from.tokens.issue({ sub: from.id, aud: to.id })
      : { packet: from.seal.seal(Buffer.from("hello"), to.id), seal: from.seal };
    const sent = { to: to.id, wallMs: from.clock.wall(), content };
    this.#record.push(sent);
    if (this.#random.next() < 0.2) return; // lost on the way, and not to who recorded it
    const demand = demandOf(from, to, isToken);
    const refusal = await to.take(sent);
    this.counts.fresh++;
    if (refusal !== undefined) this.counts.refusedFresh++;
    const inWords = isToken ? /^auth\.token_(early|expired)$/ : /^clock$/;
    const isFault = refusal === undefined ? demand === "refuse" : demand === "accept" || !inWords.test(refusal);
    if (!isFault) return;
    const apartMs = from.clock.wall() - to.clock.wall();
    const made = `${isToken ? "token" : "datagram"} of ${from.id} at ${this.#world.nowMs}, ahead by ${apartMs} ms`;
    this.faults.push(`${made}: ${refusal === undefined ? "let in" : `locked out by ${refusal}`}`);
  }

  async #replay(): Promise<void> {
    const newer = Math.max(this.#random.next(), this.#random.next());
    await this.#play(this.#record[Math.floor(this.#record.length * newer)]);
  }

  /** Somebody who can set clocks turns them to when he recorded something, and plays it back. */
  async #rewind(): Promise<void> {
    const sent = this.#record[this.#random.below(Math.max(1, this.#record.length))];
    if (!sent) return;
    const wallMs = sent.wallMs + this.#random.below(5 * SECOND_MS);
    for (const { clock } of this.#members) clock.jumpWall(wallMs - clock.wall());
    await this.#play(sent);
  }

  async #play(sent: Recorded | undefined): Promise<void> {
    if (!sent) return;
    this.counts.replayed++;
    const to = this.#members.find(({ id }) => id === sent.to)!;
    if ((await to.take(sent)) === "twice") this.faults.push(`${to.id} accepted something twice`);
  }

  #jump(): void {
    const random = this.#random;
    const byMs = Math.round((random.next() < 0.5 ? -1 : 1) * 10 ** between(random, 2, 7)); // 0.1 s to 3 hours
    const [one, other] = this.#members;
    const way = random.below(4);
    if (way === 0) pick(random, this.#members).clock.jumpWall(byMs);
    else if (way === 1) one.clock.jumpWall(other.clock.wall() - one.clock.wall());
    else for (const { clock } of this.#members) clock.jumpWall(byMs);
  }
}

/** What the truth about the clocks demands for something made just now: either, where the verifier is too young to tell. */
function demandOf(from: Member, to: Member, isToken: boolean): "accept" | "refuse" | "either" {
  if (!isToken && to.knows(from)) return "accept";
  const aheadMs = from.clock.wall() - to.clock.wall();
  const [aheadMsMax, behindMsMax] = isToken ? [TOLERANCE_MS, TOKEN_AGE_MS_MAX] : [SEAL_SKEW_MS, SEAL_SKEW_MS];
  if (aheadMs > aheadMsMax || -aheadMs > behindMsMax) return "refuse";
  const graceMs = isToken ? START_SLACK_MS : TOLERANCE_MS;
  return -aheadMs <= to.upMs * (1 - 2 * DRIFT_MAX) + graceMs - 1 ? "accept" : "either";
}

async function simulate(seed: number, rules: Rules = {}): Promise<Run> {
  const run = new Run(seed, rules);
  for (let step = 0; step < STEPS; step++) await run.step();
  return run;
}

/** Seeds in which something goes wrong, with what. */
async function search(seeds: number, rules: Rules = {}): Promise<string[]> {
  const found: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { faults } = await simulate(seed, rules);
    if (faults.length > 0) found.push(`seed ${seed}: ${faults[0]}`);
  }
  return found;
}

describe("tokens and sealed datagrams while clocks jump", () => {
  test("nothing is accepted twice, and nobody is locked out for longer than the clocks are apart", async () => {
    expect(await search(SEEDS)).toEqual([]);
  });

  test("the simulation reaches what it is about", async () => {
    const totals = { fresh: 0, replayed: 0, refusedFresh: 0 };
    for (let seed = 1; seed <= 10; seed++) {
      const { counts } = await simulate(seed);
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += counts[name];
    }
    expect(totals.replayed).toBeGreaterThan(50);
    expect(totals.refusedFresh).toBeGreaterThan(20);
    expect(totals.fresh - totals.refusedFresh).toBeGreaterThan(100);
  });

  test("a node that goes by the wall clock alone is seen to lock others out", async () => {
    const byWall = (clock: Clock): Clock => ({
      now: () => clock.now(),
      monotonic: () => clock.now(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
    });
    expect((await search(10, { clock: byWall })).join("\n")).toContain("locked out by");
  });

  test("a node that forgets what it has accepted is seen to accept it twice", async () => {
    expect((await search(10, { forgets: true })).join("\n")).toContain("accepted something twice");
  });
});
