/** A process that is a node has a duty besides: none, master or worker. */
import type { TreeNode } from "../../process/supervise/index.ts";
import type { LinkHandlers } from "../../wire/link/index.ts";
import type { Dispatcher, Service } from "../../wire/rpc/index.ts";
import type { ServiceDoor } from "../../work/service/words/index.ts";
import type { PipelineView } from "../master/pipelines-contract.ts";
import type { ObservedParts } from "../observe/observation.ts";
import type { Authenticate } from "../token/authenticate.ts";
import type { OpenedNode } from "./open-node.ts";

export interface NodeShown {
  /** Who sends a request, by the tokens of this cluster. */
  readonly authenticate: Authenticate;
  /** The services of the cluster. */
  readonly services: ServiceDoor;
  /** All contracts of this node, and those of masters through it. */
  readonly dispatcher: Dispatcher;
}

export interface NodeDuty {
  /** As `ps` and the commands that look for it know it. */
  readonly command: string;
  /** Of links, and of HTTP; the control socket answers the services too. */
  readonly handlers?: LinkHandlers;
  readonly services?: readonly Service[];
  /** It listens; not a member yet. */
  opened?(node: OpenedNode, stop: (reason: string, isFailure?: boolean) => void): void | Promise<void>;
  /** What the node answers with, for a duty that lets others in too; before `opened`. */
  attach?(shown: NodeShown): void;
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
