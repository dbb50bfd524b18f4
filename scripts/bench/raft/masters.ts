/** Masters of the executable in a group, as in the README: real processes with fsync on, started again when somebody killed them. */
import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connectData, type DataClient } from "../../../src/app/node/library.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { freePorts } from "../../../test/support/free-port.ts";
import { until } from "../../../test/support/until.ts";

export interface MastersOptions {
  readonly executable: string;
  /** Of this group alone. */
  readonly directory: string;
  /** How many. */
  readonly size: number;
  /** By id: more of the environment. */
  readonly env?: (id: string) => Readonly<Record<string, string>>;
}

interface Master {
  readonly id: string;
  readonly address: string;
  child: Bun.Subprocess | undefined;
}

/** After a SIGTERM; then it is killed. */
const END_WITHIN_MS = 10_000;

export class Masters implements AsyncDisposable {
  readonly #options: MastersOptions;
  readonly #masters: readonly Master[];
  #asked: Promise<DataClient> | undefined;

  private constructor(options: MastersOptions, ports: readonly number[]) {
    this.#options = options;
    this.#masters = ports.map((port, index) => ({
      id: `m${index + 1}`,
      address: `127.0.0.1:${port}`,
      child: undefined,
    }));
    mkdirSync(options.directory, { recursive: true });
  }

  /** Somebody leads, and the others follow. */
  static async start(options: MastersOptions): Promise<Masters> {
    const masters = new Masters(options, await freePorts(options.size));
    try {
      for (const { id } of masters.#masters) masters.spawn(id);
      await masters.untilWhole();
      return masters;
    } catch (thrown) {
      await masters[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get addresses(): readonly string[] {
    return this.#masters.map(({ address }) => address);
  }

  /** With the cluster's key. */
  get dataDir(): string {
    return join(this.#options.directory, "state");
  }

  addressOf(id: string): string {
    return this.#named(id).address;
  }

  pidOf(id: string): number {
    return this.#named(id).child!.pid;
  }

  /** Starts it, also again. */
  spawn(id: string): void {
    const { directory, env, executable } = this.#options;
    const master = this.#named(id);
    const masters = this.#masters.map((each) => `${each.id}=${each.address}`).join(",");
    const place = ["127.0.0.1", master.address.split(":")[1]!];
    const words = ["master", ...place, "--node-id", id, "--masters", masters, "--data-dir", this.dataDir, "--quiet"];
    const log = openSync(join(directory, `${id}.log`), "a");
    master.child = Bun.spawn([executable, ...words], {
      stdio: ["ignore", "ignore", log],
      env: { ...process.env, BUN_FEATURE_FLAG_NO_ORPHANS: "1", ...env?.(id) },
    });
    closeSync(log);
  }

  /** kill -9. */
  async kill(id: string): Promise<void> {
    const { child } = this.#named(id);
    child?.kill("SIGKILL");
    await child?.exited;
  }

  /** Who leads, when it knows all others and they have all that it has. Waits for it. */
  untilWhole(): Promise<string> {
    return until("the masters are whole", () => this.#wholeLeader());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#masters.map(({ child }) => child && end(child)));
    rmSync(this.#options.directory, { recursive: true, force: true });
  }

  async #wholeLeader(): Promise<string | undefined> {
    try {
      this.#asked ??= connectData({ nodes: this.addresses, dataDir: this.dataDir, timeoutMs: 2_000 });
      const { groups } = await (await this.#asked).calls.raft.status({ group: "main" });
      const leader = groups[0]?.leader;
      if (leader === undefined) return undefined;
      const own = await connectData({ nodes: [this.addressOf(leader)], dataDir: this.dataDir, timeoutMs: 2_000 });
      const [group] = (await own.calls.raft.status({ group: "main" })).groups;
      if (group?.role !== "leader" || group.applied === 0) return undefined;
      const others = group.members.filter(({ id }) => id !== leader);
      const isWhole = others.every(({ match = 0, state }) => state === "replicate" && match >= group.commit);
      return isWhole && others.length === this.#masters.length - 1 ? leader : undefined;
    } catch {
      this.#asked = undefined;
      return undefined; // one is being started; asked again
    }
  }

  #named(id: string): Master {
    return this.#masters.find((each) => each.id === id)!;
  }
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill("SIGTERM");
  const timer = systemClock.after(END_WITHIN_MS, () => child.kill("SIGKILL"));
  await child.exited;
  timer.cancel();
}
