/** `txn FILE`, `txn check|list|show`: transactions, on one group or over several. */
import { Failure, messageOf } from "../../base/errors.ts";
import { printable, printableLines } from "../../base/printable.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import { consistencyFrom, dataArgs, dataFrom, groupFrom, readArgs, textFrom } from "../data-flags.ts";
import { emit, emitJson } from "../output.ts";
import { repliesText, transactionsTable } from "../view/txn.ts";

const file = {
  type: "positional",
  valueHint: "FILE",
  required: true,
  description: "the transaction, or its JSON; - is standard input",
} as const;

const run = defineCommand({
  about:
    "carry out a transaction: then when all of compare holds, otherwise else; over several groups by two-phase commit. Exit code 1 when it was not then",
  examples: [
    "txn config/transactions/two-accounts.txn",
    "txn config/transactions/two-groups.txn --timeout 30s --json",
    "txn - --json < config/transactions/two-accounts.txn",
  ],
  args: { file, ...dataArgs, timeout: { ...dataArgs.timeout, default: "30s" } },
  async run(args) {
    const { loadTransaction } = await import("../../app/data/txn-file/load.ts");
    const transaction = loadTransaction(await fileText(args.file), shownName(args.file), args.group);
    const client = await dataFrom(args);
    if (transaction.type === "distributed") {
      const { newId } = await import("../../app/data/connect-data.ts");
      const id = newId();
      const answer = await client.calls.txn.distributed({ id, parts: transaction.parts });
      if (args.json) await emitJson({ id, ...answer });
      else if (answer.state === "aborted") process.stderr.write(`aborted: ${printable(answer.reason ?? "")}\n`);
      else {
        for (const { group, replies } of answer.replies) await emit(repliesText(replies, `${printable(group)}\t`));
        if (!args.quiet) process.stderr.write(`committed: ${id}\n`);
      }
      return answer.state === "committed" ? EXIT.done : EXIT.failures;
    }
    const answer = await client.calls.txn.run(transaction.input);
    if (args.json) await emitJson(answer);
    else {
      await emit(repliesText(answer.replies));
      const how = answer.succeeded ? "done" : "not done, compare does not hold";
      if (!args.quiet) process.stderr.write(`${how}: revision ${answer.revision}\n`);
    }
    return answer.succeeded ? EXIT.done : EXIT.failures;
  },
});

const check = defineCommand({
  about: "find every fault in a transaction's file",
  examples: ["txn check config/transactions/two-accounts.txn"],
  args: { file, json: dataArgs.json },
  async run(args) {
    const { loadTransaction } = await import("../../app/data/txn-file/load.ts");
    try {
      const { type } = loadTransaction(await fileText(args.file), shownName(args.file), undefined);
      if (args.json) await emitJson({ file: args.file, ok: true, type, faults: [] });
      else process.stderr.write(`${printable(args.file)}: right, a ${type} transaction\n`);
      return EXIT.done;
    } catch (thrown) {
      if (!(thrown instanceof Failure) || !thrown.code.startsWith("txn.file.")) throw thrown;
      if (args.json) await emitJson({ file: args.file, ok: false, faults: thrown.data?.faults ?? [thrown] });
      else process.stderr.write(`${printableLines(thrown.message)}\n`);
      return EXIT.config;
    }
  },
});

const list = defineCommand({
  about: "list distributed transactions that are under way in a group: prepared, undecided, or not finished everywhere",
  examples: ["txn list", "txn list --group east --json"],
  args: readArgs,
  async run(args) {
    const query = { ...groupFrom(args), ...consistencyFrom(args.consistency) };
    const { more, transactions } = await (await dataFrom(args)).calls.txn.list(query);
    if (args.json) await emitJson({ transactions, more });
    else await emit(transactions.length > 0 ? `${transactionsTable(transactions)}\n` : "none is under way\n");
    if (more && !args.json) process.stderr.write("there are more\n");
    return EXIT.done;
  },
});

const show = defineCommand({
  about: "show a distributed transaction that is under way; exit code 66 when this group knows of none",
  examples: ["txn show 2f1c… --group east"],
  args: { id: { type: "positional", valueHint: "ID", required: true, description: "its id" }, ...readArgs },
  async run(args) {
    const query = { ...groupFrom(args), id: args.id, ...consistencyFrom(args.consistency) };
    const { transactions } = await (await dataFrom(args)).calls.txn.show(query);
    if (transactions.length === 0) {
      const message = `no transaction ${JSON.stringify(args.id)} is under way here: it has ended, or was never begun`;
      throw new Failure("data.not_found", message);
    }
    if (args.json) await emitJson({ transactions });
    else await emit(`${transactionsTable(transactions)}\n`);
    return EXIT.done;
  },
});

async function fileText(path: string): Promise<string> {
  if (path === "-") return textFrom("-");
  const { existsSync, readFileSync } = await import("node:fs");
  if (!existsSync(path)) {
    const others = "run, check, list and show are the commands here";
    throw new Failure("txn.not_found", `${path} does not exist; a transaction's file is required (${others})`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (thrown) {
    throw new Failure("txn.file.unreadable", `reading ${path}: ${messageOf(thrown)}; UTF-8 text is required`);
  }
}

function shownName(path: string): string {
  return path === "-" ? "standard input" : path;
}

export const txnCommands: CommandGroup = {
  about: "transactions: all of it or nothing, on one group or over several",
  otherwise: "run",
  commands: {
    run: { about: run.about, load: async () => run },
    check: { about: check.about, load: async () => check },
    list: { about: list.about, load: async () => list },
    show: { about: show.about, load: async () => show },
  },
};
