/** All rules by name: the real tree is held to them, and each is seen to fail on a planted fault. */
import {
  importedFilesExist,
  importsGoDown,
  noImportCycles,
  noPartCycles,
  packagesAreDeclared,
  partsHaveOneDoor,
  pluginsImportTheSdkOnly,
  srcStandsAlone,
} from "./import-rules.ts";
import {
  filesAreShort,
  filesSayWhatTheyAre,
  functionsAreShort,
  noAmbientWorld,
  noDefaultExports,
  noStarExports,
  nothingUnfinished,
  partsHaveReadmes,
  versionsAreExact,
} from "./shape-rules.ts";
import type { Rule } from "./tree.ts";

export const RULES = {
  importsGoDown,
  partsHaveOneDoor,
  importedFilesExist,
  srcStandsAlone,
  pluginsImportTheSdkOnly,
  packagesAreDeclared,
  noImportCycles,
  noPartCycles,
  filesAreShort,
  functionsAreShort,
  filesSayWhatTheyAre,
  noDefaultExports,
  noStarExports,
  noAmbientWorld,
  nothingUnfinished,
  partsHaveReadmes,
  versionsAreExact,
} satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof RULES;
