/** One `persist` as one record, in a buffer that is used again. */
import type { Entry } from "../../../protocol/raft/index.ts";
import { encodeText, viewOf } from "./bytes.ts";
import { contentsOf, entriesSize, putEntries } from "./entry-codec.ts";
import { tooLarge } from "./failures.ts";
import { BATCH_BYTES_MAX, BUFFER_KEPT_BYTES_MAX, NAME_BYTES_MAX } from "./limits.ts";
import { RECORD_HEADER_BYTES, type RecordDraft, recordSize, sealRecord, type VersionedHardState } from "./record.ts";

export interface Batch {
  readonly number: number;
  readonly hardState: VersionedHardState;
  readonly entries: readonly Entry[];
  /** The log begins anew behind this index. */
  readonly resetTo: number | undefined;
}

export class BatchEncoder {
  #buffer = new Uint8Array(64 * 1024);

  /** Good until the next call; only its place is missing. Fails with `raft.log.too_large`. */
  encode({ entries, hardState, number, resetTo }: Batch): Uint8Array {
    const vote = hardState.votedFor === undefined ? undefined : encodeText(hardState.votedFor);
    const voteBytes = vote?.length ?? 0;
    if (voteBytes > NAME_BYTES_MAX) throw tooLarge("a vote for a node's id", voteBytes, NAME_BYTES_MAX);
    const contents = entries.map(contentsOf);
    const bodyBytes = voteBytes + entriesSize(contents);
    if (bodyBytes > BATCH_BYTES_MAX) throw tooLarge(`${entries.length} entries`, bodyBytes, BATCH_BYTES_MAX);
    const bytes = this.#room(recordSize(bodyBytes));
    bytes.fill(0, 0, RECORD_HEADER_BYTES);
    if (vote) bytes.set(vote, RECORD_HEADER_BYTES);
    putEntries(bytes, viewOf(bytes), RECORD_HEADER_BYTES + voteBytes, entries, contents);
    bytes.fill(0, RECORD_HEADER_BYTES + bodyBytes);
    const draft: RecordDraft = {
      batch: number,
      version: hardState.version,
      term: hardState.term,
      firstIndex: resetTo === undefined ? (entries[0]?.index ?? 0) : resetTo + 1,
      entryCount: entries.length,
      isReset: resetTo !== undefined,
    };
    sealRecord(bytes, draft, vote?.length, bodyBytes);
    return bytes;
  }

  #room(sizeBytes: number): Uint8Array {
    if (sizeBytes > BUFFER_KEPT_BYTES_MAX) return new Uint8Array(sizeBytes);
    if (sizeBytes > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.min(BUFFER_KEPT_BYTES_MAX, Math.max(sizeBytes, this.#buffer.length * 2)));
    }
    return this.#buffer.subarray(0, sizeBytes);
  }
}
