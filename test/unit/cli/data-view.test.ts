import { describe, expect, test } from "bun:test";
import type { GroupStatus } from "../../../src/app/data/data-port.ts";
import { receiptsFrom } from "../../../src/cli/commands/queue-receipts.ts";
import { consistencyFrom, durationFrom, textOrBytes, wholeNumberFrom } from "../../../src/cli/data-flags.ts";
import { entryLine, eventLine, valueText } from "../../../src/cli/view/data.ts";
import { locksTable, lockText } from "../../../src/cli/view/lock.ts";
import { messageLine, queuesTable, queueText } from "../../../src/cli/view/queue.ts";
import { groupsText } from "../../../src/cli/view/raft.ts";
import { repliesText, transactionsTable } from "../../../src/cli/view/txn.ts";

const lines = (text: string): string[] => text.split("\n").map((line) => line.trim());

describe("views of maps", () => {
  test("entryLine() keeps foreign text on its line", () => {
    expect(entryLine({ key: "a\nb", value: "c\td\u001b[31m" })).toBe("a␊b\tc\td␛[31m");
    expect(entryLine({ key: "k", value: new Uint8Array(3) })).toBe("k\t3 bytes");
  });

  test("valueText() shows how a long value begins", () => {
    expect(valueText("v".repeat(10_000)).length).toBeLessThan(250);
  });

  test("eventLine() tells no value of what was deleted", () => {
    const entry = { key: "k", value: "old" };
    expect(eventLine({ type: "put", map: "m", revision: 7, entry })).toBe("7\tput\tm\tk\told");
    expect(eventLine({ type: "delete", map: "m", revision: 8, entry })).toBe("8\tdelete\tm\tk");
  });
});

describe("views of locks", () => {
  const lock = { lock: "deploy", holder: "alice", token: 7, ttlMs: 12_300, waiting: ["bob", "eve"] };

  test("locksTable() has a row for each lock", () => {
    expect(lines(locksTable([lock])).at(-1)).toBe("deploy   alice      7  12.3 s        2");
  });

  test("lockText() names those who wait, first come, first", () => {
    expect(lockText(lock)).toContain("waiting  bob, eve");
    expect(lockText({ ...lock, waiting: [] })).toContain("waiting  nobody");
  });
});

describe("views of queues", () => {
  const stats = {
    queue: "work",
    ready: 1_200,
    delayed: 1,
    out: 2,
    enqueued: 3_000,
    acknowledged: 1_797,
    deadLettered: 0,
    settings: { deliveriesMax: 16, deadLetter: "work.dead", dedupeMs: 300_000, messagesMax: 1_000_000 },
  };

  test("queuesTable() counts what is in each", () => {
    expect(lines(queuesTable([stats])).at(-1)).toMatch(/^work +1,200 +1 +2 +3,000 +1,797 +0$/);
  });

  test("queueText() tells the settings", () => {
    expect(queueText(stats)).toContain("after 16 deliveries to work.dead, dedupe keys for 5 m 0 s");
  });

  test("messageLine() begins with the receipt that ack takes", () => {
    const line = messageLine({ id: 17, delivery: 2, value: "v" });
    expect(line).toBe("17:2\tv");
    expect(receiptsFrom(line.split("\t")[0]!)).toEqual([{ id: 17, delivery: 2 }]);
  });
});

describe("views of groups", () => {
  const group: GroupStatus = {
    group: "main",
    node: "m1",
    role: "leader",
    term: 4,
    leader: "m1",
    commit: 1_000,
    applied: 999,
    first: 1,
    last: 1_001,
    logBytes: 2048,
    dataBytes: 1024,
    durability: "fsync",
    members: [
      { id: "m1", kind: "voter", match: 1_001, address: "127.0.0.1:8080" },
      { id: "m2", kind: "voter", match: 900, state: "replicate", isLeaving: true },
      { id: "m3", kind: "learner" },
    ],
  };

  test("groupsText() tells who leads and how far everybody is behind", () => {
    const text = lines(groupsText([group]));
    expect(text).toContain("asked       m1, leader in term 4");
    expect(text).toContain("durability  fsync");
    expect(text.find((line) => line.startsWith("m2"))).toMatch(/^m2 +voter, leaving +replicate +900 +101/);
    expect(text.find((line) => line.startsWith("m3"))).toMatch(/^m3 +learner$/);
  });

  test("groupsText() tells of damage, of relaxed durability and of no leader", () => {
    const { leader: _, ...headless } = group;
    const text = groupsText([{ ...headless, damage: "an entry is lost", durability: "relaxed" }]);
    expect(text).toContain("leader      none that is known");
    expect(text).toContain("damage      an entry is lost");
    expect(text).toContain("relaxed: what was answered may be lost with the machine");
  });
});

describe("views of transactions", () => {
  test("repliesText() has a line for each operation", () => {
    const entry = { key: "k", value: { base64: "AAE=" } };
    const text = repliesText([{ revision: 7 }, { value: -3 }, { ids: [1, 2] }, { entry }, {}], "east\t");
    expect(lines(text)).toEqual([
      "east\trevision\t7",
      "east\tcounter\t-3",
      "east\tenqueued\t1, 2",
      "east\tentry\tk\t2 bytes",
      "east\tentry\tnone",
      "",
    ]);
  });

  test("transactionsTable() says what is overdue", () => {
    const shown = { id: "t1", side: "participant", state: "prepared", groups: ["main"] };
    expect(lines(transactionsTable([{ ...shown, leftMs: -1 }])).at(-1)).toEndWith("overdue");
    expect(lines(transactionsTable([{ ...shown, leftMs: 2_000 }])).at(-1)).toEndWith("2.0 s");
  });
});

describe("flags of data commands", () => {
  test("values that are none are refused", () => {
    expect(() => receiptsFrom("17")).toThrow("ID:DELIVERY is required");
    expect(() => wholeNumberFrom("--count", "1.5")).toThrow('--count is "1.5"; a whole number is required');
    expect(() => wholeNumberFrom("N", "99999999999999999")).toThrow("a whole number is required");
    expect(() => durationFrom("--ttl", "soon")).toThrow('--ttl is "soon"');
    expect(() => consistencyFrom("eventual")).toThrow("linearizable, lease or stale is required");
  });

  test("textOrBytes() keeps bytes that are no text as they are", () => {
    expect(textOrBytes(new TextEncoder().encode("\ufeffä"))).toBe("\ufeffä");
    expect(textOrBytes(new Uint8Array([0xff, 0xfe]))).toEqual(new Uint8Array([0xff, 0xfe]));
  });
});
