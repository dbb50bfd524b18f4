/** How often, how long, how many: each limit with its reason. */

/** What a call takes at most unless told otherwise: an election, a link that has to be made anew, and a few tries. */
export const TIMEOUT_MS_DEFAULT = 15_000;
/** A command that is sent again so long after it was first sent might be taken for a new one: groups forget silent sessions, and how transactions ended. */
export const COMMAND_MS_MAX = 5 * 60_000;
/** A node that says nothing for so long is passed over for another: longer than an election and a slow disk's write. */
export const TRY_MS = 2_000;
/** A transaction over several groups has some five writes to wait for, one behind the other. */
export const DISTRIBUTED_TRY_MS = 10_000;
/** Between rounds over all nodes: soon enough not to be noticed after an election, seldom enough not to hinder it. */
export const BACKOFF_MS_FIRST = 20;
export const BACKOFF_MS_MAX = 500;
/** A client that asks less often than this many times does not look who leads. */
export const LEADER_LOOK_AFTER = 8;
/** Between two looks: leaders change seldom, and a look costs less than a thousandth of what is asked meanwhile. */
export const LEADER_LOOK_MS = 5_000;
/** One that has failed is not preferred for so long: it may lead and be out of this client's reach. */
export const LEADER_AVOID_MS = 10_000;
/** Commands under way in one session: more go by another one. */
export const COMMANDS_AT_ONCE_MAX = 256;
/** Numbers of one session from the first that is under way to the last: half of what groups take. */
export const SESSION_SPAN_MAX = 512;
/** Of one client with one group: some ten thousand commands under way, or five hundred that wait while others pass. */
export const SESSIONS_AT_ONCE_MAX = 512;
/** Of a lock or a message that a handler works on, when nothing is said: after a crash others wait so long. */
export const TTL_MS_DEFAULT = 15_000;
export const VISIBILITY_MS_DEFAULT = 30_000;
/** What is held for a time is kept up that often within it: two tries may fail. */
export const KEEPS_IN_TTL = 3;
/** The part of a lock's time that its holder counts on: clocks of two machines do not run alike. */
export const SAFE_SHARE_OF_TTL = 0.9;
/** One long poll of a watch, a lock, a queue. */
export const POLL_MS = 20_000;
/** Who gives up waiting for a lock tells it, and goes after this time whether or not it was heard: an election takes less. */
export const LEAVE_MS_MAX = 1_000;
/** A watch or a consumer that hears nothing from anybody for so long says so. */
export const SILENCE_MS_MAX = 60_000;
/** Messages that one consumer works on at once. */
export const CONCURRENCY_MAX = 1_000;
/** Between tries of a transaction that others got in the way of, each time a random part of twice as much. */
export const CONFLICT_MS_FIRST = 5;
export const CONFLICT_MS_MAX = 500;
export const TRANSACTION_MS_DEFAULT = 30_000;
