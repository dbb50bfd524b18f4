/** argv in, exit code out. What has to be quick is decided here, before anything else is loaded. */
import { version } from "../package.json";

async function main(argv: string[]): Promise<void> {
  if (argv[0] === "plugin-host") return (await import("./app/plugin-host-role.ts")).servePlugin();
  if (argv[0] === "service-host") return (await import("./app/service-host-role.ts")).serveService();
  if (argv[0] === "rule-host") return (await import("./app/lua-host-role.ts")).serveRules();
  if (argv[0] === "gateway-host") return (await import("./app/gateway/processes/gateway-host-role.ts")).serveGateway();
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    console.log(version);
    return;
  }
  const { runCli } = await import("./cli/index.ts");
  const code = await runCli(argv, version);
  if (code === undefined) return;
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code); // a read of a silent pipe may still be under way, and would keep the process
}

/** Resolves when the stream has passed on what it was given, or cannot. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

await main(process.argv.slice(2));
