/** Every bound of rules, with its reason. */

/** Of one Lua file: tables of thousands of routes fit, and a bomb fills no machine. */
export const LUA_BYTES_MAX = 32 * 2 ** 20;
/** What the request itself may take beyond it, so that a file that is near its limit fails in its own code, not in ours. */
export const REQUEST_ROOM_BYTES = 2 * 2 ** 20;
/** Of all files of one host together, below what an address of 32 bits with a sign reaches. */
export const MODULE_BYTES_MAX = 2 ** 31 - 65_536;
/** A file that keeps more than this between two decisions begins anew. */
export const KEPT_BYTES_MAX = LUA_BYTES_MAX / 2;
/** Own memory of a plugin's host: the runtime and its data. Lua is held by its allocator, without looks at a process that cost time. */
export const PLUGIN_BYTES_MAX = 512 * 2 ** 20;
/** Instructions between two looks at the clock: some 10 µs. */
export const LOOK_INSTRUCTIONS = 1_000;
/** For running a file once, at load. */
export const LOAD_MS_MAX = 1_000;
/** After its time a rule has this long to be told so by its own host; then the host is looked at. */
export const KILL_GRACE_MS = 40;
/** Between two looks at a host that is late. */
export const LOOK_MS = 10;
/** A late host that has worked so long since the first look is busy with the rule, and is killed; one that has not waits for the machine. */
export const BUSY_CPU_MS = 30;
/** However little it has worked. */
export const LATE_MS_MAX = 1_000;
/** Between a closed socket and the end of the process. */
export const CLOSE_GRACE_MS = 500;
/** Of kills that one file has caused within `STRIKES_MS`: then it rests, for each kill costs the start of a process. */
export const STRIKES_MAX = 5;
export const STRIKES_MS = 10_000;
export const REST_MS = 5_000;
/** From the start of a host until it decides. */
export const START_MS_MAX = 20_000;
/** Decisions that one host has been asked for: what is more waits here, where it can go to another one. */
export const ASKED_MAX = 64;
/** Decisions that wait, of all hosts together; further ones are `gateway.rule_busy`. */
export const WAITING_MAX = 2_048;
/** A decision that has waited this long for its turn is `gateway.rule_busy`. */
export const WAIT_MS_MAX = 1_000;
/** How often a decision may be asked for again because a host died that had not begun with it. */
export const MOVES_MAX = 3;
/** Between two starts of hosts that end at once. */
export const RESTART_MS_MIN = 50;
export const RESTART_MS_MAX = 5_000;

/** Of a message between gateway and host. */
export const FRAME_BYTES_MAX = 4 * 2 ** 20;
/** Of all that a rule sees of a request: heads are smaller. */
export const REQUEST_BYTES_MAX = 1 * 2 ** 20;
/** Of what a rule decides: a reply that it makes is a small one. */
export const DECISION_BYTES_MAX = 256 * 2 ** 10;
export const DECISION_HEADERS_MAX = 64;
export const HEADER_VALUE_CHARS_MAX = 8_192;
export const DECISION_PATH_CHARS_MAX = 8_192;
/** What a failing rule says is shown to people. */
export const MESSAGE_CHARS_MAX = 500;
/** Of claims, which may hold lists and objects. */
export const CLAIMS_DEPTH_MAX = 8;
