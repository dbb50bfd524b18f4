/** A world of notebooks: processes that write down what they hear, at which time of the world. */
import { type Channel, type Process, Trace, World } from "./index.ts";

export interface Heard {
  readonly node: number;
  readonly life: number;
  readonly text: string;
  readonly via: Channel | "undelivered" | "wake";
  readonly atMs: number;
}

export interface Notebooks {
  readonly world: World<string>;
  readonly heard: Heard[];
  texts(): readonly string[];
}

/** `wakeEveryMs`: each node wants to be woken so often. */
export function notebooks(nodes: number, seed = 1, wakeEveryMs?: number): Notebooks {
  const heard: Heard[] = [];
  const world: World<string> = new World<string>({
    seed,
    nodes,
    trace: new Trace(),
    tagOf: (text) => text.length,
    describe: (text) => text,
    launch: ({ index, life, clock }): Process<string> => {
      const note = (text: string, via: Heard["via"]): void => {
        heard.push({ node: index, life, text, via, atMs: world.nowMs });
      };
      let wakeAtMs = wakeEveryMs === undefined ? undefined : clock.monotonic() + wakeEveryMs;
      return {
        receive: (_from, text, via) => note(text, via),
        undelivered: (_to, text) => note(text, "undelivered"),
        wake: (nowMs) => {
          note("", "wake");
          wakeAtMs = nowMs + wakeEveryMs!;
        },
        get wakeAtMs() {
          return wakeAtMs;
        },
      };
    },
  });
  for (let node = 0; node < nodes; node++) world.start(node);
  return { world, heard, texts: () => heard.map(({ text }) => text) };
}
