/** Bounds of task graphs: far beyond what people write, near enough that a wrong file costs nothing. */

/** Where a scheduler's table of tasks is still a few hundred megabytes. */
export const TASKS_MAX = 100_000;

/** 100,000 tasks of 600 bytes each. */
export const GRAPH_BYTES_MAX = 64 * 2 ** 20;

/** Edges in one graph: what a layered graph of TASKS_MAX tasks with ten needs each has. */
export const NEEDS_MAX = 1_000_000;

/** Ids stand in tables, URLs and metrics. */
export const ID_LENGTH_MAX = 128;

/** Objects and lists in each other: deeper is no graph, and reading it must not use up the stack. */
export const DEPTH_MAX = 64;

/** Enough to mend a whole file in one go. */
export const FAULTS_MAX = 100;

/** Looking for what was meant compares with every id: only for the first few. */
export const SUGGESTIONS_MAX = 10;

/** Cycles that are named; each is found by a walk of its own. */
export const CYCLES_MAX = 10;

/**
 * Tasks that others refer to without needing them directly. Each costs one walk over the graph; a direct need costs none.
 */
export const INDIRECT_MAX = 1_000;

/** Tasks at once. More than a machine's sockets and processes can take is the business of more machines. */
export const PARALLEL_MAX = 10_000;
export const PARALLEL_DEFAULT = 64;

/** What a task leaves for the others and for `task show`. Larger results belong in a file or a pipeline. */
export const RESULT_BYTES_DEFAULT = 2 ** 20;
export const RESULT_BYTES_MAX = 16 * 2 ** 20;

/** What a task is given once its references are filled in: results put into each other must not grow without end. */
export const INPUT_BYTES_MAX = 16 * 2 ** 20;

/** Results kept in memory for tasks that will refer to them; others are read from the store again. */
export const RESULT_MEMORY_BYTES = 64 * 2 ** 20;

/** Reasons stand in tables and logs. */
export const REASON_LENGTH_MAX = 2_000;

export const RETRIES_MAX = 100;
export const RETRY_BACKOFF_MS = 1_000;
export const RETRY_BACKOFF_MAX_MS = 60_000;

/** Of one attempt. A pipeline is hours of work, a request is not. */
export const TIMEOUT_MS = { http: 60_000, plugin: 60_000, pipeline: 24 * 3_600_000 } as const;
export const TIMEOUT_MS_MAX = 30 * 24 * 3_600_000;
