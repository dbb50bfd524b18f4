import { expect, test } from "bun:test";
import { z } from "zod";
import { faultsOf } from "../../../../src/wire/rpc/failures.ts";

function faults(schema: z.ZodType, value: unknown): readonly string[] {
  const { error } = schema.safeParse(value);
  return faultsOf(error!).map(({ message, path }) => `${path}: ${message}`);
}

test("faultsOf() says of a union what each of its kinds requires", () => {
  const value = z.union([z.string(), z.object({ base64: z.string() })]);
  const put = z.strictObject({ value });
  expect(faults(put, { value: 1 })).toEqual([
    "value: Invalid input: expected string, received number, or Invalid input: expected object, received number",
  ]);
  expect(faults(put, { value: { base64: 1 } })).toEqual([
    "value: Invalid input: expected string, received object, or base64: Invalid input: expected string, received number",
  ]);
});

test("faultsOf() keeps the message of a union that knows no kind for the value", () => {
  const shapes = z.discriminatedUnion("kind", [z.object({ kind: z.literal("a") }), z.object({ kind: z.literal("b") })]);
  expect(faults(shapes, { kind: "c" })).toHaveLength(1);
  expect(faults(shapes, { kind: "c" })[0]).toMatch(/^kind: Invalid/);
});
