/** The bounds of this part, each with its reason. */

export const KEY_BYTES = 32;
/** The one that signs and the one that is coming or going: more would only leave old keys behind. */
export const KEYS_MAX = 2;
/** In the text forms twice as many hexadecimal digits. Tells two keys apart; it is no secret and proves nothing. */
export const KEY_ID_BYTES = 4;
/** Two clusters have the same one by chance once in 10¹⁹. */
export const CLUSTER_ID_BYTES = 8;
/** Two keys and some comments. What is longer is another file. */
export const KEY_FILE_BYTES_MAX = 8 * 1024;

/** Long enough for a slow hand-shake, short enough that a stolen token is soon worth nothing. */
export const TOKEN_LIFETIME_MS = 30_000;
/** How far two hosts' clocks may be apart. Hosts without NTP drift some seconds a day. */
export const CLOCK_TOLERANCE_MS = 30_000;
/** A token issued that long before the verifier began is still taken: who waits for a starting node issues a bit too early. */
export const START_SLACK_MS = 1_000;
/** One with a certificate has 2.5 KB; headers of 8 KB are what servers take. */
export const TOKEN_CHARS_MAX = 6 * 1024;
/** At some 100 bytes each 7 MB at most; more than 700 tokens a second for the 90 s in which each could be accepted again. */
export const USED_TOKENS_MAX = 65_536;
/** As long as ids of nodes and addresses with a DNS name may be. */
export const SUBJECT_CHARS_MAX = 128;
export const AUDIENCE_CHARS_MAX = 300;
/** Verified certificates that are remembered; a cluster has 1,000 nodes. */
export const CERTIFICATES_MAX = 1_024;

/** A datagram above this is cut into pieces by most networks, and above 65,507 there is none. */
export const PACKET_BYTES_MAX = 65_507;
/** How wrong a peer's clock may be when its first packet arrives. */
export const FIRST_PACKET_SKEW_MS = 5 * 60_000;
/** Packets that may overtake each other. A multiple of 32. */
export const REPLAY_WINDOW = 2_048;
/** 1,000 nodes that were each started four times within memory; some 600 bytes a session. */
export const SESSIONS_MAX = 4_096;
