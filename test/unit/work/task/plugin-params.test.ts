// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references are written like this
import { expect, test } from "bun:test";
import { param } from "../../../../src/sdk/index.ts";
import { convertTaskParams, findParamFaults, variablesNamedBy } from "../../../../src/work/task/plugin-params.ts";

const SCHEMA = {
  count: param.integer("how many", { required: true, min: 1 }),
  names: param.list("who"),
  wait: param.duration("how long", { default: 5 }),
  key_env: param.string("a variable", { default: "KEY" }),
};

test("convertTaskParams() takes JSON values and texts alike", () => {
  const converted = { count: 3, names: ["a", "b"], wait: 2_000, key_env: "KEY" };
  expect(convertTaskParams("p.ts", { count: 3, names: ["a", "b"], wait: "2s" }, SCHEMA)).toEqual(converted);
  expect(convertTaskParams("p.ts", { count: "3", names: "a;b", wait: 2_000 }, SCHEMA)).toEqual(converted);
});

test("convertTaskParams() names every fault", () => {
  expect(() => convertTaskParams("p.ts", { coun: 3, wait: "soon" }, SCHEMA)).toThrow(
    /has no parameter "coun" \(did you mean count\?\).*wait.*needs the parameter count/s,
  );
});

test("findParamFaults() leaves parameters that hold references to the run", () => {
  expect(findParamFaults("p.ts", { count: "${tasks.a.output.n}" }, SCHEMA)).toEqual([]);
  const faults = findParamFaults("p.ts", { count: "${tasks.a.output.n}", wait: "soon", other: "${env.X}" }, SCHEMA);
  expect(faults.map(({ field }) => field).sort()).toEqual(["params.other", "params.wait"]);
});

test("variablesNamedBy() finds variables in parameters and in defaults", () => {
  expect(variablesNamedBy({}, SCHEMA)).toEqual(["KEY"]);
  expect(variablesNamedBy({ key_env: "OTHER", count: 1 }, SCHEMA)).toEqual(["OTHER"]);
});
