/**
 * Golden transcripts: a text file of commands to a small group, each followed by what came of it (indented): every effect of every node,
 * in its order. `play` runs the commands and writes the text anew; equal text is a passed test.
 *
 *   group ID … [learners ID …] [with OPTION=NUMBER …]      before all others
 *   join ID                                                one that no configuration knows
 *   run MS | timeout ID | elect ID                         time passes; only that one's deadline; until it leads
 *   propose ID TEXT … | read ID [lease] | transfer ID TO | reconfigure ID VOTER,… [LEARNER,…]
 *   settle | deliver FROM TO [TYPE] | drop FROM TO [TYPE] | cut ID,… from ID,… | heal
 *   slow ID | sync ID [PERSISTS] | crash ID | restart ID | damage ID ENTRIES     damage: restarts without its last entries
 *   snapshot ID [BYTES] | unreachable ID NODE | status ID
 *   watch all|decisions|nothing        decisions: without sends and persists; all at first
 */
import type { Configuration, Entry, RaftEffect, RaftMessage } from "../../../../src/protocol/raft/index.ts";
import { type Mail, Rig } from "./rig.ts";

export function play(text: string): string {
  const stage = new Stage();
  const written: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    if (line !== "" && !line.startsWith("#"))
      written.push(...stage.perform(line.split(" ")).map((each) => `  ${each}`));
  }
  return written.join("\n");
}

type Watch = "all" | "decisions" | "nothing";

class WatchedRig extends Rig {
  readonly lines: string[] = [];
  watch: Watch = "all";

  override feed(id: string, input: Parameters<Rig["feed"]>[1]): readonly RaftEffect[] {
    if (input.type === "persisted" && this.watch === "all") this.lines.push(`${id} has persisted ${input.index}`);
    if (input.type === "receive" && this.watch === "all")
      this.lines.push(`${input.from}→${id} ${textOfMessage(input.message)}`);
    return super.feed(id, input);
  }

  protected override see(id: string, effect: RaftEffect): void {
    const isPlain = effect.type === "send" || effect.type === "persist";
    if (this.watch === "nothing" || (this.watch === "decisions" && isPlain)) return;
    this.lines.push(`${id}: ${textOfEffect(effect)}`);
  }
}

class Stage {
  #rig = new WatchedRig();

  perform([command = "", ...words]: readonly string[]): readonly string[] {
    this.#rig.lines.length = 0;
    if (command === "group") this.#group(words);
    else if (command === "watch") this.#rig.watch = words[0] as Watch;
    else this.#act(command, words);
    return [...this.#rig.lines];
  }

  #group(words: readonly string[]): void {
    const at = (word: string): number => (words.includes(word) ? words.indexOf(word) : words.length);
    const voters = words.slice(0, Math.min(at("learners"), at("with")));
    const learners = words.slice(at("learners") + 1, at("with"));
    const options = words.slice(at("with") + 1).map((each) => each.split("="));
    const numbers = Object.fromEntries(options.map(([name, value]) => [name, Number(value)]));
    this.#rig = new WatchedRig({ options: { ...numbers } });
    const configuration = { voters, votersOutgoing: [], learners };
    for (const id of [...voters, ...learners]) this.#rig.add(id, { configuration });
  }

  #act(command: string, words: readonly string[]): void {
    const rig = this.#rig;
    const [first = "", second = ""] = words;
    const acts: Record<string, () => unknown> = {
      join: () => rig.add(first),
      run: () => rig.run(Number(first)),
      timeout: () => rig.timeOut(first),
      elect: () => rig.elect(first),
      propose: () => rig.propose(first, ...words.slice(1)),
      read: () => rig.read(first, second === "lease" ? "lease" : "linearizable"),
      transfer: () => rig.transfer(first, second),
      reconfigure: () => rig.reconfigure(first, second.split(","), words[2]?.split(",")),
      settle: () => rig.settle(),
      deliver: () => rig.deliver((mail) => isMeant(mail, words)),
      drop: () => rig.drop((mail) => isMeant(mail, words)),
      cut: () => this.#cut(first.split(","), (words[2] ?? "").split(",")),
      heal: () => this.#cut([], []),
      slow: () => {
        rig.node(first).isSlow = true;
      },
      sync: () => rig.sync(first, second === "" ? undefined : Number(second)),
      crash: () => rig.crash(first),
      restart: () => rig.restart(first),
      damage: () =>
        rig.restart(first, { isDamaged: true, entries: rig.node(first).disk.entries.slice(0, -Number(second)) }),
      snapshot: () => rig.snapshot(first, second === "" ? undefined : Number(second)),
      unreachable: () => rig.feed(first, { type: "unreachable", node: second }),
      status: () => rig.lines.push(...this.#status(first)),
    };
    const act = acts[command];
    if (act === undefined) throw new Error(`no such command: ${command}`);
    act();
  }

  #cut(some: readonly string[], others: readonly string[]): void {
    this.#rig.passes = ({ from, to }) =>
      !(some.includes(from) && others.includes(to)) && !(others.includes(from) && some.includes(to));
  }

  #status(id: string): string[] {
    const { commit, damage, firstIndex, followers, lastIndex, leader, role, snapshotIndex, term } = this.#rig
      .raft(id)
      .status();
    return [
      `${role} term ${term} leader ${leader} commit ${commit} log ${firstIndex}–${lastIndex} snapshot ${snapshotIndex} damage ${damage}`,
      ...followers.map(
        ({ id: follower, inflightMessages, isActive, match, next, state }) =>
          `${follower} ${state} match ${match} next ${next} inflight ${inflightMessages}${isActive ? "" : " silent"}`,
      ),
    ];
  }
}

function isMeant({ from, message, to }: Mail, [wantedFrom, wantedTo, type]: readonly string[]): boolean {
  return from === wantedFrom && to === wantedTo && (type === undefined || message.type === type);
}

function textOfEffect(effect: RaftEffect): string {
  switch (effect.type) {
    case "send":
      return `send${effect.isFree ? " free" : ""} → ${effect.to} ${textOfMessage(effect.message)}`;
    case "persist": {
      const { hardState } = effect;
      const state = hardState === undefined ? "" : ` term ${hardState.term} vote ${hardState.votedFor}`;
      return `persist${state} [${effect.entries.map(textOfEntry).join(" ")}]`;
    }
    case "commit":
      return `commit [${effect.entries.map(textOfEntry).join(" ")}]`;
    case "refused":
      return `refused ${effect.reason}, leader ${effect.leader}`;
    case "role":
      return `${effect.role} term ${effect.term} leader ${effect.leader}`;
    case "configuration":
      return `configuration at ${effect.index}: ${textOfConfiguration(effect.configuration)}`;
    case "readPiece":
      return `readPiece for ${effect.to} of ${effect.snapshot.index} at ${effect.offset}, ${effect.sizeBytesMax} bytes`;
    case "storePiece":
      return `storePiece of ${effect.snapshot.index} at ${effect.offset}, ${effect.data.length} bytes`;
    case "restore":
      return `restore ${effect.snapshot.index}`;
    case "readReady":
      return `readReady at ${effect.index}`;
    case "proposed":
      return `proposed ${effect.index}/${effect.term}`;
    case "suspicion":
      return `${effect.what} of ${effect.from}: said ${effect.said}, known ${effect.known}`;
    case "done":
    case "repaired":
      return effect.type;
  }
}

function textOfMessage(message: RaftMessage): string {
  const head = `${message.type} term ${message.term}`;
  switch (message.type) {
    case "append": {
      const { commit, entries, prevIndex, prevTerm, repair, round } = message;
      const asked = repair === undefined ? "" : ` repair through ${repair.through}`;
      return `${head} prev ${prevIndex}/${prevTerm} commit ${commit} round ${round} [${entries.map(textOfEntry).join(" ")}]${asked}`;
    }
    case "appendReply": {
      const { hint, match, repairId, round } = message;
      const place =
        match !== undefined ? `match ${match}` : hint ? `no match, hint ${hint.index}/${hint.term}` : "busy";
      return `${head} ${place} round ${round}${repairId === undefined ? "" : " damaged"}`;
    }
    case "snapshot":
      return `${head} of ${message.snapshot.index} at ${message.offset}, ${message.data.length} bytes`;
    case "snapshotReply":
      return `${head} of ${message.index} next ${message.offset}`;
    case "preVote":
      return `${head} log ${message.lastIndex}/${message.lastTerm}`;
    case "vote":
      return `${head} log ${message.lastIndex}/${message.lastTerm}${message.isTransfer ? " transfer" : ""}`;
    case "preVoteReply":
    case "voteReply":
      return `${head} ${message.granted ? "granted" : "refused"}`;
    case "timeoutNow":
      return head;
  }
}

function textOfEntry(entry: Entry): string {
  const place = `${entry.index}/${entry.term}`;
  if (entry.kind === "command") return `${place} ${new TextDecoder().decode(entry.data)}`;
  return entry.kind === "noop" ? `${place} noop` : `${place} ${textOfConfiguration(entry.configuration)}`;
}

/** Voters, and in brackets those that are left and learners. */
function textOfConfiguration({ learners, voters, votersOutgoing }: Configuration): string {
  const left = votersOutgoing.length === 0 ? "" : ` (leaving ${votersOutgoing})`;
  return `voters ${voters}${left}${learners.length === 0 ? "" : ` (learners ${learners})`}`;
}
