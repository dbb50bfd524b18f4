import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { layoutOf } from "../../../../src/edge/dashboard/page/logic/layout.ts";

const node = (id: string, roles: string[] = ["worker"], isSelf = false) => ({ id, roles, isSelf });

describe("layoutOf()", () => {
  test("layoutOf() puts the node that was asked in the middle, and masters nearer than workers that are many", () => {
    const workers = Array.from({ length: 9 }, (_, index) => node(`w${index}`));
    const { height, places, width } = layoutOf([...workers, node("me", [], true), node("m", ["master"])]);
    const at = (id: string) => places.find((place) => place.id === id)!;
    const far = (id: string) => Math.hypot(at(id).x - width / 2, at(id).y - height / 2);
    expect(far("me")).toBe(0);
    for (const { id } of workers) expect(far("m")).toBeLessThan(far(id));
  });

  test("layoutOf() puts few nodes on one ring, evenly", () => {
    const { places, width } = layoutOf([node("w"), node("me", [], true), node("m", ["master"])]);
    const [left, right] = places.slice(1).toSorted((a, b) => a.x - b.x) as [(typeof places)[0], (typeof places)[0]];
    expect(left.x + right.x).toBeCloseTo(width, 5);
  });

  test("layoutOf() gives the same picture in whatever order nodes are told", () => {
    const nodes = ["a", "b", "c", "d"].map((id) => node(id));
    expect(layoutOf(nodes.toReversed())).toEqual(layoutOf(nodes));
  });

  test("layoutOf() puts nodes within the picture and none onto another, for up to 200 of them", () => {
    const some = fc.array(fc.boolean(), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(some, (masters) => {
        const nodes = masters.map((isMaster, index) => node(`n${index}`, isMaster ? ["master"] : [], index === 0));
        const { height, places, width } = layoutOf(nodes);
        expect(places.length).toBe(nodes.length);
        for (const [index, { radius, x, y }] of places.entries()) {
          expect(x - radius >= 0 && x + radius <= width && y - radius >= 0 && y + radius <= height).toBe(true);
          for (const other of places.slice(0, index))
            expect(Math.hypot(other.x - x, other.y - y)).toBeGreaterThan(radius + other.radius);
        }
      }),
      { numRuns: 40 },
    );
  });
});
