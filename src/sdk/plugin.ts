/** The plugin contract: four operations, and three more for a plugin that keeps something between batches. */
import type { Batch } from "./batch.ts";
import type { ParamSchema, ParamValues } from "./param.ts";

/** Version of this contract. The host refuses a definition made for another. */
export const PLUGIN_API_VERSION = 1;

export interface PluginInfo {
  /** Lower-case letters, digits, `-` and `_`. */
  readonly name: string;
  /** Semantic version of the plugin itself, such as 1.2.0. */
  readonly version: string;
  readonly description: string;
  readonly author?: string;
}

export interface PluginLogger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface PluginContext<S extends ParamSchema = ParamSchema> {
  readonly params: ParamValues<S>;
  readonly pipeline: string;
  /** Id of the run: kept when a run is resumed after a crash, new when it starts over. */
  readonly run: string;
  readonly stage: string;
  /**
   * Number of this process among its stage's that live, from 0: no two have the same. With `lanes=2,standby=1` they are 0, 1
   * and 2; whoever is started for a dead one takes the number that has become free.
   */
  readonly lane: number;
  /**
   * The host's own working directory: empty at its start, gone with its end. What shall stay is named by parameters
   * (`param.file`, `param.path`), which arrive absolute.
   */
  readonly directory: string;
  readonly log: PluginLogger;
}

/** State as the plugin gives it: anything JSON can say, or bytes. */
export type Snapshot =
  | Uint8Array
  | string
  | number
  | boolean
  | null
  | readonly unknown[]
  | { readonly [key: string]: unknown };

/** What is wrong with a parameter beyond its type. */
export interface ParamFault {
  /** The parameter's name. */
  readonly param: string;
  /** What is wrong and what is required: `"a+" ends where a field or a number is required`. */
  readonly message: string;
}

export interface PluginDefinition<S extends ParamSchema = ParamSchema> {
  readonly info: PluginInfo;
  readonly params: S;
  /**
   * Batches arrive in source order, on one lane. Implied by `snapshot`; ask for it alone when order matters but the state
   * lives outside the process.
   */
  readonly sequential?: boolean;
  /**
   * Only one process at a time may be initialised: it holds a lock, a port, a file with one writer. A standby is then loaded
   * and not initialised, and a swap lets the old one clean up before the new one's `init`.
   */
  readonly exclusive?: boolean;
  /**
   * Looks at converted parameters before anything runs: expressions that do not parse, combinations that make no sense,
   * files that do not read. All faults at once. It may read what parameters name and must change nothing.
   */
  check?(params: ParamValues<S>): readonly ParamFault[] | Promise<readonly ParamFault[]>;
  /** Once, before the first batch. May throw to refuse to start. */
  init(context: PluginContext<S>): void | Promise<void>;
  /** Changes the batch in place. A throw fails the batch; the stage's failover policy decides what follows. */
  processBatch(batch: Batch, context: PluginContext<S>): void | Promise<void>;
  /**
   * At the end of the input, with the batch behind the last one (it holds no more than what stages before have added): for what
   * the plugin has kept back, which it appends. Like any batch it may be replayed, and must give the same again. Not called
   * when a run is stopped before the end of its input: what is open then goes on from the checkpoint.
   */
  finish?(batch: Batch, context: PluginContext<S>): void | Promise<void>;
  /** Once, when the host stops in order; not after a crash. */
  cleanup(context: PluginContext<S>): void | Promise<void>;
  /**
   * Called every `health_interval`, where the stage asks for it, while the host has no batch. A throw, or no answer in time, several
   * times in a row replaces the host: for what goes wrong without a batch failing, such as a connection that is gone.
   */
  health?(context: PluginContext<S>): void | Promise<void>;
  /** The state after the batch just processed; stored with the checkpoint. */
  snapshot?(context: PluginContext<S>): Snapshot | Promise<Snapshot>;
  /** Called after init with what `snapshot` gave, when a host starts from a checkpoint. */
  restore?(snapshot: Snapshot, context: PluginContext<S>): void | Promise<void>;
}

/** What the host sees: the definition with the contract's version. */
export interface PluginPackage extends PluginDefinition {
  readonly api: number;
}

/** Checks types at compile time and stamps the contract's version; the host validates again at load time. */
export function definePlugin<const S extends ParamSchema>(
  definition: PluginDefinition<S>,
): PluginDefinition<S> & { readonly api: number } {
  return { ...definition, api: PLUGIN_API_VERSION };
}
