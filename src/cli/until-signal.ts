/** Runs something that has no end of its own until a signal comes; a second one ends the process at once. */
import { EXIT } from "./command.ts";

const CODES = { SIGHUP: EXIT.sighup, SIGINT: EXIT.sigint, SIGTERM: EXIT.sigterm } as const;

/** Gives the work's exit code, or the signal's when that has ended it. */
export async function untilSignal(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const end = new AbortController();
  let code: number | undefined;
  const listeners = (["SIGHUP", "SIGINT", "SIGTERM"] as const).map((name) => {
    const listener = (): void => {
      if (code !== undefined) process.exit(CODES[name]);
      code = CODES[name];
      end.abort();
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  try {
    const ended = await work(end.signal);
    return code ?? ended;
  } catch (thrown) {
    if (code === undefined) throw thrown;
    return code;
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}
