/** How much of everything, with the reasons. */

/** Longer addresses are nobody's: ours have a name or two and a few fields. */
export const URL_CHARS_MAX = 8 * 1024;
/** Fields of the largest input, twenty times over. */
export const QUERY_FIELDS_MAX = 200;
/** Of a body to a path of the table or of a service: settings and commands. Values of 1 MiB go by `/rpc`. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Items of a page unless the caller says otherwise. */
export const PAGE_ITEMS = 100;
/** What one answer holds at most: some hundred kilobytes of the longest items. */
export const PAGE_ITEMS_MAX = 500;
/** A cursor holds one key; keys have at most a few kilobytes. */
export const CURSOR_CHARS_MAX = 6 * 1024;
/** Endpoints of services that are routed; beyond it a service declares them by a program. */
export const ENDPOINTS_MAX = 5_000;
/**
 * How long a call is under way before its connection is told to be patient, at most; half of that at least. Well before a listener
 * takes the silent connection for a dead one, and late enough that hardly any call has to pay for it.
 */
export const PATIENT_MS = 20_000;
