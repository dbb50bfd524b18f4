/**
 * Every bound of the engine, with its reason. All are counted, none is timed: the same request gets the same verdict everywhere. Only when
 * others may run in between is a matter of time.
 */

/** Of loading and warming up, before others run. Half as long would hold others up half as long, for twice the time. */
export const SLICE_MS = 4;
/** Of matching, between two looks at the clock: some hundredths of a millisecond, so that looking costs nothing. */
export const STEPS_BETWEEN_LOOKS = 8_192;
/** Arguments that a reader of bodies takes between two looks at the clock: some hundredths of a millisecond too. */
export const ARGUMENTS_BETWEEN_LOOKS = 32;

/**
 * Steps of matching and transforming in one transaction, about a byte looked at once each. Rules of paranoia 1 cost up to some 100
 * steps a byte of the body: 128 KB of the dearest kind that was found need 13 million. More than this is a request made to be slow.
 */
export const STEPS_MAX = 24_000_000;
/**
 * Of query, body and JSON leaves together, where the rules name no other (`SecArgumentsLimit`, which ModSecurity sets to 1,000). The work of
 * rules grows with it: so many of the dearest kind take as long as a single request may.
 */
export const ARGUMENTS_MAX = 4_096;
/** What `SecArgumentsLimit` may say at most: what many arguments take is time of all other requests. */
export const ARGUMENTS_LIMIT_MAX = 16_384;
/** Names and values of all arguments: JSON names repeat their whole path, so a small body could grow without this. */
export const ARGUMENT_BYTES_MAX = 4 * 2 ** 20;
/** Of nested JSON; deeper ones come from no program that people use. */
export const JSON_DEPTH_MAX = 64;
export const XML_DEPTH_MAX = 128;
/** Elements and attributes of an XML body. */
export const XML_NODES_MAX = 20_000;
/** Parts of a multipart body, and the header lines of each. */
export const MULTIPART_PARTS_MAX = 1_000;
export const MULTIPART_PART_HEADERS_MAX = 32;
/** As RFC 2046 says. */
export const BOUNDARY_BYTES_MAX = 70;
export const COOKIES_MAX = 500;
/** Of one inflated body when the settings name no other. */
export const INFLATE_RATIO_MAX = 100;
/** Layers of `content-encoding`: no client sends more than one on purpose. */
export const ENCODINGS_MAX = 2;
/** TX variables: rules make some hundred; names made from arguments must not fill memory. */
export const TX_VARIABLES_MAX = 4_096;
export const VARIABLE_BYTES_MAX = 65_536;
/** Entries of the log of one transaction; further ones are counted. */
export const MATCHES_MAX = 64;
/** Of one rule: one that matches all arguments says so with its first ones. */
export const MATCHES_PER_RULE_MAX = 4;
/** Matched variables that `MATCHED_VARS` holds. */
export const MATCHED_VARS_MAX = 1_024;
/** Of a matched piece, message or data in the log. */
export const PIECE_SHOWN_CHARACTERS = 200;
/** So much is kept of it: whoever logs it hides what nobody may see before it is cut, and must not meet half of that. */
export const PIECE_CHARACTERS_MAX = PIECE_SHOWN_CHARACTERS + 512;
/** Records that outlive requests (one for each client address and program): with the bounds below at most some hundred megabytes. */
export const RECORDS_MAX = 16_384;
/** Variables of one persistent record. */
export const RECORD_VARIABLES_MAX = 32;
export const RECORD_VALUE_BYTES_MAX = 512;
export const RECORD_KEY_BYTES_MAX = 256;
/** Of a record that no rule gave a time: `SecCollectionTimeout`'s default. */
export const RECORD_SECONDS = 3_600;
/** Pairs of rule, variable and route that detect mode keeps. */
export const STATISTICS_MAX = 4_096;
/** Clients told apart for one pair: more do not make the evidence better. */
export const STATISTICS_CLIENTS_MAX = 64;
/** Values that are kept from request to request, in each of two generations: at some kilobytes each, tens of megabytes at the very most. */
export const POOLED_VALUES_MAX = 4_096;
/** Longer values rarely come again; names of nested JSON fields are below it. */
export const POOLED_BYTES_MAX = 96;
/** A request with more values than this looks for no further ones there: it would push out what others share. */
export const POOLED_TRANSACTION_MAX = 1_024;
