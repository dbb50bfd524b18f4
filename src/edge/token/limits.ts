/** The bounds of this part, each with its reason. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A working day: whoever works longer asks again, and a token that was left lying about is soon worth nothing. */
export const LIFETIME_MS_DEFAULT = 12 * HOUR_MS;
/** What never ends is forgotten and never replaced; a year is what certificates have as well. */
export const LIFETIME_MS_MAX = 366 * DAY_MS;
/** Shorter ones end on the way where clocks differ. */
export const LIFETIME_MS_MIN = 1_000;
/** How far two hosts' clocks may be apart. Hosts without NTP drift some seconds a day. */
export const CLOCK_TOLERANCE_MS = 30_000;

/** Ours have 500; those under the cluster key with a certificate 2.5 KB; servers take headers of 8 KB. */
export const TOKEN_CHARS_MAX = 6 * 1024;
/** Ids of nodes, names of people and programs. */
export const NAME_CHARS_MAX = 128;
/** A program that needs more methods is served better by whole services. */
export const SCOPES_MAX = 32;
/** With the rest well below what a token may have. */
export const SCOPE_TEXT_CHARS_MAX = 2_048;
/** Ours have 22; other issuers use UUIDs. */
export const TOKEN_ID_CHARS_MAX = 64;
/** From the first one to the last that was given by another: more is a program that hangs one token on the other. */
export const PARENTS_MAX = 8;
/** Of a token by others: more audiences mean that it is for everybody. */
export const AUDIENCES_MAX = 8;

/** One that signs, and those before it until their tokens have ended: monthly rotation with tokens of half a year. */
export const KEYS_MAX = 8;
/** Public keys that are told to everybody, at 200 bytes: of 1,000 nodes one each. */
export const KEYS_TOLD_MAX = 1_024;
/** A key has 200 bytes. What is longer is another file. */
export const KEYS_TEXT_BYTES_MAX = 16 * 1024;
/** What HS256 wants (RFC 7518, section 3.2). */
export const SECRET_BYTES_MIN = 32;
/** A text with fewer different characters was typed, not drawn. */
export const SECRET_DISTINCT_MIN = 8;

/** Nodes whose keys are remembered; a cluster has 1,000. */
export const ISSUERS_MAX = 1_024;
/** An unknown key makes a node ask its issuer so often at most, however many tokens claim to have one. */
export const ASK_PAUSE_MS = 2_000;

/** Tokens that somebody who is no admin may ask for at once: one for each program on a machine, and again after a mistake. */
export const ISSUE_BURST = 60;
/** Then one in that time: the list of 4,096 lasts for hours, and writing it takes no time worth naming. */
export const ISSUE_EVERY_MS = 5_000;
/** Names for which that is remembered. Only admins make new ones. */
export const ISSUE_NAMES_MAX = 4_096;

/** Verified tokens that are remembered, at some 600 bytes: 5 MB at most. More programs than ask one node in a while. */
export const VERIFIED_MAX = 8_192;
/** Refused tokens that are remembered, so that a program which goes on with an old one costs nothing. */
export const REFUSED_MAX = 4_096;
/** Then they are looked at again: a clock may have been set. */
export const REFUSED_MS = 60_000;
/** Revoked tokens are remembered until they end, at some 100 bytes. Whoever revokes more replaces the key. */
export const REVOCATIONS_MAX = 16_384;
