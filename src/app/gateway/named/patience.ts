/** How long a master that goes or comes is waited out. */

/** An election takes less than a second, a restart of a master not much more; whoever waits holds his body in memory. */
export const PATIENCE_MS = 5_000;
export const AGAIN_MS = 100;
/** Said with what may pass. */
export const RETRY_AFTER_MS = 1_000;
