/**
 * A stage on its way from master to worker: the plan as plain data, and which of its files are to be fetched. What comes in is
 * held against the form of a plan before anything is fetched or started.
 */
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import type { ArtifactLink } from "../../work/artifact/index.ts";
import {
  type ArtifactStore,
  fetchOverLink,
  type SettledPlan,
  type ShippedFile,
  settlePlan,
} from "../../work/artifact/index.ts";
import { type Settings, settingSchema } from "../../work/pipeline/file/index.ts";
import type { StagePlan } from "../../work/pipeline/stages/index.ts";

const values = z.record(z.string(), z.unknown());
const whole = z.number().int().min(0);
const library = z.object({ library: z.string(), revision: z.string(), params: values });

const plan: z.ZodType<StagePlan> = library.extend({
  name: z.string().min(1),
  policy: z.enum(["FAIL_FAST", "RETRY_WITH_BACKOFF", "SKIP_AND_CONTINUE", "DEAD_LETTER", "FALLBACK", "FAILOVER"]),
  maxRetries: whole,
  timeoutMs: z.number().positive(),
  lanes: whole.min(1),
  sequential: z.boolean(),
  stateful: z.boolean(),
  exclusive: z.boolean(),
  standby: whole,
  limits: z.object({
    memoryBytes: whole.optional(),
    cpuMs: whole.optional(),
    files: whole.optional(),
    stdoutBytesPerSecond: whole.optional(),
  }),
  passEnv: z.array(z.string()),
  breaker: z.object({ failureThreshold: whole, successThreshold: whole, halfOpenAfterMs: whole }).optional(),
  health: z.object({ intervalMs: whole, timeoutMs: whole }).optional(),
  balancer: z.string().optional(),
  fallback: library.optional(),
}) as never; // optional members are left out, never undefined: messages drop those

const files = z.array(z.object({ place: z.array(z.union([z.string(), z.number()])), id: z.string() }));
const packed = z.object({ plan, files });

export interface PackedPlan {
  readonly plan: StagePlan;
  readonly files: readonly ShippedFile[];
}

/** Fails with `work.plan`, or as fetching does. */
export async function unpackPlan(
  payload: unknown,
  store: ArtifactStore,
  master: ArtifactLink,
): Promise<SettledPlan<StagePlan>> {
  const read = packed.safeParse(payload);
  if (!read.success) throw new Failure("work.plan", `a stage was not understood: ${z.prettifyError(read.error)}`);
  return settlePlan(read.data.plan, read.data.files, store, fetchOverLink(master));
}

/** Of another version of this program some may be missing, or unknown here. Fails with `work.settings`. */
export function unpackSettings(payload: Readonly<Record<string, unknown>>): Settings {
  const entries = Object.entries(settingSchema).map(([name, spec]) => {
    const fallback = "default" in spec ? spec.default : undefined;
    const value = Object.hasOwn(payload, name) ? payload[name] : fallback;
    const isRight = value === undefined || fallback === undefined || typeof value === typeof fallback;
    if (!isRight) throw new Failure("work.settings", `the setting ${name} is ${JSON.stringify(value)}`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as Settings; // each by its schema
}
