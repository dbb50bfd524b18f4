/** All that is known of why a member is held to be what it is. Times are those of the node's monotonic clock. */
import type { PartitionStatus, Standing } from "../../protocol/partition/index.ts";
import type { Explanation } from "../../protocol/swim/index.ts";

export interface MemberExplanation {
  readonly swim: Explanation;
  readonly nowMs: number;
  /** Of its link's heart-beats; undefined without a link. */
  readonly phi: number | undefined;
  readonly phiSilentAt: number;
  /** What it last said of its side; undefined when nothing was heard from it. */
  readonly standing: Standing | undefined;
  /** This node's side goes on without it. */
  readonly isGivenUp: boolean;
  /** Unreachable, and not given up: a decision is pending or was lost. */
  readonly isMissing: boolean;
  /** This node's own side. */
  readonly side: { readonly status: PartitionStatus; readonly reason: string };
}
