/** This project's links, between two Bun processes. */
import { join } from "node:path";
import { type Contestant, ratesOf, withServer } from "../contestant.ts";

const PROGRAM = join(import.meta.dir, "ours-node.ts");

export function ours(way: "request" | "contract"): Contestant {
  const what = way === "request" ? "link.request" : "contract, checked";
  return {
    name: way === "request" ? "ours" : "ours-contract",
    label: `ours, ${what}`,
    run: (steps) =>
      withServer([process.execPath, PROGRAM, "serve"], (port) =>
        ratesOf([process.execPath, PROGRAM, "ask", port, JSON.stringify(steps), way]),
      ),
  };
}
