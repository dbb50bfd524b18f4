/** The steps of a swap that change nothing by themselves: making a host ready, emptying a lane, asking for a state, waiting. */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { ProcessMessage } from "../../../process/plugin/index.ts";
import type { BatchSample } from "./batch-sample.ts";
import type { HostLauncher } from "./host-launcher.ts";
import type { LaneKeeper } from "./lane-keeper.ts";
import { planFault, type StageHost } from "./stage-host.ts";
import type { StageBody } from "./stage-hosts.ts";
import type { StageEvent, StagePlan } from "./types.ts";

export interface SwapPorts {
  readonly body: StageBody;
  readonly keepers: readonly LaneKeeper[];
  readonly launcher: HostLauncher;
  readonly clock: Clock;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly encoding: ProcessMessage["encoding"];
  readonly sample: BatchSample;
  /** The plan of the stage is another now. */
  renewed(): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

/** One lane on its way from the old plan to the new. */
export interface Move {
  readonly keeper: LaneKeeper;
  /** In reserve, with the state of the moment at which it left. */
  old: StageHost | undefined;
  trial: "pending" | "passed" | "failed";
  readonly judged: PromiseWithResolvers<void>;
  readonly served: PromiseWithResolvers<void>;
}

/** How long a lane that gets no batch holds up the next one. */
const TRIAL_WAIT_MS = 250;
/** Room asked for where nobody knows yet how large a state is. */
const STATE_BYTES_MIN = 64 * 1024;

/** Everything that can be known of a host before a lane depends on it. Fails with `swap.refused`; the host is gone then. */
export async function prepare(
  host: StageHost,
  from: StagePlan,
  exclusive: boolean,
  ports: Pick<SwapPorts, "clock" | "encoding" | "sample">,
): Promise<StageHost> {
  const to = host.plan;
  try {
    const fault = planFault(to, await host.loaded);
    if (fault) throw fault;
    const faults = await host.check();
    if (faults.length > 0) throw new Failure("plugin.params", faults.join("; "));
    if (exclusive) return host;
    await host.initialise();
    await probe(host, from.timeoutMs, ports);
    return host;
  } catch (thrown) {
    host.kill("was refused by a swap");
    const { code, message } = toFailure(thrown, "plugin.start");
    const words = `stage ${to.name} keeps ${from.library}: ${to.library} cannot take over: ${message}`;
    throw new Failure("swap.refused", words, { data: { cause: code } });
  }
}

/** It goes over a batch that the old plugin has finished, within the time that a batch may take. */
async function probe(
  host: StageHost,
  timeoutMs: number,
  { clock, encoding, sample }: Pick<SwapPorts, "clock" | "encoding" | "sample">,
): Promise<void> {
  if (sample.text === undefined) return;
  const late = new AbortController();
  const tooLate = pause(clock, timeoutMs, late.signal).then(
    () => new Failure("plugin.probe_timeout", `it did not finish a probe within ${timeoutMs} ms`),
  );
  const failure = await Promise.race([host.warm(sample.text, encoding), tooLate]);
  late.abort();
  if (failure) throw failure;
  if (!host.alive) throw new Failure("plugin.exited", `it ${(await host.ended).reason} over a probe`);
}

/** A lane whose batch takes too long gives it to the next host; it was not its fault. The lane is held afterwards. */
export async function drain(
  { lane }: LaneKeeper,
  { clock, stopTimeoutMs }: Pick<SwapPorts, "clock" | "stopTimeoutMs">,
): Promise<void> {
  const reason = "was replaced: a swap could wait no longer for its batch";
  const timer = clock.after(stopTimeoutMs, () => lane.recycle(reason));
  await lane.hold();
  timer.cancel();
}

/** The log then begins with the state of this moment. Without an answer it says the same, with more to go through. */
export async function takeState({ lane }: LaneKeeper, { body: { replays } }: Pick<SwapPorts, "body">): Promise<void> {
  if (!replays || replays.entries.length === 0 || !lane.serving) return;
  const expectedBytes = Math.max(STATE_BYTES_MIN, 2 * (replays.snapshot?.length ?? 0));
  const state = await lane.askState(expectedBytes).catch(() => undefined);
  if (state) replays.cover(state);
}

/** Some time for the first batch, and all it needs for one that is inside. */
export async function untilJudged(
  { judged, keeper }: Move,
  { clock, stopTimeoutMs }: Pick<SwapPorts, "clock" | "stopTimeoutMs">,
): Promise<void> {
  const waiting = new AbortController();
  await Promise.race([judged.promise, pause(clock, TRIAL_WAIT_MS, waiting.signal)]);
  if (!keeper.lane.idle) await Promise.race([judged.promise, pause(clock, stopTimeoutMs, waiting.signal)]);
  waiting.abort();
}

/** Or until the lane has had all the time that a start may take. */
export async function untilServing(
  keeper: LaneKeeper,
  { clock, startTimeoutMs }: Pick<SwapPorts, "clock" | "startTimeoutMs">,
): Promise<void> {
  const waiting = new AbortController();
  await Promise.race([keeper.serves(), pause(clock, startTimeoutMs, waiting.signal)]);
  waiting.abort();
}
