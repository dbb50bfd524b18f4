/** Ids of requests: different in each process and for each request, and short, for they are in every line of the log. */
const PREFIX_BYTES = 6;

export function requestIds(entropy: (count: number) => Uint8Array): () => string {
  const prefix = Buffer.from(entropy(PREFIX_BYTES)).toString("hex");
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}
