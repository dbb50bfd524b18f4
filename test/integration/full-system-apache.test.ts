/** Ten thousand real log lines, when they lie beside the checkout: every line is a record or a dead letter, none is lost. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { plugin } from "../support/plugins.ts";
import { stageOf, Workspace } from "../support/workspace.ts";

const LOGS = join(import.meta.dir, "../../../shared/data/apache_logs.gz");
const LINES = 10_000;
const HERE = existsSync(LOGS);

if (!HERE && process.env.CI !== "true") console.error(`skipped: real log lines are not there (${LOGS})`);

describe.skipIf(!HERE && process.env.CI !== "true")("run over real Apache logs", () => {
  test("run accounts for all 10,000 lines, and reads what a regular expression reads", async () => {
    using space = new Workspace();
    space.write(
      "by-status.ts",
      plugin({
        top: "const seen = {};",
        batch: "for (const row of batch) seen[row.status] = (seen[row.status] ?? 0) + 1;",
        finish: "batch.append({ seen });",
      }),
    );
    space.pipeline(["count|by-status.ts|"], { source: `apache|path=${LOGS}` });
    const { code, summary } = await space.run();
    expect(code).toBe(0);
    const source = stageOf(summary, "source");
    expect(source.in).toBe(LINES);
    expect(source.out + source.deadLettered).toBe(LINES);
    expect(space.letters()).toHaveLength(source.deadLettered);

    const lines = gunzipSync(readFileSync(LOGS)).toString("utf8").trimEnd().split("\n");
    const statuses = lines.map((line) => /" (\d{3}) (?:\d+|-)/.exec(line)?.[1]);
    const counted = Object.fromEntries(
      Map.groupBy(statuses, String)
        .entries()
        .map(([key, all]) => [key, all.length]),
    );
    const records = space.records("out.ndjson");
    expect(records.at(-1)).toEqual({ seen: counted });
    expect(records).toHaveLength(source.out + 1);
    expect(source.deadLettered).toBeLessThan(LINES / 100);
  });
});
