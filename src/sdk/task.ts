/**
 * Task graphs written in TypeScript: the same fields as in a JSON file, checked by the compiler as they are written and by the
 * program again before anything runs. The module's default export is what `defineTaskGraph` gives; it becomes plain JSON.
 */

/** Milliseconds, or a text such as `500ms`, `10s` or `5m`. */
type Duration = number | string;
/** Bytes, or a text such as `64KiB`. */
type Size = number | string;

/** The id of a task that has to be done before; an optional one may fail. */
export type TaskNeed = string | { readonly task: string; readonly optional?: boolean };

/** How many more attempts, or that and how long to wait between them. */
export type TaskRetry = number | { readonly max: number; readonly backoff?: Duration; readonly backoff_max?: Duration };

interface CommonFields {
  /** Letters, digits, `_` and `-`. */
  readonly id: string;
  readonly needs?: readonly TaskNeed[];
  /** Of one attempt. */
  readonly timeout?: Duration;
  readonly retry?: TaskRetry;
}

type TaskMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";

interface PlacedFields extends CommonFields {
  /** Tasks of one key go to one worker where the graph's balancer is CONSISTENT_HASH; the id when left out. It may hold references. */
  readonly key?: string;
}

interface HttpFields extends PlacedFields {
  /** Texts may hold references: `${tasks.ID.output.path}`, `${tasks.ID.state}`, `${env.NAME}`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text goes as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Statuses that are fine: `200`, `"200-299"`, `"2xx"`; 200 to 299 when left out. */
  readonly expect?: number | string | readonly (number | string)[];
  /** Lets POST and PATCH be repeated: it is sent as Idempotency-Key, the same on each attempt. `true` makes one. */
  readonly idempotency_key?: string | boolean;
  /** The most that is taken of an answer. */
  readonly response_bytes?: Size;
}

export type HttpTaskDefinition =
  | (HttpFields & { readonly type: "http"; readonly method: TaskMethod })
  | (HttpFields & { readonly type: TaskMethod });

export interface PluginTaskDefinition extends PlacedFields {
  readonly type: "plugin";
  /** The path of a plugin file, seen from the graph's file. */
  readonly library: string;
  readonly params?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** A list of records, or one reference that gives a list. */
  readonly records?: string | readonly unknown[];
  /** False where doing it twice does harm: then it is not repeated once it may have begun. True when left out. */
  readonly idempotent?: boolean;
}

export interface PipelineTaskDefinition extends CommonFields {
  readonly type: "pipeline";
  /** The path of a pipeline file, seen from the graph's file. */
  readonly file: string;
}

export type TaskDefinition = HttpTaskDefinition | PluginTaskDefinition | PipelineTaskDefinition;

export interface TaskGraphDefinition {
  readonly name: string;
  /** Tasks at once; 1 is one after the other. */
  readonly parallel?: number;
  readonly balancer?: string;
  /** Of the whole run. */
  readonly timeout?: Duration;
  /** `stop` starts nothing any more once a required task has failed. */
  readonly on_failure?: "stop" | "continue";
  /** Variables that texts may name. */
  readonly env?: readonly string[];
  readonly tasks: readonly TaskDefinition[];
}

export function defineTaskGraph(definition: TaskGraphDefinition): TaskGraphDefinition {
  return definition;
}
