/** The failover policies: one table that the parser, the engine's messages and `check --explain` read. */
export const policies = {
  FAIL_FAST: "the pipeline stops at the poison record and can be resumed at this batch; nothing behind it is written",
  RETRY_WITH_BACKOFF:
    "tries wait longer each time (settings backoff and backoff_max); the poison record goes to the dead letters",
  SKIP_AND_CONTINUE: "the poison record is left out and counted as skipped",
  DEAD_LETTER: "tries follow at once; the poison record goes to the dead letters",
  FALLBACK:
    "the poison record is handed to the library named by the parameter fallback=; if that fails too, to the dead letters; " +
    "rescued records leave behind the others of their batch, also with ordered=true",
  FAILOVER:
    "the poison record is tried once more in another host process (on another node of a cluster), then goes to the dead letters",
} as const;

export type FailoverPolicy = keyof typeof policies;

export const policyNames = Object.keys(policies) as readonly FailoverPolicy[];

/** What comes before any policy's own word. */
export const POLICY_PREAMBLE =
  "A batch is tried 1 + max_retries times, each try for at most timeout_ms; every policy but RETRY_WITH_BACKOFF tries " +
  "again at once. A batch that keeps failing is halved until the poison records are found; the others go on. " +
  "What happens to each poison record is the policy's word:";
