/** How much of everything: each limit with its reason. Who sends more is not one of ours. */

/** Bytes of a datagram, sealed: fits the smallest usual MTU of 1,500 with IPv6, UDP and a tunnel's headers. */
export const DATAGRAM_BYTES_MAX = 1_400;
/** What sealing may add, at most. */
export const SEAL_BYTES_MAX = 80;
/** A message without gossip whose ids and hosts are of usual lengths; longer ones leave less room for gossip. */
export const HEADER_BYTES_USUAL = 260;
/** What is left for gossip. */
export const GOSSIP_BYTES_MAX = DATAGRAM_BYTES_MAX - SEAL_BYTES_MAX - HEADER_BYTES_USUAL;
/** A member with its metadata, encoded: one always fits a datagram with the longest header. */
export const MEMBER_BYTES_MAX = 640;

export const ID_CHARS_MAX = 64;
/** RFC 1035's bound of a host name is 255 bytes; those that name cluster nodes are far shorter, and two ride on a message. */
export const HOST_CHARS_MAX = 128;
export const NAME_CHARS_MAX = 64;
export const ROLES_MAX = 16;
export const ROLE_CHARS_MAX = 32;
export const CAPACITIES_MAX = 16;
export const LABELS_MAX = 16;
export const KEY_CHARS_MAX = 64;
export const LABEL_CHARS_MAX = 128;

/** Members in one push-pull. */
export const SYNC_MEMBERS_MAX = 10_000;
/** Bytes of one push-pull: what the most members take at some 400 bytes each. */
export const SYNC_BYTES_MAX = 4 * 1024 * 1024;
/** Push-pulls that this node has under way: a storm of joins is spread over time. */
export const SYNCS_MAX = 16;

/** Seeds that are asked, with all addresses of their names. */
export const SEEDS_MAX = 64;
/** Members that have failed and that the protocol has forgotten, kept because a side of a partition must not forget the other. */
export const LOST_MAX = 4_096;
/** Listeners of events: parts of one process. */
export const LISTENERS_MAX = 64;
