/** What the READMEs show of gateway files can be copied: each block of such lines is checked as a file would be. */
import { expect, test } from "bun:test";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";

const LINE = /^\s*(#.*|(route|limit|waf|mask|set)\|.*)$/;
const OWN = /^\s*(route|limit|waf|mask)\|/;
const INDENTED = /^( {4}|\t)/;

/** Lines of one block of code that stand together and are those of a gateway file; a pipeline's `set` alone is none. */
function blocksOf(markdown: string): string[] {
  const blocks: string[][] = [[]];
  let isFenced = false;
  for (const line of markdown.split("\n")) {
    const isFence = /^\s*```/.test(line);
    if (isFence) isFenced = !isFenced;
    const isCode = !isFence && (isFenced || INDENTED.test(line));
    if (isCode && LINE.test(line)) blocks.at(-1)!.push(line);
    else blocks.push([]);
  }
  return blocks.filter((block) => block.some((line) => OWN.test(line))).map((block) => block.join("\n"));
}

function faultsOf(text: string): string[] {
  return parseGatewayFile(text, "README.md").faults.map(({ column, line, message }) => `${line}:${column} ${message}`);
}

test("parseGatewayFile() finds nothing wrong when a README's block is the file", async () => {
  const shown: string[] = [];
  const globs = ["*.md", "{src,scripts,config,plugins}/**/*.md"].map((pattern) => new Bun.Glob(pattern));
  const paths = globs.flatMap((glob) => [...glob.scanSync(".")]);
  for (const path of paths.sort()) {
    for (const block of blocksOf(await Bun.file(path).text())) {
      shown.push(path);
      expect([path, faultsOf(block)]).toEqual([path, []]);
    }
  }
  expect(shown).toContain("README.md");
});

test("parseGatewayFile() finds a README's comment when it stands behind a line", () => {
  const faulty = "Text\n\n    route|a|/|http://u     # the shop's\n\n    set|lanes=2\n";
  expect(blocksOf(faulty).map(faultsOf)).toEqual([["1:28 a comment stands behind the targets"]]);
});
