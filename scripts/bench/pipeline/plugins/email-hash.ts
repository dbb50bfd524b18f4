/**
 * Fourth stage of the benchmark: the SHA-256 of the e-mail address in hexadecimal. All digests of a batch go into one
 * buffer and become text in one call; only the addresses' bytes are looked at, no string is made of them.
 */
import { definePlugin } from "distributed-system";

const DIGEST_BYTES = 32;
const TEXT_BYTES = 2 * DIGEST_BYTES;

export default definePlugin({
  info: { name: "bench-email-hash", version: "1.0.0", description: "adds the SHA-256 of the e-mail address" },
  params: {},
  init() {},
  processBatch(batch) {
    const emails = batch.column("email");
    if (emails === undefined) return;
    const digests = Buffer.alloc(batch.length * DIGEST_BYTES);
    const missing: number[] = [];
    for (let row = 0; row < batch.length; row++) {
      const email = emails.bytes(row);
      if (email === undefined) missing.push(row);
      else Bun.SHA256.hash(email, digests.subarray(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES));
    }
    const offsets = Int32Array.from({ length: batch.length + 1 }, (_, row) => row * TEXT_BYTES);
    const data = Buffer.from(digests.toString("hex"), "latin1");
    batch.addColumn("email_sha256", { type: "string", values: { offsets, data } });
    for (const row of missing) batch.set(row, "email_sha256", undefined);
  },
  cleanup() {},
});
