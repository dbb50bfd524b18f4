/** A command as plain data: citty's definition with examples, and one way to say how it ended. */
import type { ArgsDef, CommandDef, ParsedArgs } from "citty";

/**
 * 0 done, 1 finished with failures, 64 usage, 66 input not found, 78 configuration, 129/130/143 ended by a signal, 141 the
 * reader of standard output went away (what a shell says of a program that SIGPIPE ended).
 */
export const EXIT = {
  done: 0,
  failures: 1,
  usage: 64,
  noInput: 66,
  software: 70,
  config: 78,
  sighup: 129,
  sigint: 130,
  sigpipe: 141,
  sigterm: 143,
} as const;

export interface Command<T extends ArgsDef = ArgsDef> {
  readonly about: string;
  /** Full command lines, shown by --help. */
  readonly examples: readonly string[];
  readonly args: T;
  /** What stands behind the first word that is no flag belongs to somebody else, flags included: `run` gets it as `words`. */
  readonly passesWordsOn?: boolean;
  /** What stands behind `--` is a command of somebody else's: `run` gets that as `words`. */
  readonly takesCommand?: boolean;
  /**
   * Gives the exit code, or nothing when the process shall end by itself, with nothing left to do. A Failure that it throws is
   * shown and becomes a code. `words` are what was typed behind its name.
   */
  readonly run: (args: ParsedArgs<T>, words: readonly string[]) => Promise<number | undefined>;
}

/** A word with commands of its own below it. */
export interface CommandGroup {
  readonly about: string;
  readonly commands: CommandTable;
  /** Which of them is meant when the next word is none of them. */
  readonly otherwise?: string;
  /** Whether that can be meant by the words; left out: by any. */
  readonly isOtherwise?: (words: readonly string[]) => boolean;
}

export interface CommandEntry {
  /** One line for the list; the module is loaded only when the command is used. */
  readonly about: string;
  readonly load: () => Promise<AnyCommand | CommandGroup>;
}

export type CommandTable = Readonly<Record<string, CommandEntry>>;

/** A command whose arguments are not known here; `run` gets what `args` describes. */
export type AnyCommand = Omit<Command, "run"> & {
  readonly run: (args: never, words: readonly string[]) => Promise<number | undefined>;
};

export function defineCommand<const T extends ArgsDef>(command: Command<T>): Command<T> {
  return command;
}

/** For citty's usage and parser. */
export function toCitty(name: string, command: AnyCommand): CommandDef {
  return { meta: { name, description: command.about }, args: command.args };
}

/** Flags that most commands share. */
export const commonArgs = {
  json: { type: "boolean", description: "one JSON document on standard output, people's text on standard error" },
  quiet: { type: "boolean", alias: "q", description: "errors only" },
  verbose: { type: "boolean", alias: "v", description: "more about what is going on" },
  "data-dir": {
    type: "string",
    valueHint: "DIR",
    description: "where the state is kept (default: the user's state directory; DISTRIBUTED_SYSTEM_DATA_DIR)",
  },
} as const satisfies ArgsDef;
