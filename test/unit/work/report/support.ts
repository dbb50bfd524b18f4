/** Reports for tests: any observations, and builders on a clock that the test moves. */
import fc from "fast-check";
import { type Observation, ReportBuilder } from "../../../../src/work/report/index.ts";

export class Time {
  nowMs = 1_000_000;
  readonly clock = { now: () => this.nowMs, monotonic: () => this.nowMs };
}

export const subject = { id: "orders-20260101-abcd", kind: "pipeline", name: "orders", run: "run-1" } as const;

export function builderOf(observations: readonly Observation[], time = new Time()): ReportBuilder {
  const builder = ReportBuilder.begin(subject, time.clock);
  for (const observation of observations) builder.observe(observation);
  return builder;
}

const node = fc.constantFrom("n1", "n2", "n3");
const stage = fc.constantFrom("parse", "validate", "");
const ms = fc.double({ min: 0, max: 1e7, noNaN: true });
const small = fc.nat(1000);

export const observation: fc.Arbitrary<Observation> = fc.oneof(
  fc.record(
    {
      type: fc.constant("done" as const),
      id: fc.string({ maxLength: 4 }),
      node,
      ms,
      rows: small,
      bytesIn: small,
      bytesOut: small,
    },
    { requiredKeys: ["type", "id", "node", "ms"] },
  ),
  fc.record(
    {
      type: fc.constant("failed" as const),
      id: fc.string({ maxLength: 3 }),
      code: fc.constantFrom("a.b", "c.d"),
      reason: fc.constantFrom("no", "never", "x".repeat(2000)),
      node,
      stage,
      count: fc.integer({ min: 1, max: 9 }),
    },
    { requiredKeys: ["type", "id", "code", "reason"] },
  ),
  fc.record({ type: fc.constant("stage" as const), stage, ms }),
  fc.record({ type: fc.constant("retry" as const), stage, count: small }, { requiredKeys: ["type"] }),
  fc.record({ type: fc.constantFrom("hedge" as const, "failover" as const) }),
  fc.record({ type: fc.constantFrom("late" as const, "lost" as const), node }),
  fc.record(
    { type: fc.constant("restart" as const), what: fc.constantFrom("host", "worker", "master"), stage, count: small },
    { requiredKeys: ["type", "what"] },
  ),
);

export const observations = fc.array(observation, { maxLength: 60 });
