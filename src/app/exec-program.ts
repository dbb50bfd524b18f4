/**
 * Runs somebody's program inside this one, so that it needs no runtime and no packages of its own: `distributed-system` and
 * `distributed-system/node` are served from memory. The program is trusted like any that its user starts.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { Failure, messageOf } from "../base/errors.ts";
import { provideSdk } from "../process/plugin/index.ts";

/** Resolves when the program has been loaded; it goes on as long as it has something to do. */
export async function execProgram(file: string, words: readonly string[]): Promise<void> {
  const path = resolve(file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new Failure("program.not_found", `there is no file ${path}`);
  }
  provideSdk();
  await provideNode();
  process.argv = [process.argv[0]!, path, ...words];
  try {
    await import(path);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure("program.failed", `${path}: ${thrown instanceof Error ? thrown.stack : messageOf(thrown)}`);
  }
}

async function provideNode(): Promise<void> {
  const library = await import("./node/library.ts");
  Bun.plugin({
    name: "distributed-system node runtime",
    setup(builder) {
      builder.module("distributed-system/node", () => ({
        exports: { ...library, default: library },
        loader: "object",
      }));
    },
  });
}
