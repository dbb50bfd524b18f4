/** A process that is a node has a duty besides: none, master or worker. */
import type { TreeNode } from "../../process/supervise/index.ts";
import type { LinkHandlers } from "../../wire/link/index.ts";
import type { Service } from "../../wire/rpc/index.ts";
import type { PipelineView } from "../master/pipelines-contract.ts";
import type { ObservedParts } from "../observe/observation.ts";
import type { OpenedNode } from "./open-node.ts";

export interface NodeDuty {
  /** As `ps` and the commands that look for it know it. */
  readonly command: string;
  /** Of links, and of HTTP; the control socket answers the services too. */
  readonly handlers?: LinkHandlers;
  readonly services?: readonly Service[];
  /** It listens; not a member yet. */
  opened?(node: OpenedNode, stop: (reason: string, isFailure?: boolean) => void): void | Promise<void>;
  /** Before it leaves the cluster. */
  ending?(reason: string): Promise<void>;
  /** When nothing more can come. */
  closed?(): Promise<void>;
  /** What runs here, for `ps`. */
  trees?(): readonly TreeNode[];
  /** Hears of pipelines whose state is another now. */
  onPipeline?(hear: (view: PipelineView) => void): void;
  /** What there is to count, for scrapers. */
  observed?(): ObservedParts;
}
