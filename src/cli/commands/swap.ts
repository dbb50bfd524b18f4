/** `swap STAGE FILE`: another plugin in a stage's place while records flow. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { formatDurationMs } from "../../base/units.ts";
import { defineCommand, EXIT } from "../command.ts";
import { choicesFrom, instanceArgs, repeated } from "../instances.ts";
import { emitJson } from "../output.ts";

export const swap = defineCommand({
  about: "put another plugin in a stage's place while records flow; a new one that fails is taken back",
  examples: [
    "swap enrich plugins/libenrichment.js",
    "swap enrich ./enrich-v2.ts --param rate=0.2 --param currency=EUR",
    "swap basic_pipeline/enrich ./enrich-v2.ts --timeout 2m --json",
  ],
  args: {
    stage: { type: "positional", valueHint: "STAGE", required: true, description: "a stage's name or path, from ps" },
    file: { type: "positional", valueHint: "FILE", required: true, description: "the plugin to use from now on" },
    param: {
      type: "string",
      valueHint: "KEY=VALUE",
      description: "a parameter that is to be another, once for each; the stage's others stay",
    },
    ...instanceArgs,
  },
  async run({ stage, file, param, json, ...flags }, words) {
    const { swapStage } = await import("../../app/control/operate.ts");
    const typed = repeated("--param", words);
    const params = paramsFrom(typed.length > 0 || param === undefined ? typed : [param]); // or by the environment
    const report = await swapStage(choicesFrom(flags), { stage, file, params });
    if (json) await emitJson(report);
    else {
      const { stage: name, from, to, lanes, tookMs, state } = report;
      const moved = STATE_WORDS[state];
      const where = `${lanes} ${lanes === 1 ? "lane" : "lanes"} in ${formatDurationMs(tookMs)}`;
      process.stderr.write(`swapped ${[name, from].map(printable).join(": ")} → ${printable(to)}, ${where}${moved}\n`);
    }
    return EXIT.done;
  },
});

const STATE_WORDS = {
  restored: ", its state was taken over",
  dropped: ", its state was dropped: the new plugin keeps none",
  none: "",
} as const;

/** Undefined when none is given. */
export function paramsFrom(texts: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (texts.length === 0) return undefined;
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
    throw new Failure("usage.param", `--param is ${JSON.stringify(text)}; KEY=VALUE is required`);
  });
  const twice = pairs.find(([key], index) => pairs.findIndex(([other]) => other === key) !== index);
  if (twice) throw new Failure("usage.param", `--param ${twice[0]} is given twice; each key once is required`);
  return Object.fromEntries(pairs);
}
