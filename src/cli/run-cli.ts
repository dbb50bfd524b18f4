/** From argv to exit code. */
import { Failure, messageOf } from "../base/errors.ts";
import { nearMiss } from "../base/near-miss.ts";
import { printableLines } from "../base/printable.ts";
import { type AnyCommand, type CommandEntry, type CommandGroup, type CommandTable, EXIT, toCitty } from "./command.ts";
import { environmentDefaults } from "./environment.ts";
import { unknownFlag } from "./flags.ts";
import { commandHelp, groupHelp } from "./help.ts";
import { emit, guardStandardStreams } from "./output.ts";
import { commands } from "./table.ts";

export const PROGRAM = "distributed_system";

export async function runCli(argv: readonly string[], version: string): Promise<number | undefined> {
  guardStandardStreams();
  try {
    const path = [PROGRAM];
    let table: CommandTable = commands;
    let about = "runs data pipelines, every plugin in its own supervised process";
    let otherwise: CommandEntry | undefined;
    let isOtherwise: CommandGroup["isOtherwise"];
    for (let at = 0; ; at++) {
      const word = argv[at];
      if (word === "--version" || word === "-V") return await show(version, EXIT.done);
      if (word === undefined || isHelp(word) || word === "help") {
        return await show(groupHelp(path, about, table), word === undefined ? EXIT.usage : EXIT.done);
      }
      const entry = Object.hasOwn(table, word) ? table[word] : undefined;
      if (!entry && at === 0 && isWorkersName(argv, table)) return await runWorker(word, argv.slice(1));
      if (!entry && otherwise && (isOtherwise?.(argv.slice(at)) ?? true))
        return await runOtherwise(path, otherwise, argv.slice(at));
      if (!entry) throw unknownCommand(word, path, table);
      path.push(word);
      const found = await entry.load();
      if (!isGroup(found)) return await runCommand(path, found, argv.slice(at + 1));
      table = found.commands;
      about = found.about;
      otherwise = found.otherwise === undefined ? undefined : table[found.otherwise];
      isOtherwise = found.isOtherwise;
    }
  } catch (thrown) {
    const code = exitCodeOf(thrown);
    if (code !== EXIT.sigpipe) process.stderr.write(`${printableLines(errorText(thrown))}\n`);
    return code;
  }
}

/** Only a worker has these: a mistyped command has no such words behind it. */
const WORKERS_FLAG = /^--(port|coord|seeds|address|secrets)(=|$)/;
/** What people put behind a word to make a name of it: worker1, node-2, task_a7. */
const NUMBERED = /\d$/;

/** `worker1 127.0.0.1 8081 …` or `worker1 --port 8081 …`. A name that looks like a mistyped command has to be said with --name. */
function isWorkersName([name = "", ...rest]: readonly string[], table: CommandTable): boolean {
  if (name.startsWith("-") || (!NUMBERED.test(name) && nearMiss(name, Object.keys(table)) !== undefined)) return false;
  const isPort = (word: string, at: number): boolean => /^\d{1,5}$/.test(word) && /^[^-]/.test(rest[at - 1] ?? "-");
  return rest.some((word, at) => WORKERS_FLAG.test(word) || isPort(word, at));
}

async function runWorker(name: string, rest: readonly string[]): Promise<number | undefined> {
  const { worker } = await import("./commands/worker.ts");
  return runCommand([PROGRAM, "worker"], worker, [`--name=${name}`, ...rest]);
}

/** The command that is meant when no other one is named. */
async function runOtherwise(
  path: readonly string[],
  { load }: CommandEntry,
  typed: readonly string[],
): Promise<number | undefined> {
  const command = await load();
  if (isGroup(command)) throw new Error(`invariant broken: ${path.join(" ")} falls back on a group`);
  return runCommand(path, command, typed);
}

async function runCommand(
  path: readonly string[],
  command: AnyCommand,
  typed: readonly string[],
): Promise<number | undefined> {
  const [rest, foreign] = splitFor(command, typed);
  const citty = await import("citty");
  const definition = toCitty(path.join(" "), command);
  const before = rest.indexOf("--");
  if (rest.slice(0, before < 0 ? rest.length : before).some(isHelp)) {
    const usage = await citty.renderUsage(definition);
    return show(commandHelp(path, process.stdout.isTTY ? usage : Bun.stripANSI(usage), command.examples), EXIT.done);
  }
  const unknown = unknownFlag(rest, command.args);
  if (unknown) throw new Failure("usage.unknown_flag", `${unknown}\nTry: ${path.join(" ")} --help`);
  const args = parse(citty.parseArgs, [...environmentDefaults(command.args, rest), ...rest], command, path);
  return command.run(args as never, foreign); // parsed by the very definition that types it
}

/** What is the command's own, and what it gets as words. */
function splitFor({ passesWordsOn, takesCommand }: AnyCommand, typed: readonly string[]) {
  if (passesWordsOn) return splitWords(typed);
  if (!takesCommand) return [typed, typed] as const;
  const at = typed.indexOf("--");
  return at < 0 ? ([typed, []] as const) : ([typed.slice(0, at), typed.slice(at + 1)] as const);
}

/** What is the command's own, up to its first word that is no flag; and what is not. */
function splitWords(typed: readonly string[]): [own: readonly string[], foreign: readonly string[]] {
  const at = typed.findIndex((word) => !word.startsWith("-"));
  return at < 0 ? [typed, []] : [typed.slice(0, at + 1), typed.slice(at + 1)];
}

function parse(
  parseArgs: typeof import("citty").parseArgs,
  rest: string[],
  command: AnyCommand,
  path: readonly string[],
) {
  const positionals = Object.values(command.args).filter(({ type }) => type === "positional").length;
  try {
    const args = parseArgs(rest, command.args);
    if (args._.length > positionals) throw new Error(`unexpected argument: ${args._[positionals]}`);
    return args;
  } catch (thrown) {
    throw new Failure("usage.arguments", `${messageOf(thrown)}\nTry: ${path.join(" ")} --help`);
  }
}

function unknownCommand(word: string, path: readonly string[], table: CommandTable): Failure {
  const names = Object.keys(table);
  const near = nearMiss(word, names);
  const hint = near === undefined ? `there are ${names.join(", ")}` : `did you mean ${near}?`;
  const worker = path.length === 1 ? "; a worker of that name is worker --name=NAME HOST PORT" : "";
  const message = `${JSON.stringify(word)} is no command of ${path.join(" ")}; ${hint}${near === undefined ? "" : worker}`;
  return new Failure("usage.unknown_command", message);
}

function isGroup(found: AnyCommand | CommandGroup): found is CommandGroup {
  return "commands" in found;
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

async function show(text: string, code: number): Promise<number> {
  if (code === EXIT.done) await emit(`${text}\n`);
  else process.stderr.write(`${text}\n`);
  return code;
}

/** A Failure is the user's business: its message. Anything else is a bug of ours: with its stack. */
function errorText(thrown: unknown): string {
  if (thrown instanceof Failure) return `error: ${thrown.message}`;
  return `bug: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
}

const EXIT_CODES: readonly (readonly [RegExp, number])[] = [
  [/^(usage\.|plugin\.name$)/, EXIT.usage],
  [/^output\.closed$/, EXIT.sigpipe],
  [/(^|\.)not_found$|^gateway\.file\.(not_regular|unreadable)$/, EXIT.noInput],
  [
    /^(secrets\.|auth\.|pipeline\.(config|file|memory)|task\.(config|file)|plugin|checkpoint|settings|txn\.file|source\.param|source\.unknown_kind|sink\.param|sink\.unknown_kind)/,
    EXIT.config,
  ],
  [/^(gateway\.(config|file|jwks|mask_key|rule_load|rule_syntax|tls)|waf|protobuf)(\.|$)/, EXIT.config],
];

export function exitCodeOf(thrown: unknown): number {
  if (!(thrown instanceof Failure)) return EXIT.software;
  return EXIT_CODES.find(([pattern]) => pattern.test(thrown.code))?.[1] ?? EXIT.failures;
}
