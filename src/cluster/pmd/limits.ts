/** How much of everything a port mapper holds and waits for: each limit with its reason. */

/** epmd's own number: who looks for a port mapper looks there. */
export const PMD_PORT_DEFAULT = 4369;
/** The only address it listens on: it maps the ports of one host, and nobody else's processes are to ask. */
export const PMD_HOST = "127.0.0.1";

/** A node that is killed is gone after so long; long enough for three heart-beats of which two may get lost. */
export const TTL_MS_DEFAULT = 10_000;
/** Below it a busy machine's pauses would look like deaths. */
export const TTL_MS_MIN = 500;
/** Beyond it a dead node's alias would be blocked longer than anybody waits. */
export const TTL_MS_MAX = 600_000;
/** Heart-beats in a TTL: two may get lost. */
export const BEATS_PER_TTL = 3;

/** Timers of a machine at work are late by some milliseconds; who is later has been stopped, or its machine was. */
export const OWN_PAUSE_MS_MIN = 50;
/** What heart-beats that piled up in a pause need to be read. */
export const BEAT_GRACE_MS = 1_000;
/** Processes that can be seen are looked at so often: a node that is killed is gone in a second and not in a TTL. */
export const LOOK_EVERY_MS = 1_000;

/** Nodes of one host: far more than the processes that a machine runs; with `META_BYTES_MAX` it bounds a snapshot to about 2 MiB. */
export const PEERS_MAX = 1024;
/** Watchers hold a connection each, and every change is written to each of them. */
export const WATCHERS_MAX = 256;
/** What may wait for one slow watcher beside its snapshot: some thousand changes. Beyond it the watcher is dropped and told. */
export const WATCHER_BYTES_MAX = 512 * 1024;
/** A silent watch connection gets a comment this often, so that both sides learn when the other is gone. */
export const KEEP_ALIVE_MS = 5_000;
/** A watcher that hears nothing for three keep-alives takes the connection for dead. */
export const WATCH_SILENCE_MS_MAX = 3 * KEEP_ALIVE_MS;
/** A line of the stream is at most a snapshot: `PEERS_MAX` peers of the largest size. A longer one is no port mapper's. */
export const EVENT_CHARS_MAX = 8 * 1024 * 1024;

export const ALIAS_CHARS_MAX = 128;
export const NODE_ID_CHARS_MAX = 128;
/** The longest name in DNS. */
export const HOST_CHARS_MAX = 253;
/** A few words about a node; what is more is the node's own to tell. */
export const META_KEYS_MAX = 16;
export const META_KEY_CHARS_MAX = 64;
export const META_VALUE_CHARS_MAX = 256;
/** As JSON. */
export const META_BYTES_MAX = 1024;

/** No request of ours comes near it: the contract has a limit of its own, below this one, and says so in words. */
export const BODY_BYTES_MAX = 2 * 1024 * 1024;
/** A connection on which nothing moves is closed. */
export const IDLE_SECONDS_MAX = 10;
/** On the own host an answer takes milliseconds: who needs longer is busy beyond use or no port mapper. */
export const CALL_TIMEOUT_MS = 5_000;
/** A listener that has not said who it is by then is asked whether it is Erlang's. */
export const PROBE_PATIENCE_MS = 300;
export const PROBE_TIMEOUT_MS = 2_000;
/** Erlang's answer with the names of some thousand nodes. */
export const PROBE_BYTES_MAX = 64 * 1024;
/** What a listener says of itself before it is known; ours are far shorter. */
export const IDENTITY_BYTES_MAX = 4 * 1024;
/** At the end: time for the last answers and the watchers' last word. */
export const CLOSE_DRAIN_MS = 1_000;
