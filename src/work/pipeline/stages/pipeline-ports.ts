/** What a run needs from outside, beyond its plan. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { Tracer } from "../../../base/trace.ts";
import type { HostCommand, HostHandlers } from "../../../process/plugin/index.ts";
import type { LoadHost } from "./stage-host.ts";
import type { StageEvent } from "./types.ts";

export interface PipelinePorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Nothing is recorded without one. */
  readonly tracer?: Tracer | undefined;
  readonly host: HostCommand;
  /** Starts processes; another one in tests. */
  readonly load?: LoadHost;
  /** Each host gets a directory of its own below it; without one it works where the daemon does. */
  readonly workDirectory?: string | undefined;
  show(stage: string, stream: Parameters<HostHandlers["output"]>[0], line: string): void;
  observe?: ((stage: string, event: StageEvent) => void) | undefined;
}
