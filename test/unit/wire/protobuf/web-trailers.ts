/** What a client of gRPC-web reads out of the frame behind the messages. */
export function readWebTrailers(content: Uint8Array): string[] {
  const lines = Buffer.from(content).toString("latin1").split("\r\n").filter(Boolean);
  return lines.flatMap((line) => /^([^:]+): (.*)$/.exec(line)!.slice(1));
}
