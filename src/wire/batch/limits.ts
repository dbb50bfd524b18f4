/** The limits of a batch, each with its reason, and the kinds that the index packs beside a value's end. */

/** The index packs a value's end and its kind into one signed 32-bit word; 28 bits are left for the position. */
export const MAX_TEXT_BYTES = 2 ** 28 - 1;

/** Nesting of arrays and objects. Deeper JSON is an attack on recursion, not data. */
export const MAX_DEPTH = 128;

/** A malformed line travels to the dead letters; longer ones are cut so that a binary file cannot fill memory. */
export const MAX_MALFORMED_TEXT_BYTES = 64 * 1024;

/** Rows of one batch: keeps every per-row array far from the limits of a typed array. */
export const MAX_ROWS = 2 ** 24;

/** A writer of one batch never needs more: larger is a runaway value. */
export const MAX_WRITER_BYTES = 2 ** 30;

/** Row views with more fields than this look fields up by name: a class per wide sparse shape would fill memory. */
export const MAX_VIEW_FIELDS = 256;

/** Row classes kept for later batches of the same shape. A pipeline stage sees a handful. */
export const MAX_VIEW_CLASSES = 64;

/** Kinds of a value in the index. */
export const NULL = 0;
export const BOOL = 1;
/** At most 15 digits, no fraction, no exponent: exact in a double. */
export const INTEGER = 2;
export const NUMBER = 3;
/** ASCII without escapes: the bytes between the quotes are the value. */
export const PLAIN = 4;
/** UTF-8 without escapes. */
export const UNICODE = 5;
export const ESCAPED = 6;
export const NESTED = 7;
