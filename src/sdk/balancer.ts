/** A plugin that decides which worker gets a batch: `balancer=CUSTOM`, `balancer_library=FILE` in a pipeline's settings. */
import type { ParamSchema } from "./param.ts";
import { definePlugin, type PluginDefinition, type PluginInfo, type PluginLogger } from "./plugin.ts";

export interface SelectCandidate {
  /** The worker's id. */
  readonly id: string;
  /** Its size beside the others'. */
  readonly weight: number;
  /** Batches of these stages that it has. */
  readonly outstanding: number;
  /** As it last said: shares of 0 to 1, and all batches that it has. Left out before it has said anything. */
  readonly load?: { readonly cpu: number; readonly memory: number; readonly queue: number };
}

export interface SelectRequest {
  /** The batch's id: its place in the input. */
  readonly batch: string;
  readonly bytes: number;
  /** The stages that it goes through there. */
  readonly stages: readonly string[];
  readonly candidates: readonly SelectCandidate[];
}

export type Select = (
  request: SelectRequest,
  context: { readonly log: PluginLogger },
) => string | undefined | Promise<string | undefined>;

export interface BalancerDefinition {
  readonly info: PluginInfo;
  /** Once, before the first choice. */
  init?(): void | Promise<void>;
  /** The id of one of the candidates. Anything else, a throw, or no answer in time leaves the choice to round robin. */
  readonly select: Select;
  cleanup?(): void | Promise<void>;
}

export type BalancerPlugin = PluginDefinition<ParamSchema> & { readonly api: number; readonly select: Select };

export function defineBalancer({ cleanup, info, init, select }: BalancerDefinition): BalancerPlugin {
  const plugin = definePlugin({
    info,
    params: {},
    init: () => init?.(),
    processBatch() {},
    cleanup: () => cleanup?.(),
  });
  return { ...plugin, select };
}
