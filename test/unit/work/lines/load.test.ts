/** Files of lines from disk: whatever is no file is refused at once, and nobody waits for it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { faultsFailure, loadLinesFile, makeFault } from "../../../../src/work/lines/index.ts";
import { Workspace } from "../../../support/workspace.ts";

let folder: Workspace;

beforeAll(() => {
  folder = new Workspace();
});

afterAll(() => folder?.[Symbol.dispose]());

async function codeOf(path: string): Promise<unknown> {
  return loadLinesFile(path, "gateway").then(
    (text) => text,
    (failure) => failure.code,
  );
}

describe("loadLinesFile()", () => {
  test("loadLinesFile() gives the text when it is a file", async () => {
    expect(await codeOf(folder.write("a.txt", "set|a=b\n"))).toBe("set|a=b\n");
  });

  test("loadLinesFile() fails at once when it is a pipe that nobody writes to", async () => {
    const pipe = folder.at("pipe");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    expect(await codeOf(pipe)).toBe("gateway.file.not_regular");
  });

  test("loadLinesFile() gives what a shell's pipe brings", () => {
    const source =
      "import { loadLinesFile } from './src/work/lines/index.ts'; console.log(await loadLinesFile(process.argv[1], 'gateway'));";
    const command = '"$0" -e "$1" <(echo "set|a=b") && echo "set|c=d" | "$0" -e "$1" /dev/stdin';
    const { stderr, stdout } = spawnSync("bash", ["-c", command, process.execPath, source], { encoding: "utf8" });
    expect([stdout, stderr]).toEqual(["set|a=b\n\nset|c=d\n\n", ""]);
  });

  test("loadLinesFile() fails when it is a directory, a device or nothing", async () => {
    expect(await codeOf(folder.path)).toBe("gateway.file.not_regular");
    expect(await codeOf("/dev/null")).toBe("gateway.file.not_regular");
    expect(await codeOf(folder.at("none"))).toBe("gateway.file.not_found");
  });
});

describe("faultsFailure()", () => {
  test("faultsFailure() counts in words when there are one or two", () => {
    const fault = makeFault("a.txt", { line: 1, column: 1 }, "id", { code: "x", message: "wrong", allowed: "right" });
    expect(faultsFailure([fault]).message).toStartWith("reading a.txt: 1 fault; ");
    expect(faultsFailure([fault, fault]).message).toStartWith("reading a.txt: 2 faults; ");
  });
});
