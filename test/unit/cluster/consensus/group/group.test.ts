import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { command, type Node, Rig } from "./rig.ts";

const THREE = ["a", "b", "c"];

function idOf(rig: Rig, node: Node): string {
  return [...rig.nodes].find(([, each]) => each === node)![0];
}

/** What becomes of it, once some time has passed. */
async function settled<T>(rig: Rig, promise: Promise<T>): Promise<T> {
  let isOver = false;
  promise.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  await rig.until(() => isOver);
  return promise;
}

describe("RaftGroup", () => {
  test("propose() resolves with the command's outcome when a majority has it, and all apply it", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    expect(await settled(rig, leader.group.propose(command("x")))).toBe("x!");
    await rig.until(() => [...rig.nodes.values()].every(({ machine }) => machine.applied.length === 1));
  });

  test("propose() does all commands of a turn in their order", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    const outcomes = ["1", "2", "3"].map((text) => leader.group.propose(command(text)));
    expect(await settled(rig, Promise.all(outcomes))).toEqual(["1!", "2!", "3!"]);
    expect(leader.machine.applied).toEqual(["1", "2", "3"]);
  });

  test("propose() fails with consensus.not_leader and the leader's id when another node leads", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    const follower = rig.others(leader)[0]!;
    await rig.until(() => follower.group.leadership.leader !== undefined);
    const failure = await follower.group.propose(command("x")).catch((thrown: Failure) => thrown);
    expect(failure).toMatchObject({ code: "consensus.not_leader", data: { leader: idOf(rig, leader) } });
  });

  test("propose() fails with consensus.not_leader when it asks for another term", async () => {
    const rig = new Rig(["a"]);
    const leader = await rig.leader();
    const { term } = leader.group.leadership;
    expect(await settled(rig, leader.group.propose(command("x"), { term }))).toBe("x!");
    expect(leader.group.propose(command("y"), { term: term - 1 })).rejects.toThrow("does not lead");
    await rig.pass(10);
    expect(leader.machine.applied).toEqual(["x"]);
  });

  test("propose() fails with consensus.unknown_outcome when leadership is lost under way", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    rig.cut.add(idOf(rig, leader));
    const failure = await settled(
      rig,
      leader.group.propose(command("lost")).catch((thrown: Failure) => thrown),
    );
    expect(failure).toMatchObject({ code: "consensus.unknown_outcome", retryable: true });
  });

  test("a leader that is cut off is replaced, and takes over what the others have when it is back", async () => {
    const rig = new Rig(THREE);
    const first = await rig.leader();
    rig.cut.add(idOf(rig, first));
    const lost = first.group.propose(command("lost")).catch(() => "failed");
    await rig.until(() => !first.group.leadership.isLeading);
    const second = await rig.leader();
    expect(second).not.toBe(first);
    await settled(rig, second.group.propose(command("kept")));
    rig.cut.clear();
    await rig.until(() => first.machine.applied.length > 0);
    expect(first.machine.applied).toEqual(["kept"]);
    expect(await lost).toBe("failed");
  });

  test("nothing is acknowledged before the disk has it", async () => {
    const rig = new Rig(["a"]);
    const { group, log, machine } = await rig.leader();
    log.holds = true;
    let outcome: unknown;
    group.propose(command("x")).then((what) => {
      outcome = what;
    });
    await rig.pass(50);
    expect([outcome, machine.applied]).toEqual([undefined, []]);
    log.release();
    await rig.until(() => outcome !== undefined);
    expect(log.entries.at(-1)).toMatchObject({ kind: "command" });
  });

  test("a follower whose disk is slow answers late, and a leader goes on sending heart-beats while its own is", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    const { term } = leader.group.leadership;
    leader.log.holds = true;
    const outcome = leader.group.propose(command("x"));
    await rig.pass(2_000);
    expect(leader.group.leadership).toMatchObject({ isLeading: true, term });
    leader.log.release();
    expect(await settled(rig, outcome)).toBe("x!");
  });

  test("a group fails, closes its log and is silent when its disk fails", async () => {
    const rig = new Rig(["a"]);
    const { failures, group, log } = await rig.leader();
    log.failure = new Error("I/O error");
    const failure = await settled(
      rig,
      group.propose(command("x")).catch((thrown: Failure) => thrown),
    );
    expect(failure).toMatchObject({ code: "consensus.unknown_outcome" });
    expect(failures).toEqual([log.failure]);
    expect(log.isClosed).toBe(true);
    expect(group.leadership.isLeading).toBe(false);
    expect(group.propose(command("y"))).rejects.toThrow("closed");
  });

  test("readIndex() names what must be applied, and whenApplied() waits for it", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    await settled(rig, leader.group.propose(command("x")));
    const index = await settled(rig, leader.group.readIndex("linearizable"));
    expect(index).toBeGreaterThanOrEqual(leader.group.appliedIndex);
    const follower = rig.others(leader)[0]!;
    await settled(rig, follower.group.whenApplied(index, new AbortController().signal));
    expect(follower.machine.applied).toEqual(["x"]);
  });

  test("readIndex() is not answered by a leader that has lost its group", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    rig.cut.add(idOf(rig, leader));
    const failure = await settled(
      rig,
      leader.group.readIndex("linearizable").catch((thrown: Failure) => thrown),
    );
    expect(failure).toMatchObject({ code: "consensus.not_leader" });
  });

  test("whenApplied() fails with the signal's reason", async () => {
    const rig = new Rig(["a"]);
    const { group } = await rig.leader();
    const over = new AbortController();
    const waiting = group.whenApplied(1_000, over.signal);
    over.abort(new Error("too late"));
    expect(waiting).rejects.toThrow("too late");
  });

  test("whenApplied() fails at once with a signal that has aborted, and takes its listeners off", async () => {
    const rig = new Rig(["a"]);
    const { group } = await rig.leader();
    expect(group.whenApplied(1_000, AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
    const over = new AbortController();
    const listeners = { added: 0, removed: 0 };
    const { signal } = over;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (type: string, listener: () => void) => {
      listeners.added++;
      add(type, listener);
    };
    signal.removeEventListener = (type: string, listener: () => void) => {
      listeners.removed++;
      remove(type, listener);
    };
    const waiting = group.whenApplied(group.appliedIndex + 1, signal);
    await settled(rig, group.propose(command("x")));
    await waiting;
    const second = group.whenApplied(group.appliedIndex + 1, signal).catch(() => "aborted");
    over.abort();
    expect(await second).toBe("aborted");
    expect(listeners).toEqual({ added: 2, removed: 2 });
  });

  test("a time-out that the leader refuses is proposed again after a pause, and not all the time", async () => {
    const rig = new Rig(["a"]);
    const { group, machine } = await rig.leader();
    let ticks = 0;
    machine.tick = () => {
      ticks++;
      return new Uint8Array(2 ** 20 + 1);
    };
    await settled(rig, group.propose(command("due in 5")));
    await rig.pass(1_000);
    expect(ticks).toBeGreaterThan(5);
    expect(ticks).toBeLessThan(15);
  });

  test("propose() fails with consensus.too_large for what no entry holds", async () => {
    const rig = new Rig(["a"]);
    const { group } = await rig.leader();
    const failure = await settled(
      rig,
      group.propose(new Uint8Array(2 ** 20)).catch((thrown: Failure) => thrown),
    );
    expect(failure).toMatchObject({ code: "consensus.too_large", retryable: false });
  });

  test("a peer's term that cannot be is told once a while, and changes nothing", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    const { term } = leader.group.leadership;
    for (let times = 0; times < 5; times++) {
      leader.group.receive("b", { type: "voteReply", term: 2 ** 50, granted: false });
    }
    expect(leader.group.leadership).toMatchObject({ term, isLeading: true });
    expect(leader.told).toEqual(["a peer speaks of a term that cannot be; it is not heard"]);
    await rig.pass(60_000);
    leader.group.receive("b", { type: "voteReply", term: 2 ** 50, granted: false });
    expect(leader.told).toHaveLength(2);
  });

  test("a leader lets time pass in the state when something is due there", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    await settled(rig, leader.group.propose(command("due in 500")));
    await rig.pass(400);
    expect(leader.machine.applied).toEqual([]);
    await rig.until(() => [...rig.nodes.values()].every(({ machine }) => machine.applied.includes("due")));
  });

  test("the group's clock stands still without a leader and goes on with the next one", async () => {
    const rig = new Rig(THREE);
    const first = await rig.leader();
    await settled(rig, first.group.propose(command("due in 1000")));
    const { clockMs } = first.machine;
    for (const id of rig.nodes.keys()) rig.cut.add(id);
    await rig.pass(5_000);
    rig.cut.clear();
    const next = await rig.leader();
    await settled(rig, next.group.propose(command("x")));
    expect(next.machine.applied).toEqual(["x"]);
    expect(next.machine.clockMs).toBeLessThan(clockMs + 1_000);
    await rig.until(() => next.machine.applied.includes("due"));
  });

  test("snapshots are taken after so many entries, and a node that has missed them gets one", async () => {
    const rig = new Rig(THREE, { everyEntries: 10, everyBytes: 1e9 });
    const leader = await rig.leader();
    const late = rig.others(leader)[0]!;
    rig.cut.add(idOf(rig, late));
    for (let at = 0; at < 50; at++) await settled(rig, leader.group.propose(command(`${at}`)));
    expect(leader.log.snapshot?.info.index).toBeGreaterThan(30);
    expect(leader.log.entries.length).toBeLessThan(25);
    rig.cut.clear();
    await rig.until(() => late.machine.applied.length === 50);
    expect(late.machine.applied).toEqual(leader.machine.applied);
    expect(late.log.snapshot?.info.index).toBeGreaterThan(30);
  });

  test("a node that starts again has all that it acknowledged", async () => {
    const rig = new Rig(THREE, { everyEntries: 10, everyBytes: 1e9 });
    const leader = await rig.leader();
    for (let at = 0; at < 25; at++) await settled(rig, leader.group.propose(command(`${at}`)));
    const logs = [...rig.nodes].map(([id, { log }]) => [id, log] as const);
    for (const { group } of rig.nodes.values()) await group.close();
    for (const [id, log] of logs) rig.start(id, log);
    const next = await rig.leader();
    expect(next.machine.applied).toHaveLength(25);
    expect(await settled(rig, next.group.propose(command("more")))).toBe("more!");
  });

  test("transfer() makes the other node lead, and reconfigure() takes one out", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    const to = idOf(rig, rig.others(leader)[0]!);
    await settled(rig, leader.group.transfer(to));
    const next = await rig.leader();
    expect(idOf(rig, next)).toBe(to);
    await settled(rig, next.group.propose(command("x")));
    await settled(rig, next.group.reconfigure([to, idOf(rig, leader)], []));
    expect(next.group.configuration.voters.toSorted()).toEqual([to, idOf(rig, leader)].toSorted());
    expect(settled(rig, next.group.reconfigure([], []))).rejects.toThrow("at least one voter");
  });

  test("close() ends everything that waits", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    rig.cut.add(idOf(rig, leader));
    const waiting = [
      leader.group.propose(command("x")),
      leader.group.readIndex("linearizable"),
      leader.group.whenApplied(1_000, new AbortController().signal),
      leader.group.transfer("nobody"),
    ].map((each) => each.then(String, (thrown: unknown) => (thrown instanceof Failure ? thrown.code : "?")));
    await rig.pass(1);
    await leader.group.close();
    const codes = await Promise.all(waiting);
    expect(codes.every((code) => code.startsWith("consensus."))).toBe(true);
  });
});

describe("RaftGroup on a disk without room", () => {
  test("a write is tried again until there is room, and nothing is acknowledged before", async () => {
    const rig = new Rig(["a"]);
    const { failures, group, log } = await rig.leader();
    log.failure = new Failure("raft.log.disk_full", "no space left", { retryable: true });
    const outcome = group.propose(command("x"));
    await rig.pass(3_000);
    expect(failures).toEqual([]);
    expect(log.entries.at(-1)?.kind).not.toBe("command");
    log.failure = undefined;
    expect(await settled(rig, outcome)).toBe("x!");
  });
});

describe("RaftGroup.verify()", () => {
  const damaged = { severity: "damage", code: "raft.log.bad_record", file: "0", message: "a flipped bit" } as const;

  test("verify() writes all entries anew when the disk has forgotten some, and nothing is lost meanwhile", async () => {
    const rig = new Rig(["a"]);
    const { group, log } = await rig.leader();
    for (const text of ["1", "2"]) await settled(rig, group.propose(command(text)));
    log.findings = [damaged];
    log.holds = true;
    const [verified, third] = [group.verify(new AbortController().signal), group.propose(command("3"))];
    await rig.pass(20);
    log.release();
    expect(await settled(rig, verified)).toEqual([damaged]);
    expect(await settled(rig, third)).toBe("3!");
    expect(log.rewritten?.length).toBeGreaterThanOrEqual(3);
    expect(log.entries.map(({ index }) => index)).toEqual(log.entries.map((_, at) => at + log.entries[0]!.index));
  });

  test("verify() takes a new snapshot when the one in force is damaged, and runs by itself every hour", async () => {
    const rig = new Rig(["a"]);
    const { group, log } = await rig.leader();
    await settled(rig, group.propose(command("1")));
    log.findings = [{ ...damaged, code: "raft.log.bad_snapshot" }];
    rig.clock.advance(3_600_000);
    await rig.until(() => log.snapshot !== undefined);
    expect(log.rewritten).toBeUndefined();
  });

  test("verify() says that it is good again only of what is sound when it is read again", async () => {
    const rig = new Rig(["a"]);
    const { group, log, told } = await rig.leader();
    log.findings = [damaged];
    await settled(rig, group.verify(new AbortController().signal));
    expect(told.splice(0)).toEqual([
      `its disk has forgotten something: ${damaged.message}`,
      "what was damaged is written anew",
    ]);
    log.scrub = async () => [damaged];
    await settled(rig, group.verify(new AbortController().signal));
    expect(told.at(-1)).toBe(`it is damaged still, after it was written anew: ${damaged.message}`);
  });

  test("verify() fails with consensus.closed when the group is closed while it waits for its turn", async () => {
    const rig = new Rig(["a"]);
    const { group, log } = await rig.leader();
    log.findings = [damaged];
    log.holds = true;
    const lost = group.propose(command("1")).catch((thrown: Failure) => thrown.code);
    await rig.pass(1);
    const verified = group.verify(new AbortController().signal).catch((thrown: Failure) => thrown.code);
    await rig.pass(1);
    await group.close();
    expect(await verified).toBe("consensus.closed");
    expect(await lost).toBe("consensus.unknown_outcome");
    log.release();
  });

  test("a group that fails tells when its log cannot be closed either", async () => {
    const rig = new Rig(["a"]);
    const { failures, group, log, told } = await rig.leader();
    log.failure = new Error("the disk is gone");
    log.closeFailure = new Error("so is its file");
    const lost = group.propose(command("x")).catch((thrown: Failure) => thrown.code);
    await rig.until(() => failures.length > 0);
    expect(await lost).toBe("consensus.unknown_outcome");
    await rig.pass(1);
    expect(told).toEqual(["its log cannot be closed"]);
  });
});

describe("RaftGroup on a disk that hangs", () => {
  test("its leader falls silent after a while, and another one leads", async () => {
    const rig = new Rig(THREE);
    const first = await rig.leader();
    first.log.holds = true;
    const lost = first.group.propose(command("x")).catch((thrown: Failure) => thrown.code);
    await rig.until(() => rig.others(first).some(({ group }) => group.leadership.isLeading));
    await rig.until(() => !first.group.leadership.isLeading);
    expect(await lost).toBe("consensus.unknown_outcome");
    const second = rig.others(first).find(({ group }) => group.leadership.isLeading)!;
    expect(await settled(rig, second.group.propose(command("y")))).toBe("y!");
    first.log.release();
    await rig.until(() => first.machine.applied.includes("y"));
    expect(first.machine.applied).toEqual(second.machine.applied);
  });

  test("what is committed is applied while the next write is under way", async () => {
    const rig = new Rig(THREE);
    const leader = await rig.leader();
    const outcome = leader.group.propose(command("1"));
    await rig.pass(1); // written here, and on its way to the others
    leader.log.holds = true;
    const second = leader.group.propose(command("2"));
    expect(await settled(rig, outcome)).toBe("1!");
    leader.log.release();
    expect(await settled(rig, second)).toBe("2!");
  });
});
