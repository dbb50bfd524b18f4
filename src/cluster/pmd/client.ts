/**
 * What a node or a command holds of the port mapper of its host: asks it, registers with it, watches it. It lives through
 * the port mapper's death and restart, and starts one through `revive` where none runs. One that was ended in order stays
 * down: who watches has been told so, and waits for another to be started.
 */
import type { Clock } from "../../base/clock.ts";
import type { Failure } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { type ConnectionOptions, PmdConnection } from "./connection.ts";
import type { PmdMethods, PmdStatus, Registration } from "./contract.ts";
import type { PmdIdentity } from "./identity.ts";
import type { PeerListing } from "./peer.ts";
import { type PeerListener, PeerWatch } from "./peer-watch.ts";
import { Registered } from "./registered.ts";

export interface PmdClientOptions extends ConnectionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when a port mapper answers; left out where none is to be started. */
  readonly revive?: () => Promise<void>;
}

export class PmdClient {
  readonly #options: PmdClientOptions;
  readonly #connection: PmdConnection;
  readonly #registered = new Set<Registered>();
  readonly #watches = new Set<PeerWatch>();
  #life: string | undefined;
  #wasEnded = false;

  constructor(options: PmdClientOptions) {
    this.#options = options;
    this.#connection = new PmdConnection(options);
  }

  /** Every method of the contract, as it is. */
  get methods(): PmdMethods {
    return this.#connection.methods;
  }

  /** Who listens. Fails with `pmd.not_running`, `pmd.other_key`, `pmd.clock`, `pmd.port_taken_by_epmd`, `pmd.port_taken`. */
  identify(): Promise<PmdIdentity> {
    return this.#connection.identify();
  }

  /** Fails with `pmd.not_found`. */
  resolve(alias: string): Promise<PeerListing> {
    return this.methods.resolve({ alias });
  }

  async list(): Promise<readonly PeerListing[]> {
    return (await this.methods.list({})).peers;
  }

  status(): Promise<PmdStatus> {
    return this.methods.status({});
  }

  /** For one request of another program, such as curl. */
  token(): Promise<string> {
    return this.#connection.token();
  }

  /** Registers, and keeps the registration up until it is closed. Fails with `pmd.alias_taken` and others. */
  async register(
    registration: Registration,
    changed: (why: Failure | undefined) => void = () => {},
  ): Promise<Registered> {
    const { clock, random } = this.#options;
    const ports = { methods: this.methods, clock, random, changed, revive: () => this.#revive() };
    const registered = await Registered.open(ports, registration);
    for (const each of this.#registered) if (each.isClosed) this.#registered.delete(each);
    this.#registered.add(registered);
    return registered;
  }

  watch(listener: PeerListener): PeerWatch {
    const { clock, random } = this.#options;
    const watch = new PeerWatch(
      { clock, random, open: (signal) => this.#connection.watch(signal) },
      {
        changed: listener.changed,
        connected: (life) => {
          this.#met(life);
          listener.connected?.(life);
        },
        disconnected: (reason, failure) => {
          if (reason === "killed" || reason === "stopping") this.#wasEnded = true;
          else this.#beatAll(); // who has died is noticed now, not at the next heart-beat
          listener.disconnected?.(reason, failure);
        },
      },
    );
    this.#watches.add(watch);
    return watch;
  }

  /** Ends what it watches and unregisters what it registered. */
  async close(): Promise<void> {
    await Promise.all([...this.#watches].map((watch) => watch.close()));
    await Promise.all([...this.#registered].map((registered) => registered.close()));
  }

  /** A port mapper that was not there before does not know our nodes. */
  #met(life: string): void {
    this.#wasEnded = false;
    if (life !== this.#life) this.#beatAll();
    this.#life = life;
  }

  #beatAll(): void {
    for (const registered of this.#registered) registered.beatNow();
  }

  async #revive(): Promise<void> {
    if (!this.#wasEnded) await this.#options.revive?.();
  }
}
