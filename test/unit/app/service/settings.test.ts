import { expect, test } from "bun:test";
import { RESERVED_NAMES } from "../../../../src/app/service/reserved-names.ts";
import { readServiceSettings } from "../../../../src/app/service/settings.ts";
import { Workspace } from "../../../support/workspace.ts";

test("readServiceSettings() takes services of the working directory only where they are there", () => {
  using files = new Workspace();
  expect(readServiceSettings({}, files.path).directories).toEqual([]);
  files.write("services/users.ts", "");
  expect(readServiceSettings({}, files.path).directories).toEqual([files.at("services")]);
  expect(readServiceSettings({ none: true }, files.path).directories).toEqual([]);
  files.write("mine/users.ts", "");
  expect(readServiceSettings({ directories: ["mine"] }, files.path).directories).toEqual([files.at("mine")]);
});

test("readServiceSettings() tells all faults at once", () => {
  using files = new Workspace();
  const words = { directories: ["nowhere", ""], none: true, passEnv: ["A B"], memory: "1MiB" };
  expect(() => readServiceSettings(words, files.path)).toThrow(
    [
      "--services and --no-services are both given; one of them is required",
      '--services is "nowhere"; a directory that is there is required',
      '--services is ""; a directory that is there is required',
      '--service-memory is "1MiB"; at least 64MiB are required: a whole number of bytes or one with KiB, MiB, GiB, KB, MB or GB, such as 65536 or 64MiB',
      '--service-env is "A B"; the name of a variable is required',
    ].join("\n"),
  );
});

test("readServiceSettings() bounds the memory of a process, whether it is said or not", () => {
  using files = new Workspace();
  expect(readServiceSettings({ memory: "256MiB" }, files.path).memoryBytes).toBe(2 ** 28);
  const { memoryBytes } = readServiceSettings({}, files.path);
  expect(memoryBytes).toBeGreaterThan(2 ** 26);
  expect(memoryBytes).toBeLessThan(2 ** 44);
});

test("RESERVED_NAMES has the name of every contract that this program has", async () => {
  const root = `${import.meta.dir}/../../../../src`;
  const found: string[] = [];
  for await (const path of new Bun.Glob("**/*.ts").scan(root)) {
    const text = await Bun.file(`${root}/${path}`).text();
    for (const [, name] of text.matchAll(/defineContract\(\{\s*name: "([a-z_]+)"/g)) found.push(name!);
  }
  expect(found.length).toBeGreaterThan(10);
  expect(found.filter((name) => !RESERVED_NAMES.includes(name))).toEqual([]);
});
