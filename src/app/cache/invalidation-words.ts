/** What nodes tell each other of invalidations, checked: another node may be of another version, or not what it says. */
import { z } from "zod";
import { Failure } from "../../base/errors.ts";
import type { Invalidation, Missed, NewsPosition } from "../../data/cache/index.ts";

/** As many as one invalidation of the cache may have, and texts as long. */
const names = z.array(z.string().min(1).max(16_384)).max(1_000).readonly();
const instance = z.string().min(1).max(200);
const seq = z.number().int().min(0);
const invalidation = z.object({ id: z.string().min(1).max(200), keys: names, tags: names });
const news = invalidation.extend({ instance, seq });
const missed = z.object({ instance, seq, missed: z.array(invalidation).max(4_096).readonly().optional() });
const position = z.object({ instance: instance.optional(), seq: seq.optional() });

export function readNews(payload: unknown): { readonly invalidation: Invalidation; readonly position: NewsPosition } {
  const { instance, seq, ...invalidation } = read(news, payload);
  return { invalidation, position: { instance, seq } };
}

export function readMissed(payload: unknown): Missed {
  const { instance, missed: list, seq } = read(missed, payload);
  return { instance, seq, missed: list };
}

/** Undefined from somebody who has heard nothing yet. */
export function readPosition(payload: unknown): NewsPosition | undefined {
  const { instance, seq } = read(position, payload);
  return instance === undefined || seq === undefined ? undefined : { instance, seq };
}

function read<T extends z.ZodType>(schema: T, payload: unknown): z.output<T> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const [fault] = result.error.issues;
  throw new Failure("cache.bad_message", `news of the cache: ${fault?.path.join(".")}: ${fault?.message}`);
}
