/** The contract `dead_letters`: records that went no further, of all pipelines that keep their state on the masters: counted, looked at, run again. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

/** Letters in one answer. */
export const LIST_MAX = 200;

const which = z
  .string()
  .min(1)
  .max(4096)
  .describe("a pipeline, as summary tells it; or its id, or the path of its file");
const filter = {
  stage: z.string().max(300).optional().describe("only letters of this stage"),
  reason: z.string().max(1_000).optional().describe("only letters whose reason contains this"),
  batch: z.string().max(300).optional().describe("only letters of this batch"),
};
const selection = {
  ...filter,
  numbers: z.array(z.number().int().positive()).min(1).max(10_000).readonly().optional().describe("only these letters"),
};

const group = z.object({
  stage: z.string(),
  reason: z.string(),
  count: z.number(),
  example: z.number().describe("the number of one of them"),
});

const pipeline = z.object({
  pipeline: z.string(),
  path: z.string().optional().describe("of its pipeline file, where that is known"),
  file: z.string().describe("of its letters"),
  node: z.string().optional().describe("the master whose letters they are, and on whose machine the file lies"),
  letters: z.number(),
  records: z.number(),
  texts: z.number().describe("input lines that could not be read"),
  damaged: z.number().describe("lines of the file that are no letters"),
  firstTime: z.string().optional(),
  lastTime: z.string().optional(),
  groups: z.array(group).readonly().describe("the largest first"),
  others: z.number().describe("letters of groups that are not told"),
});

const letter = z.object({
  number: z.number(),
  time: z.string(),
  stage: z.string(),
  reason: z.string(),
  attempts: z.number(),
  batch: z.string(),
  row: z.number().optional(),
  line: z.number().optional(),
  record: z.string().optional().describe("as JSON, byte for byte as the stage had it"),
  text: z.string().optional().describe("an input line that could not be read"),
  isCut: z.boolean().describe("whether the record or text is longer than is told"),
});

const replay = z.object({
  name: z.string().describe("of the pipeline that runs them again"),
  pipeline: z.string().describe("whose letters they are"),
  stage: z.string().describe("from which on they are run again"),
  letters: z.number(),
  output: z.string().optional().describe("where they go to, when that is a file"),
  by: z.string().describe("master: a submission; process: a run of its own on this machine"),
  id: z.string().describe("of the submission, or of the process"),
  state: z.string().describe("running, ended, failed or cancelled; as the master says it of a submission"),
  detail: z.string().optional(),
  begunMs: z.number(),
  purged: z.number().optional().describe("letters deleted when it had ended"),
});

export const deadLettersContract = defineContract({
  name: "dead_letters",
  version: 1,
  about: "records that went no further, of pipelines that keep their state on a master, or on a node without masters",
  methods: {
    summary: {
      about: "how many there are of each pipeline, by stage and reason",
      input: z.strictObject({ pipeline: which.optional() }),
      output: z.object({
        pipelines: z.array(pipeline).readonly(),
        missing: z.array(z.string()).readonly().optional().describe("masters that did not answer"),
      }),
      access: "read",
      idempotent: true,
    },
    list: {
      about: "letters of one pipeline, in the order in which they came",
      input: z.strictObject({
        pipeline: which,
        ...filter,
        offset: z.number().int().min(0).optional().describe("letters passed over first"),
        limit: z.number().int().min(1).max(LIST_MAX).optional(),
      }),
      output: z.object({
        letters: z.array(letter).readonly(),
        damaged: z.array(z.string()).readonly(),
        next: z.number().optional().describe("the offset to go on with; left out when there are no more"),
      }),
      access: "read",
      idempotent: true,
    },
    show: {
      about: "one letter whole",
      input: z.strictObject({ pipeline: which, number: z.number().int().positive() }),
      output: z.object({ letter }),
      access: "read",
      idempotent: true,
    },
    replay: {
      about:
        "runs the records again, from the stage that refused them on, as a pipeline of its own with an output of its own; what fails again becomes a letter of that one",
      input: z.strictObject({
        pipeline: which,
        ...selection,
        texts: z.boolean().optional().describe("input lines that could not be read as well, from the first stage on"),
        output: z
          .string()
          .min(1)
          .max(4096)
          .optional()
          .describe("a file that is not there yet; beside the pipeline's own when left out"),
        purge: z.boolean().optional().describe("delete the letters when all of it has ended well"),
      }),
      output: z.object({ replays: z.array(replay).readonly().describe("one for each stage that has letters") }),
      access: "operate",
    },
    replays: {
      about: "what was run again since this node started",
      input: z.strictObject({}),
      output: z.object({ replays: z.array(replay).readonly() }),
      access: "read",
      idempotent: true,
    },
    purge: {
      about: "deletes letters for good; refused while a pipeline writes the file",
      input: z.strictObject({
        pipeline: which,
        ...selection,
        all: z.boolean().optional().describe("every letter; needed when nothing else is given"),
      }),
      output: z.object({ purged: z.number(), kept: z.number() }),
      access: "operate",
    },
  },
});

export type DeadLettersClient = Client<typeof deadLettersContract.methods>;
export type LettersOfPipeline = z.output<typeof pipeline>;
export type ToldLetter = z.output<typeof letter>;
export type ReplayView = z.output<typeof replay>;
