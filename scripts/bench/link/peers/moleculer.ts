/** Moleculer's TCP transporter, installed by npm into the bench's directory at pinned versions, with each of its fast serializers. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../../test/support/free-port.ts";
import { type Absent, type Contestant, ratesOf, withServer } from "../contestant.ts";

const VERSION = "0.15.2";
/** The faster one of the two MessagePack serializers. */
const NOTEPACK_VERSION = "3.0.1";
const SERIALIZERS = ["JSON", "Notepack"] as const;

export async function moleculer(directory: string): Promise<readonly (Contestant | Absent)[]> {
  const name = "moleculer";
  if (Bun.which("npm") === null || Bun.which("node") === null) return [{ name, why: "npm and node are not installed" }];
  const place = join(directory, "moleculer");
  mkdirSync(place, { recursive: true });
  const packages = [`moleculer@${VERSION}`, `notepack.io@${NOTEPACK_VERSION}`];
  const words = ["npm", "install", ...packages, "--prefix", place, "--no-audit", "--no-fund", "--ignore-scripts"];
  const install = Bun.spawn([...words, "--loglevel", "error"], { cwd: place, stdout: "ignore", stderr: "pipe" });
  const said = await new Response(install.stderr).text();
  if ((await install.exited) !== 0) return [{ name, why: `npm could not install it: ${said.trim().slice(0, 300)}` }];
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "moleculer-node.ts")],
    target: "node",
    format: "esm",
    outdir: place,
    naming: "program.mjs",
  });
  if (!built.success) return [{ name, why: `its program does not build: ${built.logs.join("; ")}` }];
  const node = Bun.spawnSync(["node", "--version"]).stdout.toString().trim().slice(1);
  return SERIALIZERS.map((serializer) => contestant(join(place, "program.mjs"), serializer, node));
}

function contestant(program: string, serializer: string, node: string): Contestant {
  return {
    name: `moleculer-${serializer.toLowerCase()}`,
    label: `Moleculer ${VERSION} TCP, ${serializer}, Node ${node}`,
    async run(steps) {
      const ports = (await freePorts(2)).join(",");
      return await withServer(["node", program, "serve", ports, serializer], () =>
        ratesOf(["node", program, "ask", ports, serializer, JSON.stringify(steps)]),
      );
    },
  };
}
