/**
 * Strikes a cluster again and again while clients work, as a plan says: kills nodes one by one or all at once, spoils logs of a minority,
 * stops processes for a while. Most strikes wait until clients were answered since the one before, some follow at once. What was killed
 * comes back by itself after a while; a spoiled node is watched until it says what it has found, and until others have made it good.
 */
import type { Random } from "../../../src/base/random.ts";
import { until } from "../until.ts";
import { isWhole, untilWhole } from "./agreement.ts";
import type { LogLine, RaftCluster } from "./cluster.ts";
import { type Damage, damageLog } from "./damage.ts";
import type { Strike } from "./plan.ts";

export interface ChaosPorts {
  readonly cluster: RaftCluster;
  readonly random: Random;
  /** How many calls were answered so far; throws when clients have failed. */
  readonly answered: () => number;
  readonly tell: (line: string) => void;
  /** What is not struck by then is left out. */
  readonly strikesMs?: number | undefined;
}

export interface ChaosReport {
  readonly struck: Readonly<Record<Strike, number>>;
  readonly damages: readonly Damaged[];
}

export interface Damaged {
  readonly node: string;
  readonly group: string;
  readonly damage: Damage;
  /** What the node has said about it; empty: it has not noticed. */
  found: readonly string[];
}

/** A node is down for so long at most. */
const DOWN_MS_MAX = 900;
const PAUSE_MS_MAX = 1_800;
/** Between strikes, beyond progress: so that they fall anywhere. */
const REST_MS_MAX = 250;
/** One strike in so many does not wait for progress. */
const DOUBLE_ONE_IN = 5;
/** Answers between two strikes: some commands of each kind. */
const PROGRESS = 25;
/** With a majority up and nothing struck, clients are answered by then, or something hangs. */
const STALL_MS = 60_000;
const REPAIR_MS = 90_000;
/** Standard error comes by another way than answers. */
const NOTICE_MS = 3_000;
const CALL_MS = 3_000;

export class Chaos {
  readonly #ports: ChaosPorts;
  readonly #coming = new Set<Promise<void>>();
  /** Spoiled and not whole again. */
  readonly #spoiled = new Set<string>();
  readonly #damages: Damaged[] = [];
  readonly #struck: Record<Strike, number> = { kill: 0, groupKill: 0, damage: 0, pause: 0, transfer: 0, snapshot: 0 };
  #failure: unknown;

  constructor(ports: ChaosPorts) {
    this.#ports = ports;
  }

  /** Resolves when all strikes are done, all nodes run, and all are whole. */
  async run(strikes: readonly Strike[]): Promise<ChaosReport> {
    await this.settle(); // every group has begun everywhere: there is something to lose
    const endMs = performance.now() + (this.#ports.strikesMs ?? Number.POSITIVE_INFINITY);
    for (const [at, strike] of strikes.entries()) {
      if (performance.now() > endMs) break;
      await this.#isTime(at);
      this.#ports.tell(`${at + 1}/${strikes.length} ${strike}`);
      await this.#strike(strike);
      this.#struck[strike]++;
    }
    await this.settle();
    return { struck: this.#struck, damages: this.#damages };
  }

  /** Everybody is up, and nothing is damaged any more. */
  async settle(): Promise<void> {
    const { cluster } = this.#ports;
    while (this.#coming.size > 0) await Promise.all(this.#coming);
    this.#check();
    for (const id of cluster.ids) cluster.resume(id);
    await Promise.all(cluster.ids.map((id) => cluster.start(id)));
    await Promise.all(cluster.ids.map((id) => this.#untilWhole(id)));
  }

  async #isTime(at: number): Promise<void> {
    const { answered, random } = this.#ports;
    if (at > 0 && random.below(DOUBLE_ONE_IN) !== 0) {
      const goal = answered() + PROGRESS;
      await until("clients are answered", () => this.#isFine() && answered() >= goal, STALL_MS);
    }
    await Bun.sleep(random.below(REST_MS_MAX));
  }

  #strike(strike: Strike): Promise<void> | void {
    switch (strike) {
      case "kill":
        return this.#kill();
      case "groupKill":
        return this.#killAll();
      case "damage":
        return this.#damage();
      case "pause":
        return this.#pause();
      case "transfer":
        return this.#operate((client, group) => client.raft.transfer({ group }, { timeoutMs: CALL_MS }));
      case "snapshot":
        return this.#operate((client, group) => client.raft.snapshot({ group }, { timeoutMs: CALL_MS }));
    }
  }

  async #kill(): Promise<void> {
    const { cluster } = this.#ports;
    const id = await this.#anyRunning();
    await cluster.kill(id);
    this.#comeBack(id);
  }

  async #killAll(): Promise<void> {
    const { cluster } = this.#ports;
    await cluster.killTogether(cluster.running);
    for (const id of cluster.ids) this.#comeBack(id);
  }

  /** On a minority: waits until there is room for one more. */
  async #damage(): Promise<void> {
    const { cluster, random } = this.#ports;
    const most = Math.floor((cluster.ids.length - 1) / 2);
    await until("an earlier damage is made good", () => this.#isFine() && this.#spoiled.size < most, REPAIR_MS);
    const id = await this.#anyRunning((each) => !this.#spoiled.has(each));
    const group = cluster.groups[random.below(cluster.groups.length)]!;
    await cluster.kill(id);
    const damage = damageLog(cluster.directoryOf(id, group), random);
    if (!damage) throw new Error(`${id} has nothing in its log of ${group} that could be damaged`);
    this.#spoiled.add(id);
    this.#soon(this.#sayWhatIsFound(id, group, damage));
  }

  async #sayWhatIsFound(node: string, group: string, damage: Damage): Promise<void> {
    const { cluster, random, tell } = this.#ports;
    const life = cluster.livesOf(node);
    const told: Damaged = { node, group, damage, found: [] };
    this.#damages.push(told);
    tell(`  ${node} ${group}: ${damage.kind} ${damage.file} at ${damage.offset} of ${damage.sizeBytes}`);
    await Bun.sleep(random.below(DOWN_MS_MAX));
    const data = await cluster.clientOf(node);
    const hasSaid = (): boolean => {
      told.found = cluster
        .logOf(node, life)
        .filter((line) => isFinding(line, group))
        .map(({ message }) => message);
      return told.found.length > 0;
    };
    await until(
      `${node} has opened its damaged log`,
      async () => {
        this.#check();
        await cluster.start(node); // somebody may have struck it again
        return hasSaid() || (await isWhole(data));
      },
      REPAIR_MS,
    );
    await until("its notices are here", hasSaid, NOTICE_MS).catch(() => {}); // none: the report says so
    await this.#untilWhole(node);
    this.#spoiled.delete(node);
  }

  async #pause(): Promise<void> {
    const { cluster, random } = this.#ports;
    const id = await this.#anyRunning((each) => !cluster.isPaused(each));
    cluster.pause(id);
    const resume = async (): Promise<void> => {
      await Bun.sleep(random.below(PAUSE_MS_MAX));
      cluster.resume(id);
    };
    this.#soon(resume());
  }

  /** What an operator asks; that nobody answers is no fault here. */
  async #operate(ask: (calls: Awaited<ReturnType<RaftCluster["client"]>>["calls"], group: string) => Promise<unknown>) {
    const { cluster, random } = this.#ports;
    const client = await cluster.client(random.below(cluster.ids.length));
    const group = cluster.groups[random.below(cluster.groups.length)]!;
    await ask(client.calls, group).catch(() => {}); // a node that is down, a group without a leader
  }

  async #anyRunning(isIt: (id: string) => boolean = () => true): Promise<string> {
    const { cluster, random } = this.#ports;
    const candidates = await until("a node runs that can be struck", () => {
      this.#check();
      const found = cluster.running.filter(isIt);
      return found.length > 0 && found;
    });
    return candidates[random.below(candidates.length)]!;
  }

  #comeBack(id: string): void {
    const { random } = this.#ports;
    const delayMs = random.below(DOWN_MS_MAX);
    const start = async (): Promise<void> => {
      await Bun.sleep(delayMs);
      await this.#ports.cluster.start(id);
    };
    this.#soon(start());
  }

  /** Done beside everything else; a failure ends the run. */
  #soon(work: Promise<void>): void {
    const kept = work
      .catch((thrown) => {
        this.#failure ??= thrown;
      })
      .finally(() => this.#coming.delete(kept));
    this.#coming.add(kept);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#ports.cluster.check();
  }

  #isFine(): boolean {
    this.#check();
    return true;
  }

  async #untilWhole(id: string): Promise<void> {
    await untilWhole([{ id, data: await this.#ports.cluster.clientOf(id) }], () => this.#check());
  }
}

/** What the log of a group has told of damage when it was opened. */
function isFinding({ fields = {}, message }: LogLine, group: string): boolean {
  const { severity } = fields;
  return message.startsWith(`log of group ${group}: `) && (severity === "damage" || severity === "harmless");
}
