/** How much of everything, each with its reason. */

/** Digests: a message that was lost is noticed after so long. Seldom enough to cost nothing, and a link in use is not closed as idle. */
export const DIGEST_INTERVAL_MS = 10_000;
/** What a node is given to tell its offers when asked. */
export const ASK_TIMEOUT_MS = 5_000;
/** A link that broke is opened again after a pause that grows from the first to the second. */
export const REOPEN = { initialMs: 100, maxMs: 5_000 } as const;

/** All that one node offers, as JSON: hundreds of services with their schemas; a tenth of what a link takes at once. */
export const OFFERS_BYTES_MAX = 8 * 1024 * 1024;
/** Versions of services on one node: each has a process of its own, and no machine runs more. */
export const SERVICES_MAX = 1_024;
export const METHODS_MAX = 512;
export const TAGS_MAX = 64;
export const ENDPOINTS_MAX = 16;
/** Names are words in code and in URLs. */
export const NAME_CHARS_MAX = 128;
export const TEXT_CHARS_MAX = 4_096;
/** Nodes that tell offers before they are known as members: their links are authenticated, so they are few. */
export const STRANGERS_MAX = 256;
