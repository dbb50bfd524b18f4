/** Faults of a source's or sink's parameters that only their maker sees: it is asked to make one that is never opened. */
import { systemClock } from "../base/clock.ts";
import { toFailure } from "../base/errors.ts";
import { seededRandom } from "../base/random.ts";
import type { End, Fault, ParamValue, PipelineFile } from "../work/pipeline/file/index.ts";
import { createSink } from "../work/pipeline/sink/index.ts";
import { createSource } from "../work/pipeline/source/index.ts";

/** One end as chosen: by its line in the file or by --input and --output. */
export interface EndChoice {
  readonly kind: string;
  readonly params: Readonly<Record<string, ParamValue>>;
}

const PROBE = { run: "check", clock: systemClock, random: seededRandom(0), variables: process.env };

async function* nothing(): AsyncGenerator<Uint8Array> {}

export function endFault(
  file: PipelineFile,
  role: "source" | "sink",
  end: End | undefined,
  choice: EndChoice | undefined,
): Fault[] {
  if (!end || !choice) return [];
  try {
    if (role === "source")
      createSource(choice.kind, choice.params, { ...PROBE, startTimeMs: 0, stdin: nothing(), stateDirectory: "" });
    else createSink(choice.kind, choice.params, { ...PROBE, stdout: () => new Bun.ArrayBufferSink() as never }); // never written to
    return [];
  } catch (thrown) {
    const { code, message } = toFailure(thrown, `pipeline.config.${role}`);
    const named = end.params.find(({ key }) => message.includes(`${key}=`) || message.includes(`${key} is`));
    const place = named
      ? { line: named.line, column: named.valueColumn }
      : { line: end.line, column: end.columns.parameters ?? end.columns.library ?? 1 };
    const field = named ? `parameters.${named.key}` : "parameters";
    return [
      {
        ...place,
        file: file.fileName,
        code,
        field,
        message,
        allowed: `what check --explain says of ${role}:${end.kind}`,
      },
    ];
  }
}
