/** Each rule is shown a fault and must report it, and is shown what looks alike and must be silent. */
import { describe, expect, test } from "bun:test";
import { parseFloors } from "./floors.ts";
import { RULES, type RuleName } from "./rules.ts";
import { plantedTree } from "./tree.ts";

interface Planted {
  readonly rule: RuleName;
  readonly when: string;
  readonly files: Readonly<Record<string, string>>;
  /** Path and part of the message of each report, in order; nothing for a tree without fault. */
  readonly found: readonly (readonly [string, string])[];
}

const NOTE = "/** A made-up file. */\n";
const lines = (count: number): string => "\n".repeat(count);
const unfinished = "TO" + "DO";

const PLANTED: readonly Planted[] = [
  {
    rule: "importsGoDown",
    when: "a file imports a higher floor",
    files: { "src/wire/batch/a.ts": 'import { x } from "../../work/task/index.ts";' },
    found: [["src/wire/batch/a.ts", "work lies above wire"]],
  },
  {
    rule: "importsGoDown",
    when: "only a type is imported, or in a type expression, or at run time, or passed on",
    files: {
      "src/base/a.ts": 'import type { X } from "../sdk/index.ts";',
      "src/base/b.ts": 'let x: import("../sdk/index.ts").X;',
      "src/base/c.ts": 'const x = await import("../sdk/index.ts");',
      "src/base/d.ts": 'export { X } from "../sdk/index.ts";',
    },
    found: ["a", "b", "c", "d"].map((name) => [`src/base/${name}.ts`, "sdk lies above base"] as const),
  },
  {
    rule: "importsGoDown",
    when: "a part imports its neighbour without an arrow",
    files: { "src/process/memory/a.ts": 'import { x } from "../plugin/index.ts";' },
    found: [["src/process/memory/a.ts", "no arrow process/memory -> process/plugin"]],
  },
  {
    rule: "importsGoDown",
    when: "an arrow allows it, or it goes down",
    files: {
      "src/process/plugin/a.ts": 'import { x } from "../memory/index.ts";\nimport { y } from "../../base/errors.ts";',
      "src/work/pipeline/engine/b.ts": 'import { x } from "../file/index.ts";',
    },
    found: [],
  },
  {
    rule: "importsGoDown",
    when: "a floor that is narrowed imports something else",
    files: {
      "src/cli/run.ts":
        'import { x } from "../work/task/index.ts";\nimport { y } from "../app/a.ts";\nimport { z } from "../wire/rpc/index.ts";',
      "src/protocol/raft/a.ts": 'import { x } from "../../sdk/index.ts";',
    },
    found: [
      ["src/cli/run.ts", "cli imports only app, wire/rpc, base"],
      ["src/protocol/raft/a.ts", "protocol/raft imports only base"],
    ],
  },
  {
    rule: "importsGoDown",
    when: "a part imports what it never may, or a floor is unknown",
    files: {
      "src/process/supervise/a.ts": 'import { x } from "../../protocol/raft/index.ts";',
      "src/attic/a/a.ts": 'import { x } from "../../base/errors.ts";',
    },
    found: [
      ["src/process/supervise/a.ts", "never imports protocol/raft"],
      ["src/attic/a/a.ts", "attic is no floor"],
    ],
  },
  {
    rule: "partsHaveOneDoor",
    when: "an inner file is imported from outside, or the own door from inside",
    files: {
      "src/work/task/a.ts": 'import { x } from "../../wire/batch/bytes.ts";',
      "src/wire/batch/b.ts": 'import { x } from "./index.ts";',
      "src/wire/batch/deep/c.ts": 'import { x } from "../index.ts";',
    },
    found: [
      ["src/work/task/a.ts", "the door of wire/batch is src/wire/batch/index.ts"],
      ["src/wire/batch/b.ts", "door of its own part"],
      ["src/wire/batch/deep/c.ts", "door of its own part"],
    ],
  },
  {
    rule: "partsHaveOneDoor",
    when: "parts within work/pipeline import each other's doors, and open floors are entered anywhere",
    files: {
      "src/work/pipeline/engine/a.ts":
        'import { x } from "../file/index.ts";\nimport { y } from "../../../base/errors.ts";',
      "src/work/pipeline/engine/deep/b.ts": 'import { x } from "../a.ts";\nimport { y } from "../../file/parse.ts";',
    },
    found: [["src/work/pipeline/engine/deep/b.ts", "the door of work/pipeline/file"]],
  },
  {
    rule: "importedFilesExist",
    when: "an import lacks its ending or names nothing",
    files: { "src/base/a.ts": 'import { x } from "./b";\nimport { y } from "./b.ts";', "src/base/b.ts": "" },
    found: [["src/base/a.ts", "no file src/base/b"]],
  },
  {
    rule: "srcStandsAlone",
    when: "src imports a plugin or a test",
    files: {
      "src/base/a.ts":
        'import { x } from "../../plugins/audit/index.ts";\nimport { y } from "../../test/support/y.ts";',
    },
    found: [
      ["src/base/a.ts", "src imports plugins/audit/index.ts"],
      ["src/base/a.ts", "src imports test/support/y.ts"],
    ],
  },
  {
    rule: "pluginsImportTheSdkOnly",
    when: "a plugin imports src, another plugin or an undeclared package",
    files: {
      "package.json": '{ "dependencies": { "ajv": "1.0.0", "@a/b": "1.0.0" } }',
      "plugins/audit/index.ts": [
        'import { definePlugin } from "distributed-system";',
        'import ajv from "ajv/dist/2020.js";',
        'import b from "@a/b/c";',
        'import { createHash } from "node:crypto";',
        'import { x } from "./chain.ts";',
        'import { y } from "../common/y.ts";',
        'import { e } from "../../src/base/errors.ts";',
        'import { z } from "../validation/z.ts";',
        'import lodash from "lodash";',
      ].join("\n"),
    },
    found: [
      ["plugins/audit/index.ts", "../../src/base/errors.ts"],
      ["plugins/audit/index.ts", "../validation/z.ts"],
      ["plugins/audit/index.ts", "package lodash"],
    ],
  },
  {
    rule: "packagesAreDeclared",
    when: "src imports what only development has, or a test what nobody has",
    files: {
      "package.json": '{ "dependencies": { "zod": "1.0.0" }, "devDependencies": { "fast-check": "1.0.0" } }',
      "src/base/a.ts": 'import { z } from "zod";\nimport fc from "fast-check";\nimport { $ } from "bun";',
      "test/unit/a.test.ts": 'import fc from "fast-check";\nimport _ from "lodash";',
    },
    found: [
      ["src/base/a.ts", "src imports fast-check"],
      ["test/unit/a.test.ts", "lodash is not declared"],
    ],
  },
  {
    rule: "noImportCycles",
    when: "files import each other in a circle, be it for types",
    files: {
      "src/base/a.ts": 'import { b } from "./b.ts";',
      "src/base/b.ts": 'import { c } from "./c.ts";',
      "src/base/c.ts": 'import type { a } from "./a.ts";',
      "src/base/d.ts": 'import { a } from "./a.ts";\nimport { b } from "./b.ts";',
    },
    found: [["src/base/c.ts", "cycle src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts"]],
  },
  {
    rule: "noPartCycles",
    when: "arrows of the table point in a circle",
    files: { "src/floors.txt": "wire\n  a -> b\n  b -> c\n  c -> a\n  d -> a\n" },
    found: [
      ["src/floors.txt", "wire/a -> wire/b"],
      ["src/floors.txt", "wire/b -> wire/c"],
      ["src/floors.txt", "wire/c -> wire/a"],
    ],
  },
  {
    rule: "filesAreShort",
    when: "a file has 401 lines",
    files: { "src/base/a.ts": lines(401), "plugins/x/b.ts": lines(400), "test/unit/c.ts": lines(401) },
    found: [["src/base/a.ts", "401 lines"]],
  },
  {
    rule: "functionsAreShort",
    when: "a function, method or arrow has 71 lines",
    files: {
      "src/base/a.ts": `function long() {${lines(70)}}`,
      "src/base/b.ts": `class B {\n  method() {${lines(70)}}\n}`,
      "scripts/c.ts": `const arrow = () => {${lines(70)}};`,
      "plugins/x/d.ts": `function fits() {${lines(69)}}`,
    },
    found: [
      ["src/base/a.ts", "long has 71 lines"],
      ["src/base/b.ts", "method has 71 lines"],
      ["scripts/c.ts", "arrow has 71 lines"],
    ],
  },
  {
    rule: "filesSayWhatTheyAre",
    when: "a file begins with code",
    files: {
      "src/base/a.ts": "export const a = 1;",
      "src/base/b.ts": NOTE,
      "scripts/c.mjs": `#!/usr/bin/env node\n${NOTE}`,
    },
    found: [["src/base/a.ts", "no comment"]],
  },
  {
    rule: "noDefaultExports",
    when: "src exports a default in any form",
    files: {
      "src/base/a.ts": "export default 1;",
      "src/base/b.ts": "export default function f() {}",
      "src/base/c.ts": "const c = 1;\nexport { c as default };",
      "src/base/d.ts": "export class D {}\nswitch (1) {\n  default:\n}",
      "plugins/x/index.ts": "export default 1;",
    },
    found: ["a", "b", "c"].map((name) => [`src/base/${name}.ts`, "default export"] as const),
  },
  {
    rule: "noStarExports",
    when: "a file passes on everything",
    files: { "src/base/a.ts": 'export * from "./b.ts";\nexport * as b from "./b.ts";\nexport { c } from "./b.ts";' },
    found: [
      ["src/base/a.ts", "export *"],
      ["src/base/a.ts", "export *"],
    ],
  },
  {
    rule: "noAmbientWorld",
    when: "code reads the clock, sets a timer or draws a number",
    files: {
      "src/wire/a/a.ts": [
        "Date.now();",
        "new Date();",
        "Math.random();",
        "performance.now();",
        "setTimeout(() => {}, 1);",
        "globalThis.setInterval(() => {}, 1);",
        "await Bun.sleep(1);",
        "crypto.randomUUID();",
        "crypto.getRandomValues(new Uint8Array(1));",
        'import { randomBytes } from "node:crypto";',
        "AbortSignal.timeout(1);",
        'import timers from "node:timers/promises";',
      ].join("\n"),
      "plugins/x/a.ts": "const later = setTimeout;",
    },
    found: [
      ...[
        "Date.now",
        "new Date()",
        "Math.random",
        "performance.now",
        "setTimeout",
        "setInterval",
        "Bun.sleep",
        "randomUUID",
        "getRandomValues",
        "randomBytes",
        "AbortSignal.timeout",
        "node:timers/promises",
      ].map((name) => ["src/wire/a/a.ts", name] as const),
      ["plugins/x/a.ts", "setTimeout"],
    ],
  },
  {
    rule: "noAmbientWorld",
    when: "the same words stand in comments, strings, base, the composition root or a clock's own methods",
    files: {
      "src/wire/a/a.ts": [
        "// Date.now() is forbidden",
        'const text = "Math.random()";',
        "new Date(0);",
        "clock.setTimeout(1);",
        "interface Timers { setTimeout(): void }",
      ].join("\n"),
      "src/base/clock.ts": "Date.now();",
      "src/app/main.ts": "Math.random();",
      "scripts/a.ts": "Date.now();",
    },
    found: [],
  },
  {
    rule: "nothingUnfinished",
    when: "a source or a document says that something is left to do",
    files: {
      "src/base/a.ts": `// ${unfinished}: later`,
      "src/base/README.md": `ok\n${unfinished}`,
      "src/base/b.ts": "test.todo",
    },
    found: [
      ["src/base/a.ts", unfinished],
      ["src/base/README.md", unfinished],
    ],
  },
  {
    rule: "partsHaveReadmes",
    when: "a part has no README or a long one",
    files: {
      "src/main.ts": "",
      "src/base/a.ts": "",
      "src/wire/batch/deep/a.ts": "",
      "src/wire/link/a.ts": "",
      "src/work/pipeline/file/a.ts": "",
      "src/base/README.md": "# Base\n",
      "src/cli/commands/run.ts": "",
      "src/cli/README.md": "# Commands\n",
      "src/wire/link/README.md": lines(101),
    },
    found: [
      ["src/wire/batch/README.md", "missing"],
      ["src/wire/link/README.md", "101 lines"],
      ["src/work/pipeline/file/README.md", "missing"],
    ],
  },
  {
    rule: "versionsAreExact",
    when: "a version is a range",
    files: {
      "package.json": '{ "dependencies": { "a": "^1.0.0", "b": "1.0.0" }, "devDependencies": { "c": "latest" } }',
    },
    found: [
      ["package.json", "a ^1.0.0"],
      ["package.json", "c latest"],
    ],
  },
];

describe("rules", () => {
  for (const { rule, when, files, found } of PLANTED) {
    test(`${rule}() reports ${found.length === 0 ? "nothing" : `${found.length} faults`} when ${when}`, async () => {
      const reports = RULES[rule](await plantedTree(files));
      expect(reports.map(({ path }) => path)).toEqual(found.map(([path]) => path));
      for (const [index, [, message]] of found.entries()) expect(reports[index]!.message).toContain(message);
    });
  }

  test("every rule is seen to fail when its fault is planted", () => {
    const failing = new Set(PLANTED.filter(({ found }) => found.length > 0).map(({ rule }) => rule));
    expect(Object.keys(RULES).filter((name) => !failing.has(name as RuleName))).toEqual([]);
  });

  test("parseFloors() throws when a word has no place", () => {
    expect(() => parseFloors("wire\nbase sdk")).toThrow('floors.txt:2: "sdk"');
  });
});
