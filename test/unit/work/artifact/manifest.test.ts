/** Manifests, and the paths in them: what is taken, and all that is not. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { posix } from "node:path";
import fc from "fast-check";
import { type BundleFile, makeManifest, parseManifest } from "../../../../src/work/artifact/index.ts";
import { fileOf, manifestOf, sha256 } from "./support.ts";

/** With the id that belongs to it, whatever it holds: only what is wrong inside is left to be found. */
function forged(entry: string, files: readonly BundleFile[]): unknown {
  const content = ["distributed_system bundle 1", entry, files.map(({ bytes, path, sha256 }) => [path, sha256, bytes])];
  return { id: createHash("sha256").update(JSON.stringify(content)).digest("hex"), entry, files };
}

function refusalOf(value: unknown): string {
  try {
    parseManifest(value);
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "artifact.manifest" });
    return String(thrown);
  }
  return "taken";
}

describe("makeManifest()", () => {
  test("makeManifest() gives the same id whatever the order of the files", () => {
    const files = [fileOf("b.ts", "b"), fileOf("a/c.ts", "c"), fileOf("a.ts", "a")];
    const made = makeManifest("a.ts", files);
    expect(makeManifest("a.ts", files.toReversed())).toEqual(made);
    expect(made.files.map(({ path }) => path)).toEqual(["a.ts", "a/c.ts", "b.ts"]);
    expect(parseManifest(JSON.parse(JSON.stringify(made)))).toEqual(made);
    expect(made).toEqual(forged("a.ts", made.files) as typeof made);
  });

  test("makeManifest() gives another id when anything is another", () => {
    const ids = [
      manifestOf({ "a.ts": "1", "b.ts": "2" }),
      manifestOf({ "a.ts": "1", "b.ts": "2" }, "b.ts"),
      manifestOf({ "a.ts": "1", "b.ts": "3" }),
      manifestOf({ "a.ts": "1", "c.ts": "2" }),
      manifestOf({ "a.ts": "1" }),
      manifestOf({ "a.ts": "2", "b.ts": "1" }),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("parseManifest()", () => {
  const hostile: readonly (readonly [string, readonly string[], string])[] = [
    ["climbs out", ["../x.ts"], '".."'],
    ["climbs out further inside", ["a/../../x.ts"], '".."'],
    ["is absolute", ["/etc/passwd"], "empty name"],
    ["has an empty name", ["a//x.ts"], "empty name"],
    ["ends with a slash", ["a/"], "empty name"],
    ["is empty", [""], "empty name"],
    ["names its own folder", ["./x.ts"], '"."'],
    ["holds a backslash", ["a\\x.ts"], "backslash"],
    ["holds a zero", ["a\0.ts"], "control character"],
    ["holds a line feed", ["a\n.ts"], "control character"],
    ["holds half a character", ["a\ud800.ts"], "no Unicode text"],
    ["has a name that is too long", [`${"n".repeat(256)}.ts`], "longer than 255 bytes"],
    ["is too long", [Array.from({ length: 10 }, () => "é".repeat(60)).join("/")], "longer than 1024 bytes"],
    ["is too deep", [`${"d/".repeat(40)}x.ts`], "41 names"],
    ["is there twice", ["a.ts", "a.ts"], "there twice"],
    ["differs from another in case only", ["A.ts", "a.ts"], "one path on some file systems"],
    ["differs from another in composition only", ["e\u0301.ts", "\u00e9.ts"], "one path on some file systems"],
    ["has a folder that differs in case only", ["A/x.ts", "a/y.ts"], "one folder on some file systems"],
    ["is a folder too", ["a", "a/x.ts"], "is a file and a folder"],
    ["is a folder too in another case", ["A", "a/x.ts"], "is a file and a folder"],
    ["is out of order", ["b.ts", "a.ts"], "out of order"],
  ];
  for (const [what, paths, says] of hostile) {
    test(`parseManifest() refuses a path that ${what}`, () => {
      const files = paths.map((path) => fileOf(path, "x"));
      expect(refusalOf(forged(paths[0]!, files))).toContain(says);
    });
  }

  const good = manifestOf({ "a.ts": "1", "b.ts": "2" });
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ["is no object", "manifest", ""],
    ["has no files", forged("a.ts", []), "files"],
    ["has a member too many", { ...good, extra: 1 }, ""],
    ["has another id", { ...good, id: sha256("another") }, "its content has"],
    ["has an id in capitals", { ...good, id: good.id.toUpperCase() }, "id"],
    ["has an entry that is none of its files", forged("c.ts", good.files), "none of its files"],
    ["has a hash that is none", forged("a.ts", [{ ...good.files[0]!, sha256: "0".repeat(63) }]), "sha256"],
    ["has a size that is none", forged("a.ts", [{ ...good.files[0]!, bytes: -1 }]), "bytes"],
    ["has half a byte", forged("a.ts", [{ ...good.files[0]!, bytes: 0.5 }]), "bytes"],
    ["has a file that is too large", forged("a.ts", [{ ...good.files[0]!, bytes: 2 ** 40 }]), "bytes"],
    [
      "has too many bytes",
      forged(
        "a",
        ["a", "b"].map((path) => ({ ...fileOf(path, path), bytes: 400 * 2 ** 20 })),
      ),
      "at most 536870912 are allowed",
    ],
    [
      "has too many files",
      forged(
        "f0000",
        Array.from({ length: 1001 }, (_, at) => fileOf(`f${String(at).padStart(4, "0")}`, "x")),
      ),
      "1000",
    ],
    [
      "has two sizes for one hash",
      forged("a.ts", [fileOf("a.ts", "x"), { ...fileOf("b.ts", "x"), bytes: 5 }]),
      "another file with the same hash has not",
    ],
  ];
  for (const [what, value, says] of wrong) {
    test(`parseManifest() refuses a manifest that ${what}`, () => {
      expect(refusalOf(value)).toContain(says);
      expect(refusalOf(value)).not.toBe("taken");
    });
  }

  test("parseManifest() takes no path that leads out, whatever names it is made of", () => {
    const name = fc.constantFrom("..", ".", "", "a", "B", "b", "é", "\\", "c.ts", "...", "..a", "a..", " ", "\0");
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 6 }), (names) => {
        const path = names.join("/");
        const isTaken = refusalOf(forged(path, [fileOf(path, "x")])) === "taken";
        const root = "/cache/bundles/id";
        const isInside = posix.normalize(path) === path && posix.resolve(root, path) === `${root}/${path}`;
        if (isTaken) expect(isInside).toBe(true);
        else expect(isInside && !/[\0\\]/.test(path) && path !== "" && path !== ".").toBe(false); // nothing plain is refused
      }),
      { numRuns: 500 },
    );
  });
});
