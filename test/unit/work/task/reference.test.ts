// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
import { expect, test } from "bun:test";
import { parseTemplate, type ReferenceValues, resolveUrl, resolveValue } from "../../../../src/work/task/reference.ts";
import type { Json } from "../../../../src/work/task/types.ts";

const OUTPUTS: Readonly<Record<string, Json>> = {
  a: { status: 200, body: { id: 7, name: "x/y", list: [1, { n: 2 }], none: null, "odd key": true } },
};

const values: ReferenceValues = {
  output: (task) => OUTPUTS[task],
  state: (task) => (task in OUTPUTS ? "done" : "failed"),
  env: (name) => (name === "BASE" ? "http://127.0.0.1:8080" : undefined),
};

const resolved = (value: Json): Json => resolveValue(value, values);

test("resolveValue() keeps the type of a value that a whole text refers to", () => {
  expect(resolved("${tasks.a.output.body.id}")).toBe(7);
  expect(resolved("${tasks.a.output.body.list}")).toEqual([1, { n: 2 }]);
  expect(resolved("${tasks.a.output.body.none}")).toBeNull();
  expect(resolved('${tasks.a.output.body["odd key"]}')).toBe(true);
  expect(resolved("${tasks.a.state}")).toBe("done");
});

test("resolveValue() puts a value into a longer text, JSON where it is no text", () => {
  expect(resolved("id ${tasks.a.output.body.id}, ${tasks.a.output.body.list[1]}, ${env.BASE}")).toBe(
    'id 7, {"n":2}, http://127.0.0.1:8080',
  );
});

test("resolveValue() fills in texts at any depth and leaves keys and other values alone", () => {
  const value = { "${tasks.a.state}": [1, true, null, { deep: "${tasks.a.output.body.list[0]}" }] };
  expect(resolved(value)).toEqual({ "${tasks.a.state}": [1, true, null, { deep: 1 }] });
});

test("resolveValue() takes what stands behind ?? when there is nothing", () => {
  expect(resolved("${tasks.b.output.body ?? null}")).toBeNull();
  expect(resolved("${tasks.a.output.body.nothing ?? 5}")).toBe(5);
  expect(resolved('${env.NONE ?? "a } b"}')).toBe("a } b");
  expect(resolved("${tasks.b.output ?? {}}")).toEqual({});
  expect(resolved("${tasks.a.output.body.none ?? 5}")).toBeNull();
});

test("resolveValue() leaves $${ as ${", () => {
  expect(resolved("$${HOME} and ${tasks.a.state}")).toBe("${HOME} and done");
});

test("resolveValue() says what there is when a path leads nowhere", () => {
  expect(() => resolved("${tasks.a.output.body.nmae}")).toThrow(
    '${tasks.a.output.body.nmae}: output.body of task a has no "nmae"; it is an object with id, name, list, none, odd key',
  );
  expect(() => resolved("${tasks.a.output.body.list[2]}")).toThrow("has no 2; it is a list of 2");
  expect(() => resolved("${tasks.b.output}")).toThrow("task b is failed and has left no output");
  expect(() => resolved("${env.NONE}")).toThrow("the variable NONE is not set");
});

test("resolveValue() does not find what an object only inherits", () => {
  expect(() => resolved("${tasks.a.output.constructor}")).toThrow('has no "constructor"');
});

test("resolveValue() refuses to fill in more than a task may be given", () => {
  const large: ReferenceValues = { ...values, output: () => "x".repeat(2 ** 20) };
  expect(() => resolveValue(Array<Json>(17).fill("${tasks.a.output}"), large)).toThrow("more than 16777216 bytes");
});

test("resolveUrl() encodes results within a URL, and neither variables nor what it begins with", () => {
  expect(resolveUrl("${env.BASE}/users/${tasks.a.output.body.name}?n=${tasks.a.output.body.id}", values)).toBe(
    "http://127.0.0.1:8080/users/x%2Fy?n=7",
  );
  const link: ReferenceValues = { ...values, output: () => "http://next/page?2" };
  expect(resolveUrl("${tasks.a.output}&x=1", link)).toBe("http://next/page?2&x=1");
});

test("parseTemplate() gives a text without references back as it is", () => {
  expect(parseTemplate("plain $ { text }")).toEqual(["plain $ { text }"]);
});
