/** One request after the other on one connection: times without a queue, the client's own part small and the same for everybody. */
import { Agent, request as httpRequest } from "node:http";

export interface OneByOne {
  readonly url: string;
  readonly type: string;
  readonly text: string;
  /** For so long, or so often. */
  readonly ms?: number;
  readonly times?: number;
}

/** Milliseconds of each request, from the first byte of it to the last of the reply. */
export async function oneByOne({
  ms = Number.POSITIVE_INFINITY,
  text,
  times = Number.POSITIVE_INFINITY,
  type,
  url,
}: OneByOne) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const bytes = Buffer.from(text);
  const headers = {
    "content-type": type,
    "content-length": String(bytes.byteLength),
    accept: "*/*",
    "user-agent": "bench/1.0",
  };
  const took: number[] = [];
  const untilMs = performance.now() + ms;
  while (took.length < times && performance.now() < untilMs) {
    const fromMs = performance.now();
    await once(url, { agent, method: "POST", headers }, bytes);
    took.push(performance.now() - fromMs);
  }
  agent.destroy();
  return took;
}

function once(url: string, options: Parameters<typeof httpRequest>[1] & object, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, options, (reply) => {
      if (reply.statusCode !== 200) reject(new Error(`${url} was answered with ${reply.statusCode}`));
      reply.on("end", resolve).on("error", reject).resume();
    });
    asked.on("error", reject).end(bytes);
  });
}
