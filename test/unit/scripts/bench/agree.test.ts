import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentOf, differences } from "../../../../scripts/bench/pipeline/agree.ts";

const place = mkdtempSync(join(tmpdir(), "agree-"));
afterAll(() => rmSync(place, { recursive: true }));

function differ(one: string[], other: string[], lacksHash = false): string[] {
  const [a, b] = [join(place, "a"), join(place, "b")] as const;
  writeFileSync(a, `${one.join("\n")}\n`);
  writeFileSync(b, `${other.join("\n")}\n`);
  return differences(contentOf(a), contentOf(b), lacksHash);
}

const ORDER = '{"order_id":1,"total":2.5,"email_sha256":"ab"}';
const SECOND = '{"order_id":2,"total":1,"email_sha256":"cd"}';
const SUM = '{"category":"x","country":"y","orders":1,"total_sum":2.5}';

describe("differences()", () => {
  test("differences() is empty when only order, spaces and the writing of numbers differ", () => {
    const other = ['{ "total": 2.50, "email_sha256": "ab", "order_id": 1 }', SECOND, SUM];
    expect(differ([SECOND, ORDER, SUM], other)).toEqual([]);
  });

  test("differences() names what differs when a record, a sum or the number of records is another", () => {
    expect(differ([ORDER, SUM], [ORDER.replace("ab", "ac"), SUM])).toEqual(["some records differ"]);
    expect(differ([ORDER, SUM], [ORDER, SUM.replace('"orders":1', '"orders":2')])).toEqual(["group x,y differs"]);
    expect(differ([ORDER, SECOND, SUM], [ORDER, SUM])).toContain("1 records, not 2");
    expect(differ([ORDER, SUM], [ORDER])).toContain("0 groups, not 1");
  });

  test("differences() passes over the hash when the tool cannot make one", () => {
    const without = '{"order_id":1,"total":2.5}';
    expect(differ([ORDER, SUM], [without, SUM], true)).toEqual([]);
    expect(differ([ORDER, SUM], [without, SUM])).toEqual(["some records differ"]);
  });

  test("differences() sees two records that changed places of their hashes", () => {
    const swapped = [ORDER.replace("ab", "cd"), SECOND.replace("cd", "ab"), SUM];
    expect(differ([ORDER, SECOND, SUM], swapped)).toEqual(["some records differ"]);
  });
});
