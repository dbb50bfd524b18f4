/** `metrics`: the numbers of a running instance, as Prometheus reads them. */
import { Failure } from "../../base/errors.ts";
import { defineCommand, EXIT } from "../command.ts";
import { choicesFrom, instanceArgs } from "../instances.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

export const metrics = defineCommand({
  about: "show the numbers of a running instance, as Prometheus reads them",
  examples: ["metrics", "metrics --instance 4711", "metrics --node 127.0.0.1:8080 | promtool check metrics"],
  args: {
    ...nodeArgs,
    instance: instanceArgs.instance,
    format: {
      type: "string",
      valueHint: "prometheus|openmetrics",
      default: "prometheus",
      description: "of the text",
    },
  },
  async run(args) {
    const { askMetrics } = await import("../../app/observe/ask-metrics.ts");
    const { instance } = choicesFrom(args);
    const format = formatFrom(args.format);
    const text = await askMetrics({ ...askChoices(args), instance, format });
    if (args.json) await emitJson({ format, text });
    else await emit(text);
    return EXIT.done;
  },
});

function formatFrom(text: string): "prometheus" | "openmetrics" {
  if (text === "prometheus" || text === "openmetrics") return text;
  const message = `--format is ${JSON.stringify(text)}; prometheus or openmetrics is required`;
  throw new Failure("usage.metrics", message);
}
