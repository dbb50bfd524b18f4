/** A gateway core with the masks of one route, and a clock that gives long ones their turns. */
import type { Clock, Timer } from "../../../../../src/base/clock.ts";
import { MaskWork, RouteMasks } from "../../../../../src/edge/gateway/guard/index.ts";
import { compileMasks, readMaskKey } from "../../../../../src/edge/gateway/mask/index.ts";
import { BytesSource, type HeaderList } from "../../../../../src/wire/http/index.ts";
import { CoreRig, planOf } from "../core/rig.ts";

const MIB = 1024 * 1024;

export interface MaskRigOptions {
  readonly bounds?: { readonly inflatedBytesMax: number; readonly inflateRatioMax: number };
  readonly heldBytesMax?: number;
}

/** Each look at it takes that long: work that goes by the clock comes to its end. */
export class BusyClock implements Clock {
  readonly #lookMs: number;
  #ms = 0;
  readonly #due = new Set<() => void>();

  constructor(lookMs: number) {
    this.#lookMs = lookMs;
  }

  now(): number {
    return this.monotonic();
  }

  monotonic(): number {
    this.#ms += this.#lookMs;
    return this.#ms;
  }

  after(_delayMs: number, callback: () => void): Timer {
    this.#due.add(callback);
    return { cancel: () => void this.#due.delete(callback) };
  }

  /** Who waits to be called back. */
  get timers(): number {
    return this.#due.size;
  }

  /** One turn of the loop; says whether anybody waited for it. */
  turn(): boolean {
    const due = [...this.#due];
    this.#due.clear();
    for (const callback of due) callback();
    return due.length > 0;
  }
}

/** `where|what|action|options` of each mask. */
export function rigOf(lines: readonly string[], options: MaskRigOptions = {}) {
  const { bounds = { inflatedBytesMax: 16 * MIB, inflateRatioMax: 100 }, heldBytesMax = 128 * MIB } = options;
  const route = "route|r|/*|http://up|retries=0";
  const { masks } = planOf([route, ...lines.map((line) => `mask|${line}`)]);
  const set = compileMasks(masks, (path) => readMaskKey(new Uint8Array(32), path, (length) => new Uint8Array(length)));
  const clock = new BusyClock(1);
  const work = new MaskWork(clock, heldBytesMax);
  const both = { request: set.rulesFor("r", "request"), reply: set.rulesFor("r", "reply") };
  const own = new RouteMasks(both, bounds, work);
  const guards = own.guard ? [own.guard] : [];
  return { own, work, clock, rig: new CoreRig(route, { guardsFor: () => ({ steps: [own.step], guards }) }) };
}

export function post(rig: CoreRig, text: string | Uint8Array, headers: HeaderList, target = "/") {
  return rig.send(target, { method: "POST", headers, body: new BytesSource(Buffer.from(text)) });
}
