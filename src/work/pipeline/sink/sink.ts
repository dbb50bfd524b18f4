/**
 * The contract of a sink. What `flush` has returned is durable and can be gone back to: after a crash `open` with that
 * position undoes whatever was written later, so that writing it again gives each record once.
 */
export interface Sink {
  /** What `write` takes: NDJSON lines as they shall lie in the file, or a batch envelope. */
  readonly encoding: "ndjson" | "batch";
  /** Rolls back to the position; undefined starts afresh and empties what was there. */
  open(position: SinkPosition | undefined): Promise<void>;
  /** In the order of the calls. The bytes are used until the promise settles. After a failure only `open` helps. */
  write(bytes: Uint8Array, batchId: string): Promise<void>;
  /** Makes everything durable that was written before this call. Later writes may already be under way. */
  flush(): Promise<SinkPosition>;
  /** Finishes what needs an end (an Arrow stream's mark) and lets go. What was not flushed may be there or not. */
  close(): Promise<void>;
  /** Lets go without finishing anything, after a failure. */
  abort(): Promise<void>;
}

/** Plain JSON, to be stored in a checkpoint. Only the sink that made it reads what is inside. */
export interface SinkPosition {
  readonly v: 1;
  readonly kind: string;
  readonly [field: string]: unknown;
}
