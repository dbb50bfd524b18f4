/** Bodies read into variables, for tests of the readers. */

import { finishAtOnce } from "../../../../../../src/base/turns.ts";
import { readJson } from "../../../../../../src/edge/waf/engine/body/json.ts";
import { readMultipart } from "../../../../../../src/edge/waf/engine/body/multipart.ts";
import { ArgumentSink } from "../../../../../../src/edge/waf/engine/body/sink.ts";
import { readUrlencoded } from "../../../../../../src/edge/waf/engine/body/urlencoded.ts";
import { ValuePool } from "../../../../../../src/edge/waf/engine/value-pool.ts";
import { Variables } from "../../../../../../src/edge/waf/engine/variables.ts";

export interface Read {
  readonly fault: string | undefined;
  readonly args: readonly (readonly [string, string])[];
  readonly variables: Variables;
  readonly isOverflown: boolean;
}

function read(work: (variables: Variables, sink: ArgumentSink) => string | undefined, countMax?: number): Read {
  const variables = new Variables({ now: () => 0, elapsedMs: () => 0 }, new ValuePool());
  const sink = new ArgumentSink(variables, countMax);
  const fault = work(variables, sink);
  const args = variables.list("ARGS").map((found) => [found.key!, found.value] as const);
  return { fault, args, variables, isOverflown: sink.isOverflown };
}

export function form(text: string, separator = "&", countMax?: number): Read {
  return read(
    (_, sink) => (finishAtOnce(readUrlencoded(text, "POST", separator, sink)) ? undefined : "invalid escapes"),
    countMax,
  );
}

export function json(text: string, depthMax = 64, countMax?: number): Read {
  const bytes = Buffer.from(text, "utf8");
  return read((_, sink) => finishAtOnce(readJson(bytes, bytes.toString("latin1"), depthMax, sink)), countMax);
}

export function multipart(text: string, contentType = "multipart/form-data; boundary=BB"): Read {
  return read((variables, sink) => finishAtOnce(readMultipart(text, contentType, variables, sink)));
}

/** Names of the flags that are raised, without `MULTIPART_`. */
export function raised(variables: Variables, names: readonly string[]): string[] {
  return names.filter((name) => variables.single(name) === "1").map((name) => name.slice("MULTIPART_".length));
}
