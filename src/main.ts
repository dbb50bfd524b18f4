/** argv in, exit code out. What has to be quick is decided here, before anything else is loaded. */
import { version } from "../package.json";

async function main(argv: string[]): Promise<void> {
  if (argv[0] === "plugin-host") return (await import("./app/plugin-host-role.ts")).servePlugin();
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
    console.log(version);
    return;
  }
  const { runCli } = await import("./cli/index.ts");
  process.exitCode = await runCli(argv, version);
}

await main(process.argv.slice(2));
