/**
 * An OTP supervisor with one port owner for each child (`bench_supervisor.erl`). Compiled into the bench's directory; needs
 * `erl` and `erlc`, which Debian's package erlang-base brings.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Absent, childArgv, type Peer } from "./peer.ts";

const SOURCE = join(import.meta.dir, "bench_supervisor.erl");

export function erlang(directory: string): Peer | Absent {
  const name = "erlang";
  if (Bun.which("erl") === null || Bun.which("erlc") === null) {
    return { name, why: "erl and erlc are not installed (apt-get install erlang-base)" };
  }
  const beams = join(directory, "erlang");
  mkdirSync(beams, { recursive: true });
  const { exitCode, stdout } = Bun.spawnSync(["erlc", "-o", beams, SOURCE]);
  if (exitCode !== 0) return { name, why: `erlc refuses the supervisor: ${stdout.toString().trim()}` };
  return { name, label: `Erlang/OTP ${release()}, supervisor over ports`, start: (family) => start(beams, family) };
}

function release(): string {
  const words = ["erl", "-noshell", "-eval", "io:format(erlang:system_info(otp_release)), halt()."];
  return Bun.spawnSync(words).stdout.toString().trim();
}

async function start(beams: string, family: Parameters<Peer["start"]>[0]): ReturnType<Peer["start"]> {
  const commands = family.names.map((name) => childArgv(family, name).join("\t"));
  const words = ["erl", "-noshell", "-noinput", "-pa", beams, "-s", "bench_supervisor", "main", "-extra", ...commands];
  const emulator = Bun.spawn(words, { stdio: ["ignore", "ignore", "inherit"] });
  return {
    pid: emulator.pid,
    async stop() {
      emulator.kill("SIGTERM"); // the emulator answers it with an orderly init:stop()
      await emulator.exited;
    },
  };
}
