/**
 * Who watches the health of services at the root. It is open to all and lasts as long as its clients like, so it has to be cheap: one
 * look at a time for all that ask for the same, and so many watchers at most, of all clients and of each. Who is refused can ask
 * (`Check`) as often as limits allow.
 */
import { addressKey } from "../../../base/ip-address.ts";
import { HEALTH_WATCHERS_MAX, HEALTH_WATCHERS_PER_CLIENT_MAX } from "./limits.ts";

/** Whoever has an IPv6 address has a network of this size. */
const CLIENT_PREFIX = 64;

type Look = () => boolean | undefined;

/** What some watch together. */
interface Watched {
  readonly look: Look;
  readonly watchers: Set<HealthWatcher>;
  /** As it was found last: all of them hear the same. */
  isHealthy: boolean | undefined;
}

export class HealthWatches {
  readonly #lookAgain: (look: () => void) => () => void;
  readonly #watched = new Map<string, Watched>();
  readonly #ofClients = new Map<string, number>();
  #count = 0;
  #stop: (() => void) | undefined;

  /** `lookAgain` calls its function from time to time, until the one that it gives back is called. */
  constructor(lookAgain: (look: () => void) => () => void) {
    this.#lookAgain = lookAgain;
  }

  /** Undefined where there are too many. */
  admit(client: string): HealthWatcher | undefined {
    const key = addressKey(client, CLIENT_PREFIX);
    const own = this.#ofClients.get(key) ?? 0;
    if (own >= HEALTH_WATCHERS_PER_CLIENT_MAX || this.#count >= HEALTH_WATCHERS_MAX) return undefined;
    this.#ofClients.set(key, own + 1);
    this.#count++;
    return new HealthWatcher(
      (watcher, what, look) => this.#join(watcher, what, look),
      (watcher) => this.#leave(key, watcher),
    );
  }

  #join(watcher: HealthWatcher, what: string, look: Look): Watched {
    let watched = this.#watched.get(what);
    if (watched === undefined) {
      watched = { look, watchers: new Set(), isHealthy: look() };
      this.#watched.set(what, watched);
    }
    watched.watchers.add(watcher);
    this.#stop ??= this.#lookAgain(() => this.#look());
    return watched;
  }

  #leave(client: string, watcher: HealthWatcher): void {
    this.#count--;
    const own = this.#ofClients.get(client)! - 1; // it was admitted
    if (own > 0) this.#ofClients.set(client, own);
    else this.#ofClients.delete(client);
    const { what, watched } = watcher;
    if (what === undefined || !watched) return;
    watched.watchers.delete(watcher);
    if (watched.watchers.size === 0) this.#watched.delete(what);
    if (this.#watched.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #look(): void {
    for (const watched of this.#watched.values()) {
      const isHealthy = watched.look();
      if (isHealthy === watched.isHealthy) continue;
      watched.isHealthy = isHealthy;
      for (const watcher of watched.watchers) watcher.tell();
    }
  }
}

export class HealthWatcher {
  readonly #join: (watcher: HealthWatcher, what: string, look: Look) => Watched;
  readonly #leave: (watcher: HealthWatcher) => void;
  #what: string | undefined;
  #watched: Watched | undefined;
  #isOver = false;
  /** It has become another. */
  tell: () => void = () => {};

  constructor(
    join: (watcher: HealthWatcher, what: string, look: Look) => Watched,
    leave: (watcher: HealthWatcher) => void,
  ) {
    this.#join = join;
    this.#leave = leave;
  }

  get what(): string | undefined {
    return this.#what;
  }

  get watched(): Watched | undefined {
    return this.#watched;
  }

  /** As it was found last, by `look` of whoever was the first to watch `what`; from then on it is told. */
  health(what: string, look: Look): boolean | undefined {
    if (this.#watched === undefined && !this.#isOver) {
      this.#what = what;
      this.#watched = this.#join(this, what, look);
    }
    return this.#watched?.isHealthy;
  }

  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave(this);
  }
}
