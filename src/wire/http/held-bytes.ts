/**
 * What a slow peer has not taken yet, and waits for its socket. It usually is the rest of a read from the other side, and a view of it would
 * keep the whole read in memory: so where the rest is the smaller part, it is copied out and the read is let go. Copies shrink by a quarter at
 * least, so that all of them together are no more than four times what waited.
 */

/** Of the memory below: a rest that is larger is not worth a copy. */
const WORTH_KEEPING = 0.75;
/** Less than this is not worth a look: a page, as the allocator gives it. */
const SMALL_BYTES = 4_096;

export function heldBytes(rest: Uint8Array): Uint8Array {
  const { byteLength: whole } = rest.buffer;
  return whole > SMALL_BYTES && rest.byteLength <= whole * WORTH_KEEPING ? new Uint8Array(rest) : rest; // a slice of a Buffer would be no copy
}
