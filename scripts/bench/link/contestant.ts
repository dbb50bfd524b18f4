/** What the benchmark asks of everybody: a node that echoes, and one that asks it, in processes of their own. */

export interface Step {
  readonly name: string;
  readonly inFlight: number;
  readonly payload: "small" | "large";
  /** Not counted. */
  readonly warmMs: number;
  readonly ms: number;
}

export interface Contestant {
  readonly name: string;
  readonly label: string;
  /** Requests answered a second, step by step, in a pair of processes that is new. */
  run(steps: readonly Step[]): Promise<readonly number[]>;
}

/** Who cannot take part says why. */
export interface Absent {
  readonly name: string;
  readonly why: string;
}

/** Bytes of text in an object, as messages of people are. */
export const SMALL_BYTES = 100;
/** Bytes as they are. */
export const LARGE_BYTES = 1024 * 1024;

/** Starts, and whatever happens ends, the echoing process; `use` gets the first line that it prints. */
export async function withServer<T>(
  argv: readonly string[],
  use: (line: string) => Promise<T>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<T> {
  const server = Bun.spawn([...argv], { stdio: ["ignore", "pipe", "inherit"], env: { ...env } });
  try {
    return await use(await firstLine(server.stdout, argv));
  } finally {
    server.kill("SIGKILL");
    await server.exited;
  }
}

/** The rates that the asking process prints as one line of JSON. */
export async function ratesOf(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<readonly number[]> {
  const client = Bun.spawn([...argv], { stdio: ["ignore", "pipe", "inherit"], env: { ...env } });
  try {
    return JSON.parse(await firstLine(client.stdout, argv)) as number[];
  } finally {
    client.kill("SIGKILL");
    await client.exited;
  }
}

async function firstLine(output: ReadableStream<Uint8Array>, argv: readonly string[]): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of output) {
    text += decoder.decode(bytes, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error(`${argv.join(" ").slice(0, 200)} ended without a word`);
}
