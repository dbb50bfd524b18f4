/** Short ways to rules, as the gateway file gives them. */
import { randomBytes } from "node:crypto";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";
import { compileMasks, type MaskRules, readMaskKey } from "../../../../../src/edge/gateway/mask/index.ts";

export const SECRET = Uint8Array.from({ length: 32 }, (_, index) => (index * 37 + 11) % 256);

/** `what|action|options`. */
export function rulesOf(...lines: string[]): MaskRules {
  const text = ["route|r|/|http://u", ...lines.map((line) => `mask|request|${line}`)].join("\n");
  const { faults, plan } = parseGatewayFile(text, "g.txt");
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return compileMasks(plan.masks, (path) =>
    readMaskKey(SECRET, path, (length) => new Uint8Array(randomBytes(length))),
  ).rulesFor("r", "request")!;
}
