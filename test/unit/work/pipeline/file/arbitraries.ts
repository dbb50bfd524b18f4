/** Random pipeline files for property tests: as data, and as text with mistakes in it. */
import fc from "fast-check";
import {
  type End,
  type ParamText,
  type PipelineFile,
  parsePipelineFile,
  policyNames,
  reservedParams,
  type StageSpec,
} from "../../../../../src/work/pipeline/file/index.ts";

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,12}$/).filter((text) => text !== "set");

/** Any text that fits on a line: escapes, separators, blanks at the ends, any Unicode. */
const lineText = fc.oneof(
  fc.string({ unit: fc.constantFrom("|", ",", "=", "\\", " ", "\t", "#", "a", ";", "é", "漢", "1") }),
  fc.string({ unit: "grapheme" }).filter((text) => !/\p{Cc}/u.test(text)),
);

const params = fc
  .uniqueArray(fc.tuple(name, lineText), { selector: ([key]) => key, maxLength: 4 })
  .map((pairs) => pairs.filter(([key]) => !Object.hasOwn(reservedParams, key) && !key.startsWith("fallback")))
  .map((pairs) => pairs.map(([key, value]): ParamText => ({ key, value, line: 0, keyColumn: 0, valueColumn: 0 })));

const end = fc.record({ kind: fc.constantFrom("ndjson", "csv"), params });
const library = fc.oneof(
  fc.constant("./plugins/a.js"),
  lineText.map((text) => `./${text}.ts`),
);

const engine = fc
  .record(
    {
      lanes: fc.integer({ min: 1, max: 64 }),
      standby: fc.integer({ min: 0, max: 16 }),
      memory: fc.integer({ min: 32 * 2 ** 20, max: 2 ** 40 }),
      cpu: fc.integer({ min: 1000, max: 86_400_000 }),
      env: fc.uniqueArray(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/), { minLength: 1, maxLength: 3 }),
      failure_threshold: fc.integer({ min: 1, max: 100 }),
      half_open_after: fc.integer({ min: 10, max: 60_000 }),
    },
    { requiredKeys: [] },
  )
  .filter((params) => params.half_open_after === undefined || params.failure_threshold !== undefined);

const stage = fc
  .record({
    library,
    params,
    enabled: fc.boolean(),
    policy: fc.constantFrom(...policyNames),
    maxRetries: fc.integer({ min: 0, max: 1000 }),
    timeoutMs: fc.integer({ min: 1, max: 86_400_000 }),
    engine,
    fallback: fc.record({ library, params }),
  })
  .map(({ fallback, policy, ...rest }) => ({
    ...rest,
    policy,
    ...(policy === "FALLBACK" && { fallback }),
  }));

const settings = fc.record({
  batch_rows: fc.integer({ min: 1, max: 1_000_000 }),
  batch_bytes: fc.integer({ min: 4096, max: 2 ** 20 }),
  ordered: fc.boolean(),
  checkpoint_interval: fc.integer({ min: 10, max: 3_600_000 }),
  on_malformed: fc.constantFrom("dead_letter" as const, "fail" as const),
  dead_letters: fc.oneof(
    fc.constant(undefined),
    lineText.filter((text) => text.length > 0),
  ),
});

/** A well-formed file as data; places are all zero, as in `withoutPlaces`. */
export const pipelineFile: fc.Arbitrary<PipelineFile> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 8, maxLength: 8 }),
    stages: fc.array(stage, { minLength: 1, maxLength: 6 }),
    source: fc.option(end, { nil: undefined }),
    sink: fc.option(end, { nil: undefined }),
    settings,
  })
  .map(({ names, stages, source, sink, settings: changed }) => ({
    name: "random",
    fileName: "random.txt",
    ...(source && { source: placed(source, names[6]!) satisfies End }),
    ...(sink && { sink: placed(sink, names[7]!) satisfies End }),
    stages: stages.map((one, index) => placed(one, names[index]!) satisfies StageSpec),
    settings: withoutUndefined({ ...parsePipelineFile("", "").file.settings, ...changed }),
  }));

function placed<T>(line: T, lineName: string): T & { name: string; line: number; columns: Record<string, number> } {
  return { ...line, name: lineName, line: 0, columns: {} };
}

export function withoutPlaces(file: PipelineFile): PipelineFile {
  const plain = (param: ParamText): ParamText => ({ ...param, line: 0, keyColumn: 0, valueColumn: 0 });
  const strip = <T extends StageSpec | End>(line: T): T => ({
    ...line,
    line: 0,
    columns: {},
    params: line.params.map(plain),
  });
  return {
    ...file,
    ...(file.source && { source: strip(file.source) }),
    ...(file.sink && { sink: strip(file.sink) }),
    stages: file.stages.map((one) => ({
      ...strip(one),
      ...(one.fallback && { fallback: { ...one.fallback, params: one.fallback.params.map(plain) } }),
    })),
    settings: withoutUndefined(file.settings),
  };
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T; // same keys, fewer
}

const fragment = fc.constantFrom(
  "set",
  "source:ndjson",
  "sink:csv",
  "./a.ts",
  "./b.so",
  "|",
  "|",
  "|",
  ",",
  "=",
  "\\",
  "\n",
  "\r\n",
  "\t",
  " ",
  "#",
  "true",
  "maybe",
  "FALLBACK",
  "FAIL_FAST",
  "retry",
  "3",
  "-1",
  "10s",
  "1 apple",
  "lanes=2",
  "fallback=./c.js",
  "fallback.x=1",
  "batch_rows=0",
  "ordered",
  "a=1",
  "漢字",
  "e\u0301",
  "👨‍👩‍👧",
  "\u0000",
  "\ufeff",
  "\u2028",
  "\ud800",
  "name",
);

/** Text near the grammar, so that every fault is met, and any text at all. */
export const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.array(fragment, { maxLength: 60 }).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 300 }) },
);
