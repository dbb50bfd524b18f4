/** The bounds of this part, each with its reason. */

/** Of one `.proto` file: the largest known ones (generated API surfaces) have some hundred kilobytes. */
export const PROTO_FILE_BYTES_MAX = 4 * 1024 * 1024;

/** Files of one store, imports included: all of Google's public APIs together have about 5,000. */
export const PROTO_FILES_MAX = 8192;

/** Of one descriptor set, or of all that reflection gives: what a message of gRPC may carry by default in many servers, several times. */
export const DESCRIPTOR_BYTES_MAX = 64 * 1024 * 1024;

/** Of one name of an imported file: as file systems allow. */
export const IMPORT_NAME_CHARS_MAX = 1024;

/** Messages within messages, in JSON and in binary: what other implementations stop at. */
export const NESTING_MAX = 100;

/** Of a `grpc-message` once it is decoded: header fields of HTTP/2 are bounded by 8 to 16 KiB at most peers. */
export const STATUS_MESSAGE_CHARS_MAX = 4096;

/** `grpc-timeout` has at most eight digits (gRPC over HTTP/2, "Timeout"). */
export const TIMEOUT_DIGITS_MAX = 8;

/** An inflated message may be at most this many times what was sent: gzip of real messages stays far below, bombs do not. */
export const INFLATE_RATIO_MAX = 200;

/** Below this size the ratio says nothing: a few bytes of gzip make kilobytes of zeros, and that harms nobody. */
export const INFLATE_FREE_BYTES = 64 * 1024;

/** Paths of dropped fields that one message tells; what comes after is only counted. */
export const DROPPED_PATHS_MAX = 32;

/** Elements of a list named by indexes would allow `a[1000000]`: they are not supported; levels of `a.b.c` are as deep as messages. */
export const FIELD_PATH_LEVELS_MAX = 16;

/** Objects and lists within each other in a JSON text: a message in a list, or a map, takes two levels. Far below what any parser's stack holds. */
export const JSON_NESTING_MAX = 2 * NESTING_MAX;

/** What a member of an object costs, in elements of a list: a name is read, looked up and kept. */
export const MEMBER_WEIGHT = 8;
export const ELEMENT_WEIGHT = 1;
/** An object or list within another. */
export const NESTED_WEIGHT = 4;

/** Names of one object that are looked through one by one: up to here faster than a set. */
export const NAMES_LISTED_MAX = 8;

/** Characters of a text between two yields: some tenths of a millisecond. */
export const PACE = 32 * 1024;

/** Elements of a list, or entries of a map, that become part of a message between two yields. */
export const ENTRIES_AT_ONCE = 512;

/** Of names and values of a client that its error tells again. */
export const TOLD_CHARS_MAX = 300;
