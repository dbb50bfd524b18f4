/**
 * A network in memory for whole memberships: one stepped clock, datagrams and push-pulls that arrive a moment later, loss and
 * partitions by rule. Nothing here takes real time.
 */
import type { Clock, Timer } from "../../../../src/base/clock.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  Membership,
  type MembershipEvent,
  type MembershipOptions,
  membershipOptions,
  type Seal,
} from "../../../../src/cluster/membership/index.ts";
import { type Address, addressText, type NodeMeta } from "../../../../src/protocol/swim/index.ts";

const DELAY_MS = 1;
/** Wall clock at the start. */
const EPOCH_MS = 1_800_000_000_000;

/** No secrets: whoever has another key cannot read, and who is not addressed cannot either. */
export function toySeal(key: number): Seal {
  return {
    seal: (bytes, to) => {
      const mark = Buffer.from(`${key}|${addressText(to)}|`);
      return Buffer.concat([mark, bytes]);
    },
    open: (bytes, own) => {
      const mark = Buffer.from(`${key}|${addressText(own)}|`);
      const fits = Buffer.from(bytes.subarray(0, mark.length)).equals(mark);
      return fits ? { ok: true, bytes: bytes.subarray(mark.length) } : { ok: false, reason: "key" };
    },
  };
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export interface Host {
  readonly membership: Membership;
  readonly events: MembershipEvent[];
  readonly warnings: string[];
  readonly address: Address;
  readonly key: number;
  receive: (from: Address, bytes: Uint8Array) => void;
}

export interface HostOptions {
  readonly meta?: Partial<NodeMeta>;
  readonly key?: number;
  /** Instead of the toy's. */
  readonly seal?: (clock: Clock) => Seal;
  readonly host?: string;
  readonly options?: (preset: MembershipOptions) => MembershipOptions;
}

export class Hub {
  readonly hosts = new Map<string, Host>();
  readonly #byAddress = new Map<string, Host & { readonly id: string }>();
  readonly #random;
  #due: Due[] = [];
  #order = 0;
  #nowMs = 0;
  /** May a packet go from one id to another? */
  passes: (from: string, to: string) => boolean = () => true;
  dropsDatagrams: (from: string, to: string) => boolean = () => false;
  loss = 0;
  /** It stands for the addresses of all; no other name has any. */
  knownName = "cluster.test";

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  start(id: string, port: number, { host = "10.0.0.1", key = 1, meta, options, seal }: HostOptions = {}): Host {
    const address = { host, port };
    const [events, warnings]: [MembershipEvent[], string[]] = [[], []];
    const clock = {
      now: () => EPOCH_MS + this.#nowMs,
      monotonic: () => this.#nowMs,
      after: (delayMs: number, run: () => void): Timer => this.#at(delayMs, run),
    };
    const entry = { id, key, events, warnings, address, receive: (_from: Address, _bytes: Uint8Array) => {} };
    const preset = membershipOptions("local", 16);
    const self = {
      id,
      address,
      bornMs: Math.floor(clock.now()),
      meta: { name: `name-${id}`, roles: [], capacities: {}, labels: {}, ...meta },
    };
    const membership = new Membership(self, options?.(preset) ?? preset, {
      clock,
      random: seededRandom(this.#random.below(2 ** 31)),
      seal: seal?.(clock) ?? toySeal(key),
      resolve: async (name) => {
        if (name === this.knownName) return [...this.#byAddress.values()].map((each) => each.address.host);
        throw new Error(`there is no ${name}`);
      },
      datagrams: {
        send: (to, bytes) => this.#send(id, address, to, Uint8Array.from(bytes)),
        onReceive: (handler) => {
          entry.receive = handler;
        },
      },
      syncs: { sync: (to, bytes) => this.#sync(id, to, Uint8Array.from(bytes)) },
      warn: (message) => void warnings.push(message),
      failed: (thrown) => {
        throw thrown;
      },
    });
    const started = Object.assign(entry, { membership });
    membership.on((event) => void events.push(event));
    this.hosts.set(id, started);
    this.#byAddress.set(addressText(address), started);
    membership.start();
    return started;
  }

  /** kill -9: it says nothing any more and hears nothing. */
  kill(id: string): void {
    const host = this.hosts.get(id)!;
    host.membership.stop();
    this.hosts.delete(id);
    this.#byAddress.delete(addressText(host.address));
  }

  datagram(from: Address, to: string, bytes: Uint8Array): void {
    this.hosts.get(to)!.receive(from, bytes);
  }

  /** Lets time pass, and between two moments everything that waits for a promise. */
  async run(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const first = this.#due[0];
      if (!first || first.atMs > endMs) break;
      this.#due.shift();
      const passes = first.atMs > this.#nowMs;
      this.#nowMs = first.atMs;
      if (passes) await settled();
      first.run();
    }
    this.#nowMs = endMs;
    await settled();
  }

  async until(what: string, holds: () => boolean, deadlineMs = 60_000): Promise<number> {
    const startMs = this.#nowMs;
    for (; this.#nowMs < startMs + deadlineMs; await this.run(50)) if (holds()) return this.#nowMs - startMs;
    throw new Error(`not within ${deadlineMs} ms: ${what}`);
  }

  #send(fromId: string, from: Address, to: Address, bytes: Uint8Array): void {
    if (this.#random.next() < this.loss) return;
    this.#at(DELAY_MS * (1 + this.#random.next()), () => {
      const host = this.#byAddress.get(addressText(to));
      if (host && this.passes(fromId, host.id) && !this.dropsDatagrams(fromId, host.id)) host.receive(from, bytes);
    });
  }

  #sync(fromId: string, to: Address, bytes: Uint8Array): Promise<Uint8Array> {
    const { promise, reject, resolve } = Promise.withResolvers<Uint8Array>();
    this.#at(DELAY_MS, () => {
      const host = this.#byAddress.get(addressText(to));
      if (!host || !this.passes(fromId, host.id) || !this.passes(host.id, fromId)) return reject(new Error("refused"));
      if (host.key !== this.hosts.get(fromId)?.key) return reject(new Error("401")); // as links would
      try {
        const answer = Uint8Array.from(host.membership.answerSync(fromId, bytes));
        this.#at(DELAY_MS, () => resolve(answer));
      } catch (thrown) {
        reject(thrown);
      }
    });
    return promise;
  }

  #at(delayMs: number, run: () => void): Timer {
    const due = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    let [low, high] = [0, this.#due.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#due[middle]!.atMs <= due.atMs) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, due);
    return {
      cancel: () => {
        const at = this.#due.indexOf(due);
        if (at >= 0) this.#due.splice(at, 1);
      },
    };
  }
}

/** Whatever waits for promises has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await Promise.resolve();
}
