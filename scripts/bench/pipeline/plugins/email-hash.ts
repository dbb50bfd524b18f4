/**
 * Fourth stage of the benchmark: the SHA-256 of the e-mail address in hexadecimal. Only the address's bytes are looked at
 * and only bytes are written: not one string is made.
 */
import { definePlugin } from "distributed-system";

const DIGEST_BYTES = 32;
const TEXT_BYTES = 2 * DIGEST_BYTES;

/** For each byte its two hexadecimal digits, as they lie in memory. */
const HEX = Uint16Array.from({ length: 256 }, (_, byte) => {
  const [high, low] = Buffer.from(byte.toString(16).padStart(2, "0")) as unknown as [number, number];
  return high | (low << 8);
});
const digest = new Uint8Array(DIGEST_BYTES);

export default definePlugin({
  info: { name: "bench-email-hash", version: "1.0.0", description: "adds the SHA-256 of the e-mail address" },
  params: {},
  init() {},
  processBatch(batch) {
    const emails = batch.column("email");
    if (emails === undefined) return;
    const offsets = new Int32Array(batch.length + 1);
    const digits = new Uint16Array(batch.length * DIGEST_BYTES).fill(HEX[0]!);
    const missing: number[] = [];
    for (let row = 0; row < batch.length; row++) {
      offsets[row + 1] = (row + 1) * TEXT_BYTES;
      const email = emails.bytes(row);
      if (email === undefined) missing.push(row);
      else {
        Bun.SHA256.hash(email, digest);
        for (let at = 0; at < DIGEST_BYTES; at++) digits[row * DIGEST_BYTES + at] = HEX[digest[at]!]!;
      }
    }
    batch.addColumn("email_sha256", { type: "string", values: { offsets, data: new Uint8Array(digits.buffer) } });
    for (const row of missing) batch.set(row, "email_sha256", undefined);
  },
  cleanup() {},
});
