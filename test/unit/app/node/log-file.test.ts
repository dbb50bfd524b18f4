import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLogFile } from "../../../../src/app/node/log-file.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "log-file-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

test("openLogFile() appends to what is there, in a file that only its owner reads", () => {
  const path = join(directory, "logs", "p2p.log");
  openLogFile(path, { warn: () => {} })("one\n");
  openLogFile(path, { warn: () => {} })("two\n");
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("openLogFile() puts a full file aside, keeps five, and loses no line of those", () => {
  const path = join(directory, "a.log");
  const append = openLogFile(path, { warn: () => {}, fileBytesMax: 10 });
  for (let line = 0; line < 20; line++) append(`line ${line}\n`.padStart(8));
  const kept = [".4", ".3", ".2", ".1", ""].map((end) => readFileSync(path + end, "utf8").trim());
  expect(kept).toEqual(["line 15", "line 16", "line 17", "line 18", "line 19"]);
  expect(existsSync(`${path}.5`)).toBe(false);
});

test("openLogFile() writes a line that is longer than a file may be, alone", () => {
  const path = join(directory, "a.log");
  const append = openLogFile(path, { warn: () => {}, fileBytesMax: 10 });
  append("a line that is too long\n");
  append("next\n");
  expect(readFileSync(path, "utf8")).toBe("next\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("a line that is too long\n");
});

test("openLogFile() tells once what keeps it from putting a file aside, and goes on when it can again", () => {
  const path = join(directory, "logs", "a.log");
  const told: string[] = [];
  const append = openLogFile(path, { warn: (text) => told.push(text), fileBytesMax: 10 });
  append("12345678\n");
  rmSync(join(directory, "logs"), { recursive: true });
  writeFileSync(join(directory, "logs"), "in the way");
  append("lost\n".padStart(9));
  append("lost\n".padStart(9));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("cannot be written");
});

test("openLogFile() begins a new file when somebody has moved or deleted the one that it wrote", () => {
  const path = join(directory, "a.log");
  const append = openLogFile(path, { warn: () => {} });
  append("one\n");
  renameSync(path, `${path}.moved`);
  append("two\n");
  rmSync(path);
  append("three\n");
  expect([readFileSync(`${path}.moved`, "utf8"), readFileSync(path, "utf8")]).toEqual(["one\n", "three\n"]);
});

test("close() gives the file back, and a line that comes all the same opens it again", () => {
  const path = join(directory, "a.log");
  const open = () => readdirSync("/proc/self/fd").filter((fd) => linkOf(fd) === path).length;
  const append = openLogFile(path, { warn: () => {} });
  append("one\n");
  expect(open()).toBe(1);
  append.close();
  append.close();
  expect(open()).toBe(0);
  append("two\n");
  expect([open(), readFileSync(path, "utf8")]).toEqual([1, "one\ntwo\n"]);
  append.close();
});

/** The directory's own descriptor is gone when it is asked for. */
function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

test("openLogFile() refuses a path that cannot be opened", () => {
  expect(() => openLogFile(directory, { warn: () => {} })).toThrow("a file that can be written is required");
});

test("openLogFile() refuses what is no regular file before it could wait for a reader", () => {
  const pipe = join(directory, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  symlinkSync(pipe, join(directory, "link"));
  for (const name of ["pipe", "link"]) {
    expect(() => openLogFile(join(directory, name), { warn: () => {} })).toThrow("it is a named pipe");
  }
  expect(() => openLogFile("/dev/tty", { warn: () => {}, option: "access_log" })).toThrow(
    'access_log is "/dev/tty": it is no regular file',
  );
});

test("openLogFile() makes a line whole that a full disk has cut, and tells how many others were lost", () => {
  const path = join(directory, "a.log");
  const told: string[] = [];
  let room = 12;
  const append = openLogFile(path, {
    warn: (text) => told.push(text),
    write: (fd, bytes) => {
      const part = bytes.subarray(0, room);
      if (part.length === 0) throw new Error("no space left");
      room -= part.length;
      return writeSync(fd, part);
    },
  });
  append("line 1\nline 2\nline 3\n");
  append("line 4\nline 5\n");
  expect(readFileSync(path, "utf8")).toBe("line 1\nline ");
  room = 1;
  append("line 6\n");
  room = 1_000;
  append("line 7\n");
  expect(readFileSync(path, "utf8")).toBe("line 1\nline 2\nline 7\n");
  expect(told).toEqual([
    expect.stringContaining("cannot be written"),
    expect.stringContaining("is written again; 4 lines were lost"),
  ]);
});
