/** A temporary directory with a pipeline in it, removed with the test unless DISTRIBUTED_SYSTEM_TEST_KEEP is set. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Ended, Program, type ProgramOptions, runProgram } from "./program.ts";

export interface StageCount {
  readonly stage: string;
  readonly in: number;
  readonly out: number;
  readonly filtered: number;
  readonly deadLettered: number;
  readonly skipped: number;
  readonly added: number;
  readonly retries: number;
  readonly restarts: number;
}

/** What `run --json` prints. */
export interface Summary {
  readonly run: "ended" | "stopped" | "failed";
  readonly resumed: boolean;
  readonly stages: readonly StageCount[];
  readonly written: number;
  readonly faults: readonly string[];
  readonly deadLetters: string;
  readonly report?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface Letter {
  readonly time: string;
  readonly stage: string;
  readonly reason: string;
  readonly attempts: number;
  readonly batch: string;
  readonly line?: number;
  readonly text?: string;
  readonly record?: Readonly<Record<string, unknown>>;
}

export interface RunResult extends Ended {
  /** Fails the test, with what was said, when there is no summary. */
  readonly summary: Summary;
}

export interface PipelineParts {
  /** `key=value,…` */
  readonly settings?: string;
  /** `KIND|parameters` */
  readonly source?: string;
  readonly sink?: string;
}

type RunOptions = Omit<ProgramOptions, "cwd">;

export class Workspace implements Disposable {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  }

  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /** Writes pipeline.txt: from in.ndjson to out.ndjson unless told otherwise. */
  pipeline(stages: readonly string[], parts: PipelineParts = {}): string {
    const { settings, source = "ndjson|path=in.ndjson", sink = "ndjson|path=out.ndjson" } = parts;
    const lines = [`in|source:${source}`, ...stages, `out|sink:${sink}`];
    return this.write("pipeline.txt", `${(settings ? [`set|${settings}`, ...lines] : lines).join("\n")}\n`);
  }

  text(name: string): string {
    return readFileSync(this.at(name), "utf8");
  }

  exists(name: string): boolean {
    return existsSync(this.at(name));
  }

  /** Zero for a file that is not there yet. */
  sizeOf(name: string): number {
    return this.exists(name) ? statSync(this.at(name)).size : 0;
  }

  /** The records of an NDJSON file. */
  records(name: string): Record<string, unknown>[] {
    return parseLines(this.text(name));
  }

  /** The dead letters of the one pipeline whose state is here. */
  letters(): Letter[] {
    const path = this.stateFile("dead-letters.ndjson");
    return path === undefined ? [] : (parseLines(readFileSync(path, "utf8")) as unknown as Letter[]);
  }

  stateFile(name: string): string | undefined {
    const root = this.at("state", "pipelines");
    const folders = existsSync(root) ? readdirSync(root) : [];
    return folders.map((folder) => join(root, folder, name)).find((path) => existsSync(path));
  }

  start(args: readonly string[], options: RunOptions = {}): Program {
    return new Program(args, { ...options, cwd: this.path });
  }

  exec(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return runProgram(args, { ...options, cwd: this.path });
  }

  /** `run FILE --json` to its end. */
  async run(args: readonly string[] = ["pipeline.txt"], options: RunOptions = {}): Promise<RunResult> {
    return withSummary(await this.exec(["run", ...args, "--json"], options));
  }

  [Symbol.dispose](): void {
    if (process.env.DISTRIBUTED_SYSTEM_TEST_KEEP) console.error(`kept: ${this.path}`);
    else rmSync(this.path, { recursive: true, force: true });
  }
}

export function withSummary(ended: Ended): RunResult {
  const line = ended.stdout.trimEnd().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) throw new Error(`no summary; exit code ${ended.code}; it said:\n${ended.stderr}`);
  return { ...ended, summary: JSON.parse(line) as Summary };
}

export function stageOf(summary: Summary, name: string): StageCount {
  const found = summary.stages.find(({ stage }) => stage === name);
  if (!found) throw new Error(`no stage ${name} among ${summary.stages.map(({ stage }) => stage).join(", ")}`);
  return found;
}

/** Whole lines: the last one may be on its way into the file. */
function parseLines(text: string): Record<string, unknown>[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
