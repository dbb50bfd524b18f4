/**
 * Locks whose holders come and go, with fencing tokens and leases that end by themselves: some are given back, some kept up, some left. The
 * history bears times, so that exclusion is judged for as long as a lease certainly lasts.
 */
import { type LockInput, type LockOutput, lockModel } from "../linearizability/index.ts";
import { judgeHistory, TimedRecorder } from "./histories.ts";
import { type Judgement, Keys, recorded, timeoutOf, type Worker, type Workload } from "./workload.ts";

const OPERATIONS_MAX = 80;
/** Long beside a call, short beside a run: some end by themselves while others ask. */
const TTL_MS = 1_500;
const HOLD_MS_MAX = 30;

export class Locks implements Workload {
  readonly name = "lock";
  readonly #history = new TimedRecorder<LockInput, LockOutput>();
  readonly #keys = new Keys("chaos-lock", OPERATIONS_MAX);
  #holders = 0;

  async step(worker: Worker): Promise<void> {
    const { data, random } = worker;
    const lock = this.#keys.take();
    const holder = `${worker.name}-${++this.#holders}`;
    const place = { group: "main", lock, holder };
    const asked = this.#history.invoke(worker.name, lock, { kind: "acquire" });
    const acquire = () => data.calls.lock.acquire({ ...place, ttlMs: TTL_MS, waitMs: 0 }, timeoutOf(worker));
    const reply = await recorded(worker, asked, acquire, ({ token }) => token ?? null);
    if (reply?.token === undefined) return;
    const { token } = reply;
    await Bun.sleep(random.below(HOLD_MS_MAX));
    if (random.below(4) === 0) {
      const kept = this.#history.invoke(worker.name, lock, { kind: "renew", token });
      const keep = () => data.calls.lock.keep({ ...place, token }, timeoutOf(worker));
      await recorded(worker, kept, keep, ({ state }) => state === "held");
    }
    if (random.below(5) === 0) return; // as somebody who dies
    const given = this.#history.invoke(worker.name, lock, { kind: "release", token });
    const release = () => data.calls.lock.release({ ...place, token }, timeoutOf(worker));
    await recorded(worker, given, release, ({ state }) => state === "released");
  }

  async finish(): Promise<void> {}

  judge(): Judgement {
    return judgeHistory(this.name, lockModel({ leaseMs: TTL_MS }), this.#history.operations());
  }
}
