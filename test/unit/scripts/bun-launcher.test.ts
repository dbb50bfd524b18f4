import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..", "..");
const PINNED = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: { bun: string } })
  .dependencies.bun;

/** A copy of the launcher in a repository of its own; the real Bun is linked in where a test wants it. */
const place = mkdtempSync(join(tmpdir(), "launcher-"));
afterAll(() => rmSync(place, { recursive: true }));
mkdirSync(join(place, "scripts", "build"), { recursive: true });
copyFileSync(join(ROOT, "scripts", "build", "bun.mjs"), join(place, "scripts", "build", "bun.mjs"));
writeFileSync(join(place, "package.json"), JSON.stringify({ dependencies: { bun: PINNED } }));

function launch(...args: readonly string[]): { exitCode: number | null; out: string; err: string } {
  const command = ["node", join(place, "scripts", "build", "bun.mjs"), ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: place });
  return { exitCode, out: stdout.toString(), err: stderr.toString() };
}

function install(path: string, content?: string): void {
  rmSync(join(place, "node_modules"), { recursive: true, force: true });
  const target = join(place, "node_modules", path);
  mkdirSync(join(target, ".."), { recursive: true });
  if (content === undefined) symlinkSync(process.execPath, target);
  else writeFileSync(target, content);
  if (content !== undefined) chmodSync(target, 0o755);
}

describe("bun.mjs", () => {
  test("bun.mjs says what to do when node_modules is missing", () => {
    rmSync(join(place, "node_modules"), { recursive: true, force: true });
    const { exitCode, err } = launch("--version");
    expect([exitCode, err.includes("npm install")]).toEqual([1, true]);
  });

  test("bun.mjs says what to do when npm left only the placeholder", () => {
    install("bun/bin/bun.exe", "#!/bin/sh\necho 9.9.9\n");
    const { exitCode, err } = launch("--version");
    expect([exitCode, err.includes(`no Bun ${PINNED}`)]).toEqual([1, true]);
  });

  test("bun.mjs runs the Bun of the bun package, and that of the platform's package", () => {
    for (const path of ["bun/bin/bun.exe", "@oven/bun-linux-x64/bin/bun"]) {
      install(path);
      expect(launch("--version")).toEqual({ exitCode: 0, out: `${PINNED}\n`, err: "" });
    }
  });

  test("bun.mjs refuses a Bun of another version", () => {
    install("bun/bin/bun.exe", `#!/bin/sh\necho 0.0.1\n${"#".repeat(2 * 1024 * 1024)}`);
    expect(launch("--version").err).toContain("0.0.1");
  });

  test("bun.mjs passes exit code and death by signal on", () => {
    install("bun/bin/bun.exe");
    expect(launch("-e", "process.exit(7)").exitCode).toBe(7);
    expect(launch("-e", "process.kill(process.pid, 'SIGKILL')").exitCode).toBe(137);
  });

  test("bun.mjs hands SIGTERM down and waits for the child's own end", async () => {
    install("bun/bin/bun.exe");
    const program = "process.on('SIGTERM', () => process.exit(42)); console.log('up'); setInterval(() => {}, 1000);";
    const launcher = Bun.spawn(["node", join(place, "scripts", "build", "bun.mjs"), "-e", program], { stdout: "pipe" });
    await launcher.stdout.getReader().read();
    launcher.kill("SIGTERM");
    expect(await launcher.exited).toBe(42);
  });
});
