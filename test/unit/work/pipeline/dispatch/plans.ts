/** Plans of stages that run nothing, for tests of who gets them. */
import { checksumIn } from "../../../../../src/wire/batch/index.ts";
import { ForeignSegments, type Lying } from "../../../../../src/work/pipeline/dispatch/contents.ts";
import type { LeaseMessage } from "../../../../../src/work/pipeline/dispatch/messages.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";

export function planOf(name: string, more: Partial<StagePlan> = {}): StagePlan {
  return {
    name,
    library: `/${name}.ts`,
    revision: "1",
    params: {},
    policy: "RETRY_WITH_BACKOFF",
    maxRetries: 0,
    timeoutMs: 10_000,
    lanes: 1,
    sequential: false,
    stateful: false,
    exclusive: false,
    standby: 0,
    limits: {},
    passEnv: [],
    ...more,
  };
}

/** Content that does not come in parts. */
export function whole(content: LeaseMessage["content"]): Lying {
  if ("part" in content) throw new Error("it comes in parts");
  return content;
}

/** What a lease says of its content's checksum; of content that is nowhere it is anything. */
export function checkOf(content: LeaseMessage["content"]): number {
  try {
    return checksumIn(new ForeignSegments().batchOf(whole(content), () => {}).view);
  } catch {
    return 0;
  }
}
