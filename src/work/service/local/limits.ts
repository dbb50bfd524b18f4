/** The numbers of the services of a node, each with its reason. */

/** A process with its module takes 0.2 s; on a machine that starts many at once ten times as long, and a database may be slow to greet. */
export const LOAD_TIMEOUT_MS = 20_000;
export const INIT_TIMEOUT_MS = 20_000;

/** Calls are short; who waits for a swap or an end does not want to wait longer for the one that is not. */
export const DRAIN_MS = 10_000;
/** For `cleanup`, after the calls, before the process is killed. */
export const CLEANUP_MS = 5_000;

/** Calls wait that long for a process: its first restart comes at once and takes a few tenths of a second. */
export const WAIT_MS_MAX = 2_000;
/** More of them would be a burst that the new process cannot take either. */
export const WAITING_MAX = 512;

/** As supervisors of plugins: what fails more often than this does not get better by itself. */
export const RESTARTS_MAX = 5;
export const RESTART_PERIOD_MS = 60_000;
export const RESTART_DELAY_MS = 200;
export const RESTART_DELAY_MS_MAX = 10_000;

/** Processes of one service on one node, whatever its definition says: each has some 40 MB. */
export const INSTANCES_MAX = 32;
/** Services of one node: as many as others take of it. */
export const SERVICES_MAX = 256;

export const HEALTH_INTERVAL_MS = 5_000;
export const HEALTH_TIMEOUT_MS = 2_000;
/** One slow answer says nothing. */
export const HEALTH_FAILURES_UNOFFERED = 2;
/** What has not got better in half a minute is replaced. */
export const HEALTH_FAILURES_REPLACED = 6;

/** How often files are looked at where that is asked for, and for those of failed services: a person does not notice. */
export const LOOK_MS = 1_000;

/** Files that make up one service, for telling whether it has changed: more are told apart by size and time only. */
export const FINGERPRINT_FILES_MAX = 1_000;
export const FINGERPRINT_BYTES_MAX = 8 * 2 ** 20;

/** Who asks for a look at the files waits so long for what it sets going: an `init` is allowed to take longer, a person is not asked to. */
export const RESCAN_MS = 10_000;

/** Of a file that does not load for a reason that may pass. */
export const LOAD_TRIES = 3;

/** Of a call whose answer is kept, whoever asked first: as long as callers usually wait. */
export const SHARED_LOAD_MS = 10_000;
