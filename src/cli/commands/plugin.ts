/** `plugin new|verify|test`: tools for those who write plugins. */
import { printable } from "../../base/printable.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson } from "../output.ts";
import { shellWord } from "../view/shell-word.ts";

const create = defineCommand({
  about: "write a working plugin with a test into a folder of its own",
  examples: ["plugin new my-plugin", "plugin new my-plugin --dir plugins"],
  args: {
    name: { type: "positional", valueHint: "NAME", required: true, description: "its name: a-z, 0-9, - and _" },
    dir: { type: "string", valueHint: "DIR", default: ".", description: "where the folder is made" },
  },
  async run({ name, dir }) {
    const { newPlugin } = await import("../../app/plugin-tools.ts");
    const files = newPlugin(name, dir);
    await emit(`${files.map(printable).join("\n")}\n`);
    const folder = shellWord(dir === "." ? name : `${dir}/${name}`);
    process.stderr.write(`Next: distributed_system plugin test ${folder}\n`);
    return EXIT.done;
  },
});

const verify = defineCommand({
  about: "load a plugin in a host and show what it is, or why it is refused",
  examples: ["plugin verify plugins/validation/index.ts", "plugin verify --json plugins/libvalidation.js"],
  args: {
    file: { type: "positional", valueHint: "FILE", required: true, description: "the plugin's .ts or .js file" },
    json: commonArgs.json,
  },
  async run({ file, json }) {
    const { verifyPlugin } = await import("../../app/plugin-tools.ts");
    const { info, params, sequential, stateful } = await verifyPlugin(file);
    if (json) {
      await emitJson({ file, info, params, sequential, stateful });
      return EXIT.done;
    }
    const order = stateful ? ", keeps state" : sequential ? ", takes batches in order" : "";
    const lines = Object.entries(params).map(
      ([name, spec]) => `  ${printable(name)} (${spec.kind}): ${printable(spec.describe)}`,
    );
    const head = printable(`${info.name} ${info.version}: ${info.description}`);
    await emit(`${[`${head}${order}`, ...lines].join("\n")}\n`);
    return EXIT.done;
  },
});

const test = defineCommand({
  about: "run the tests in a plugin's folder",
  examples: ["plugin test my-plugin"],
  args: { dir: { type: "positional", valueHint: "DIR", required: true, description: "the plugin's folder" } },
  async run({ dir }) {
    const { testPlugin } = await import("../../app/plugin-tools.ts");
    return (await testPlugin(dir)) === 0 ? EXIT.done : EXIT.failures;
  },
});

export const plugin: CommandGroup = {
  about: "make, check and test plugins",
  commands: {
    new: { about: create.about, load: async () => create },
    verify: { about: verify.about, load: async () => verify },
    test: { about: test.about, load: async () => test },
  },
};
