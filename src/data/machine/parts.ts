/** Prepared parts of distributed transactions, carried out on this group's structures. */
import type { PartPorts } from "../transaction/index.ts";
import { type Compare, refused } from "../words/index.ts";
import { Fields } from "./fields.ts";
import { readPart, writePart } from "./forms.ts";
import type { Operations } from "./operations.ts";

export function partPorts(operations: Operations): PartPorts {
  return {
    evaluate({ compare, then }, moment) {
      const failing = operations.failing(compare);
      if (failing !== undefined) return refused("data.compare_failed", `${describe(failing)} does not hold`, true);
      return operations.check(then, moment);
    },
    apply: ({ then }, moment) => operations.run(then, moment),
    write: writePart,
    read(written) {
      const fields = new Fields("a prepared part", written);
      const part = readPart(fields);
      fields.end();
      return part;
    },
  };
}

function describe(compare: Compare): string {
  if (compare.type === "counter") return `counter ${compare.counter} ${compare.is} ${compare.than}`;
  if (compare.type === "lock") return `lock ${compare.lock} held under token ${compare.token}`;
  const what = `key ${compare.key} of ${compare.map}`;
  switch (compare.type) {
    case "exists":
    case "absent":
      return `${what} ${compare.type}`;
    case "value":
      return `${what} ${compare.is} a value`;
    default:
      return `${what} ${compare.type} ${compare.is} ${compare.than}`;
  }
}
