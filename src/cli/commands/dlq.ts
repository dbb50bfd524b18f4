/** `dlq list|show|replay|purge`: what to do with records that went no further. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { formatCount } from "../../base/units.ts";
import { type CommandGroup, commonArgs, defineCommand, EXIT } from "../command.ts";
import { emit, emitJson, openOutput } from "../output.ts";
import { textTable } from "../view/table.ts";

const file = {
  type: "positional",
  valueHint: "FILE",
  required: true,
  description: "a dead-letter file, or a pipeline file whose dead letters are meant",
} as const;

const query = {
  stage: { type: "string", valueHint: "NAME", description: "only letters of this stage" },
  reason: { type: "string", valueHint: "TEXT", description: "only letters whose reason contains this" },
  batch: { type: "string", valueHint: "ID", description: "only letters of this batch" },
  "data-dir": commonArgs["data-dir"],
} as const;

const list = defineCommand({
  about: "list dead letters, or count them by reason",
  examples: [
    "dlq list output/dead-letters.ndjson",
    "dlq list config/basic_pipeline.txt --summary",
    "dlq list dead.ndjson --stage validation --limit 20 --json",
  ],
  args: {
    file,
    ...query,
    limit: { type: "string", valueHint: "N", default: "50", description: "most letters shown" },
    offset: { type: "string", valueHint: "N", default: "0", description: "letters passed over first" },
    summary: { type: "boolean", description: "counts by stage and reason instead of letters" },
    json: commonArgs.json,
  },
  async run(args) {
    const tools = await import("../../app/dead-letters.ts");
    const path = await tools.deadLetterPath(args.file, args["data-dir"]);
    if (args.summary) return summarise(await tools.summary(path, args), args.json ?? false);
    for await (const entry of tools.letters(
      path,
      args,
      wholeNumber("offset", args.offset),
      wholeNumber("limit", args.limit),
    )) {
      if (args.json) await emitJson(entry);
      else if ("damaged" in entry) process.stderr.write(`damaged: ${printable(entry.damaged)}\n`);
      else {
        const { number, time, stage, batch, reason } = entry;
        await emit(`${[String(number), time, stage, batch, reason].map(printable).join("  ")}\n`);
      }
    }
    return EXIT.done;
  },
});

type Summary = Awaited<ReturnType<typeof import("../../app/dead-letters.ts")["summary"]>>;

async function summarise(summary: Summary, json: boolean): Promise<number> {
  if (json) {
    await emitJson(summary);
    return EXIT.done;
  }
  const rows = summary.groups.map(({ stage, reason, count, example }) => [
    printable(stage),
    formatCount(count),
    `#${example}`,
    printable(reason),
  ]);
  if (rows.length > 0) await emit(`${textTable(["stage", "letters", "example", "reason"], rows)}\n`);
  const damaged = summary.damaged.count > 0 ? `, ${summary.damaged.count} damaged lines` : "";
  await emit(
    `${formatCount(summary.letters)} letters: ${formatCount(summary.records)} records, ${formatCount(summary.texts)} malformed lines${damaged}\n`,
  );
  return EXIT.done;
}

const show = defineCommand({
  about: "show one dead letter whole",
  examples: ["dlq show output/dead-letters.ndjson 17"],
  args: {
    file,
    number: { type: "positional", valueHint: "N", required: true, description: "its number in the list" },
    "data-dir": commonArgs["data-dir"],
    json: commonArgs.json,
  },
  async run(args) {
    const tools = await import("../../app/dead-letters.ts");
    const letter = await tools.letter(
      await tools.deadLetterPath(args.file, args["data-dir"]),
      wholeNumber("N", args.number),
    );
    if (args.json) await emitJson(letter);
    else {
      const lines = Object.entries(letter).map(([name, value]) => `${name.padEnd(9)} ${printable(String(value))}\n`);
      await emit(lines.join(""));
    }
    return EXIT.done;
  },
});

const replay = defineCommand({
  about: "write the records of dead letters as NDJSON, exactly as they failed, for a new run",
  examples: [
    "dlq replay output/dead-letters.ndjson --stage validation > again.ndjson",
    "dlq replay dead.ndjson | distributed_system run config/basic_pipeline.txt --input - --output again.ndjson",
  ],
  args: {
    file,
    ...query,
    texts: {
      type: "boolean",
      description: "malformed input lines too, as they were (bytes that were no UTF-8 come back as U+FFFD)",
    },
    output: {
      type: "string",
      alias: "o",
      valueHint: "PATH",
      default: "-",
      description: "where to write; - is standard output",
    },
  },
  async run(args) {
    const tools = await import("../../app/dead-letters.ts");
    const path = await tools.deadLetterPath(args.file, args["data-dir"]);
    const output = await openOutput(args.output, path);
    const report = tools.replay(path, args, args.texts ?? false, (bytes) => output.write(bytes));
    const { records, texts, damaged } = await report.finally(() => output.close());
    const left = args.texts ? "" : `, ${formatCount(texts)} malformed lines left out`;
    process.stderr.write(
      `${formatCount(records)} records${left}${damaged > 0 ? `, ${damaged} damaged letters` : ""}\n`,
    );
    return damaged > 0 ? EXIT.failures : EXIT.done;
  },
});

const purge = defineCommand({
  about: "delete dead letters that match, or all of them",
  examples: ["dlq purge output/dead-letters.ndjson --stage validation", "dlq purge output/dead-letters.ndjson --all"],
  args: { file, ...query, all: { type: "boolean", description: "every letter" }, json: commonArgs.json },
  async run(args) {
    const tools = await import("../../app/dead-letters.ts");
    const report = await tools.purge(await tools.deadLetterPath(args.file, args["data-dir"]), args, args.all ?? false);
    if (args.json) await emitJson(report);
    else process.stderr.write(`${formatCount(report.purged)} letters purged, ${formatCount(report.kept)} kept\n`);
    return EXIT.done;
  },
});

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Failure("usage.number", `${name} is ${JSON.stringify(text)}; a whole number is required`);
}

export const dlq: CommandGroup = {
  about: "look at dead letters, replay or purge them",
  commands: {
    list: { about: list.about, load: async () => list },
    show: { about: show.about, load: async () => show },
    replay: { about: replay.about, load: async () => replay },
    purge: { about: purge.about, load: async () => purge },
  },
};
