/** Files with secrets: read when they are the owner's alone, refused with the command that mends them otherwise. */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, symlinkSync } from "node:fs";
import { formatKeyring, readKeyFile, readPrivateFile } from "../../../../src/wire/auth/index.ts";
import { codeOf, failureOf, keyringOf } from "../../../support/auth.ts";
import { Workspace } from "../../../support/workspace.ts";

const isRoot = process.getuid?.() === 0;

function keyFile(workspace: Workspace, mode = 0o600, name = "cluster.key"): string {
  const path = workspace.write(name, formatKeyring(keyringOf(1)));
  chmodSync(path, mode);
  return path;
}

describe("readKeyFile()", () => {
  test("readKeyFile() reads a file that only its owner can read, also through a link", () => {
    using workspace = new Workspace();
    for (const mode of [0o600, 0o400]) expect(readKeyFile(keyFile(workspace, mode)).sameAs(keyringOf(1))).toBe(true);
    symlinkSync(workspace.at("cluster.key"), workspace.at("link"));
    expect(readKeyFile(workspace.at("link")).sameAs(keyringOf(1))).toBe(true);
  });

  test("readKeyFile() refuses a file that others can read, write or run, and says what to run", async () => {
    using workspace = new Workspace();
    for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777]) {
      const path = keyFile(workspace, mode, "a key's file");
      const { code, message } = await failureOf(() => readKeyFile(path));
      expect(code).toBe("auth.file_not_private");
      expect(message).toContain(`has mode 0${mode.toString(8)}`);
      const command = message.slice(message.indexOf("Run: ") + 5);
      expect(Bun.spawnSync(["sh", "-c", command]).exitCode).toBe(0); // the advice works as it is
      expect(readKeyFile(path).sameAs(keyringOf(1))).toBe(true);
    }
  });

  test.skipIf(!isRoot)("readKeyFile() refuses a file of another user", async () => {
    using workspace = new Workspace();
    const path = keyFile(workspace);
    chownSync(path, 12345, 12345);
    const { code, message } = await failureOf(() => readKeyFile(path));
    expect(code).toBe("auth.file_not_private");
    expect(message).toContain("belongs to user 12345");
    expect(message).toEndWith(`Run: chown 0 ${path}`);
  });

  test("readKeyFile() says so when there is no file, and when it is none", async () => {
    using workspace = new Workspace();
    expect(await codeOf(() => readKeyFile(workspace.at("none")))).toBe("auth.key_file.not_found");
    mkdirSync(workspace.at("directory"), { mode: 0o700 });
    expect(await codeOf(() => readKeyFile(workspace.at("directory")))).toBe("auth.key_file");
    expect(Bun.spawnSync(["mkfifo", "-m", "600", workspace.at("pipe")]).exitCode).toBe(0);
    expect(await codeOf(() => readKeyFile(workspace.at("pipe")))).toBe("auth.key_file"); // at once: nobody writes to it
    expect(await codeOf(() => readKeyFile("/dev/null"))).toMatch(/^auth\.(key_file|file_not_private)$/);
  });

  test("readPrivateFile() refuses more than it is asked to read", async () => {
    using workspace = new Workspace();
    const path = workspace.write("large", "x".repeat(11));
    chmodSync(path, 0o600);
    expect(readPrivateFile(path, 11).toString()).toBe("x".repeat(11));
    expect(await codeOf(() => readPrivateFile(path, 10))).toBe("auth.key_file");
  });
});
