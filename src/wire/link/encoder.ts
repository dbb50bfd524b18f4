/**
 * Messages to bytes, by msgpackr without records, structures or extensions of its own: any MessagePack reader can read it.
 * Loaded when the first link is opened, for it costs milliseconds that other commands need not pay. A frame is encoded as
 * one array: measured, one call for 64 messages costs a third of 64 calls.
 */
import { Failure, messageOf } from "../../base/errors.ts";

export interface Encoder {
  /** The bytes are good until the next call. Throws `link.unencodable`. */
  encode(value: unknown): Uint8Array;
}

export async function loadEncoder(): Promise<Encoder> {
  const { Packr, RESET_BUFFER_MODE } = await import("msgpackr");
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, largeBigIntToFloat: false });
  return {
    encode(value) {
      try {
        return packr.pack(value, RESET_BUFFER_MODE);
      } catch (thrown) {
        throw new Failure("link.unencodable", `the payload cannot be encoded: ${messageOf(thrown)}`, { cause: thrown });
      }
    },
  };
}
