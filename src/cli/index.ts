/** The command line: finds the command, checks what was typed, runs it, and turns its end into an exit code. */
export { runCli } from "./run-cli.ts";
