/** What a running instance lets be done to it: the narrow side that faces the pipeline, free of sockets and names. */
import type { ReloadReport, Stopped, SwapReport, TreeNode } from "./contract.ts";

export interface SwapRequest {
  readonly stage: string;
  /** An absolute path. */
  readonly library: string;
  /** In place of those of the same names in the pipeline file; the others are as there, also after an earlier swap. */
  readonly params: Readonly<Record<string, string>> | undefined;
}

/**
 * What a running instance lets be done to it. Paths are whole ones, `/root/stage/lane 0`, and were found in the tree. A
 * signal aborts when nobody waits any longer: what must not be left half done goes on all the same. Failures keep their codes.
 */
export interface InstanceControl {
  describe(): TreeNode | Promise<TreeNode>;
  /** Ends it and everything below it, in order. What ends the instance itself only begins that, and is answered at once. */
  stop(path: string, signal: AbortSignal): Promise<Stopped>;
  restart(path: string, signal: AbortSignal): Promise<readonly string[]>;
  swap(request: SwapRequest, signal: AbortSignal): Promise<SwapReport>;
  reload(signal: AbortSignal): Promise<ReloadReport>;
}
