/** `raft status|propose|read|transfer|add|promote|remove|snapshot|verify`: the groups that keep the data, for operators. */
import { Failure, messageOf } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { formatBytes, formatCount } from "../../base/units.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import { consistencyFrom, dataArgs, dataFrom, groupFrom, readArgs, textFrom } from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { groupsText } from "../view/raft.ts";

const status = defineCommand({
  about:
    "show the groups as the node that is asked sees them: who leads, how far everybody is; exit code 1 without a leader",
  examples: ["raft status", "raft status --group main --json", "raft status --node 10.0.0.1:8080 --secrets ./cluster"],
  args: dataArgs,
  async run(args) {
    const { groups } = await (await dataFrom(args)).calls.raft.status(groupFrom(args));
    if (args.json) await emitJson({ groups });
    else await emit(`${groupsText(groups)}\n`);
    return groups.every(({ damage, leader }) => leader !== undefined && damage === undefined)
      ? EXIT.done
      : EXIT.failures;
  },
});

const propose = defineCommand({
  about: "change a setting: set, delete or compare and swap; exit code 1 when a swap finds another value",
  examples: [
    'raft propose \'{"operation":"set","key":"max-connections","value":1000}\'',
    'raft propose \'{"operation":"cas","key":"max-connections","expect":1000,"value":2000}\'',
    'raft propose \'{"operation":"delete","key":"max-connections"}\'',
  ],
  args: {
    command: { type: "positional", valueHint: "JSON", required: true, description: "what to do; - is standard input" },
    ...dataArgs,
  },
  async run(args) {
    const command = commandFrom(await textFrom(args.command));
    const reply = await (await dataFrom(args)).calls.raft.propose({ ...groupFrom(args), command });
    if (args.json) await emitJson(reply);
    else if (reply.swapped === false) {
      const found = reply.current === undefined ? "is not there" : `is ${printable(JSON.stringify(reply.current))}`;
      process.stderr.write(`not changed: the setting ${found}\n`);
    } else if (!args.quiet) process.stderr.write(`revision ${reply.revision}\n`);
    return reply.swapped === false ? EXIT.failures : EXIT.done;
  },
});

const read = defineCommand({
  about: "print a setting; exit code 66 when it is not there",
  examples: ["raft read max-connections --consistency linearizable", "raft read max-connections --json"],
  args: {
    key: { type: "positional", valueHint: "KEY", required: true, description: "the setting's name" },
    ...readArgs,
  },
  async run(args) {
    const query = { ...groupFrom(args), key: args.key, ...consistencyFrom(args.consistency) };
    const answer = await (await dataFrom(args)).calls.raft.read(query);
    if (answer.entry === undefined)
      throw new Failure("data.not_found", `there is no setting ${JSON.stringify(args.key)}`);
    if (args.json) await emitJson(answer);
    else await emit(`${JSON.stringify(answer.value)}\n`);
    return EXIT.done;
  },
});

/** A learner gets all there is before it votes. */
const changeArgs = { ...dataArgs, timeout: { ...dataArgs.timeout, default: "5m" } } as const;

const transfer = defineCommand({
  about: "have another member lead: the one named, or the one that is furthest",
  examples: ["raft transfer", "raft transfer m2"],
  args: {
    member: { type: "positional", valueHint: "MEMBER", required: false, description: "its id" },
    ...changeArgs,
  },
  async run({ member: to, ...flags }) {
    const client = await dataFrom(flags);
    const answer = await client.calls.raft.transfer({ ...groupFrom(flags), ...(to !== undefined && { to }) });
    return tell(answer, `${printable(answer.status.leader ?? "nobody that this node knows of")} leads`, flags);
  },
});

const member = { type: "positional", valueHint: "MEMBER", required: true, description: "its id" } as const;

const add = defineCommand({
  about: "take a master in: as a learner until it has all, then as a voter",
  examples: ["raft add m4", "raft add m5 --learner"],
  args: {
    member,
    learner: { type: "boolean", description: "it stays a learner: it has all and votes for nobody" },
    ...changeArgs,
  },
  async run(args) {
    const client = await dataFrom(args);
    const input = { ...groupFrom(args), node: args.member, learner: args.learner ?? false };
    return tell(await client.calls.raft.add(input), `added: ${printable(args.member)}`, args);
  },
});

const promote = onMember("promote", "promoted", "make a learner a voter");
const remove = onMember("remove", "removed", "take a member out; a leader that is taken out gives up its place first");

function onMember(word: "promote" | "remove", done: string, about: string) {
  return defineCommand({
    about,
    examples: [`raft ${word} m4`],
    args: { member, ...changeArgs },
    async run(args) {
      const client = await dataFrom(args);
      const answer = await client.calls.raft[word]({ ...groupFrom(args), node: args.member });
      return tell(answer, `${done}: ${printable(args.member)}`, args);
    },
  });
}

const snapshot = defineCommand({
  about: "have the node that is asked write its state now, so that older entries of its log can go",
  examples: ["raft snapshot --node 127.0.0.1:8080"],
  args: changeArgs,
  async run(args) {
    const answer = await (await dataFrom(args)).calls.raft.snapshot(groupFrom(args));
    const { node, snapshot: written } = answer.status;
    const what = written ? `at ${formatCount(written.index)}, ${formatBytes(written.bytes)}` : "none";
    return tell(answer, `snapshot of ${printable(node)}: ${what}`, args);
  },
});

const verify = defineCommand({
  about: "have the node that is asked read its log again and check every entry; exit code 1 when something is damaged",
  examples: ["raft verify --node 127.0.0.1:8080", "raft verify --json"],
  args: changeArgs,
  async run(args) {
    const found = await (await dataFrom(args)).calls.raft.verify(groupFrom(args));
    if (args.json) await emitJson(found);
    else {
      for (const damage of found.damaged) await emit(`${printable(damage)}\n`);
      const verdict = found.damaged.length === 0 ? "all right" : `${found.damaged.length} damaged`;
      process.stderr.write(`${formatCount(found.entries)} entries, ${formatBytes(found.bytes)}: ${verdict}\n`);
    }
    return found.damaged.length === 0 ? EXIT.done : EXIT.failures;
  },
});

interface Shown {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

async function tell(answer: unknown, text: string, { json, quiet }: Shown): Promise<number> {
  if (json) await emitJson(answer);
  else if (!quiet) process.stderr.write(`${text}\n`);
  return EXIT.done;
}

type Setting = Parameters<Awaited<ReturnType<typeof dataFrom>>["calls"]["raft"]["propose"]>[0]["command"];

/** Whether it is one that the contract knows is found out by whoever takes it. */
function commandFrom(text: string): Setting {
  try {
    return JSON.parse(text) as Setting;
  } catch (thrown) {
    throw new Failure("usage.json", `the proposal is no JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
}

export const raftCommands: CommandGroup = {
  about: "the groups that keep the data: settings, members, leaders, logs",
  commands: {
    status: { about: status.about, load: async () => status },
    propose: { about: propose.about, load: async () => propose },
    read: { about: read.about, load: async () => read },
    transfer: { about: transfer.about, load: async () => transfer },
    add: { about: add.about, load: async () => add },
    promote: { about: promote.about, load: async () => promote },
    remove: { about: remove.about, load: async () => remove },
    snapshot: { about: snapshot.about, load: async () => snapshot },
    verify: { about: verify.about, load: async () => verify },
  },
};
