/** Who has missed what: numbers, gaps, other lives. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Heard, type Invalidation, OwnNews } from "../../../../src/data/cache/index.ts";

const KEPT = 4_096;

function news(id: number): Invalidation {
  return { id: `n${id}`, keys: [`k${id}`], tags: [] };
}

describe("OwnNews", () => {
  test("since() gives all after a number, in order, and no more than asked for", () => {
    const own = new OwnNews("life1");
    for (let id = 1; id <= 5; id++) expect(own.add(news(id))).toEqual({ instance: "life1", seq: id });
    expect(own.since({ instance: "life1", seq: 3 })).toEqual({ instance: "life1", seq: 5, missed: [news(4), news(5)] });
    expect(own.since({ instance: "life1", seq: 0 }, 2)).toEqual({
      instance: "life1",
      seq: 2,
      missed: [news(1), news(2)],
    });
    expect(own.since({ instance: "earlier", seq: 4 }).missed?.length).toBe(5);
    expect(own.since(undefined).missed?.length).toBe(5);
    expect(own.since({ instance: "life1", seq: 99 })).toEqual({ instance: "life1", seq: 5, missed: [] });
  });

  test("since() says that it does not know any more when too much has come since", () => {
    const own = new OwnNews("life1");
    for (let id = 1; id <= 3 * KEPT; id++) own.add(news(id));
    expect(own.since({ instance: "life1", seq: 5 })).toEqual({ instance: "life1", seq: 3 * KEPT, missed: undefined });
    expect(own.since({ instance: "life1", seq: 3 * KEPT - 1 }).missed).toEqual([news(3 * KEPT)]);
  });
});

describe("Heard", () => {
  test("take() tells the next one from one that is known and from a gap", () => {
    const heard = new Heard();
    const at = (seq: number, instance = "a1") => heard.take("a", { instance, seq });
    expect([at(1), at(2), at(2), at(1), at(4), at(3), at(4)]).toEqual([
      "next",
      "next",
      "known",
      "known",
      "gap",
      "next",
      "next",
    ]);
    expect(heard.take("b", { instance: "b1", seq: 7 })).toBe("gap");
    expect(at(1, "a2")).toBe("gap");
  });

  test("caughtUp() asks for memory to be dropped when it is another life, and for everything when nobody knows", () => {
    const heard = new Heard();
    expect(heard.caughtUp("a", { instance: "a1", seq: 3, missed: [] })).toBe("nothing");
    expect(heard.caughtUp("a", { instance: "a2", seq: 1, missed: [] })).toBe("memory");
    expect(heard.caughtUp("a", { instance: "a2", seq: 9_000, missed: undefined })).toBe("everything");
    expect(heard.caughtUp("a", { instance: "a2", seq: 8_000, missed: undefined })).toBe("nothing");
    expect(heard.position("a")).toEqual({ instance: "a2", seq: 9_000 });
    heard.forget("a");
    expect(heard.position("a")).toBeUndefined();
  });

  test("take() and caughtUp() miss nothing whatever messages get lost", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 60 }), (steps) => {
        const own = new OwnNews("a1");
        const heard = new Heard();
        const done = new Set<string>();
        const catchUp = (): void => {
          const missed = own.since(heard.position("a"), 3);
          heard.caughtUp("a", missed);
          for (const { id } of missed.missed ?? []) done.add(id);
        };
        let count = 0;
        for (const [isLost, asks] of steps) {
          const position = own.add(news(++count));
          if (!isLost) {
            heard.take("a", position);
            done.add(`n${count}`);
          }
          if (asks) catchUp();
        }
        while (heard.position("a")?.seq !== count && count > 0) catchUp();
        expect(done.size).toBe(count);
      }),
    );
  });
});
