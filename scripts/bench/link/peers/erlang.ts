/**
 * Erlang's distribution: `gen_server:call` and `erpc:call` between two nodes on loopback, with an epmd of their own. Settings in
 * its favour: a large distribution buffer.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../../test/support/free-port.ts";
import {
  type Absent,
  type Contestant,
  LARGE_BYTES,
  ratesOf,
  SMALL_BYTES,
  type Step,
  withServer,
} from "../contestant.ts";

const SOURCE = join(import.meta.dir, "bench_link.erl");
/** Of data on its way to another node, before processes that send are suspended. The default is 1,024. */
const BUSY_LIMIT_KIB = "32768";
/** epmd says nothing when it listens. */
const EPMD_LOOKS = 100;
const EPMD_LOOK_EVERY_MS = 20;

export function erlang(directory: string): readonly (Contestant | Absent)[] {
  const name = "erlang";
  if (["erl", "erlc", "epmd"].some((program) => Bun.which(program) === null)) {
    return [{ name, why: "erl, erlc and epmd are not installed (apt-get install erlang-base)" }];
  }
  const beams = join(directory, "erlang-link");
  mkdirSync(beams, { recursive: true });
  const { exitCode, stdout } = Bun.spawnSync(["erlc", "-o", beams, SOURCE]);
  if (exitCode !== 0) return [{ name, why: `erlc refuses the program: ${stdout.toString().trim()}` }];
  return [contestant(beams, "call", "gen_server:call"), contestant(beams, "erpc", "erpc:call")];
}

function contestant(beams: string, way: string, what: string): Contestant {
  return {
    name: `erlang-${way}`,
    label: `Erlang/OTP ${release()}, ${what}`,
    run: (steps) =>
      withEpmd((epmdPort) => {
        const env = { ...process.env, ERL_EPMD_PORT: String(epmdPort), ERL_EPMD_ADDRESS: "127.0.0.1", HOME: beams };
        const cookie = randomBytes(12).toString("hex");
        const node = (name: string, run: string): string[] => nodeArgv(beams, name, cookie, run);
        const plan = [way, ...steps.flatMap(numbersOf)];
        return withServer(
          node("serve", "serve"),
          () => ratesOf([...node("ask", "ask"), "-extra", "serve@127.0.0.1", ...plan], env),
          env,
        );
      }),
  };
}

function nodeArgv(beams: string, name: string, cookie: string, run: string): string[] {
  const limits = ["+zdbbl", BUSY_LIMIT_KIB];
  const place = ["-name", `${name}@127.0.0.1`, "-setcookie", cookie, "-start_epmd", "false"];
  const loopback = ["-kernel", "inet_dist_use_interface", "{127,0,0,1}"];
  return ["erl", "-noshell", "-noinput", ...limits, "-pa", beams, ...place, ...loopback, "-s", "bench_link", run];
}

function numbersOf({ inFlight, payload, warmMs, ms }: Step): string[] {
  return [inFlight, payload === "small" ? SMALL_BYTES : LARGE_BYTES, warmMs, ms].map(String);
}

function release(): string {
  const words = ["erl", "-noshell", "-eval", "io:format(erlang:system_info(otp_release)), halt()."];
  return Bun.spawnSync(words).stdout.toString().trim();
}

/** An epmd on a port of its own, ended afterwards. */
async function withEpmd<T>(use: (port: number) => Promise<T>): Promise<T> {
  const [port] = (await freePorts(1)) as [number];
  const epmd = Bun.spawn(["epmd", "-port", String(port), "-address", "127.0.0.1"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    for (let look = 0; !(await answers(port)); look++) {
      if (look === EPMD_LOOKS) throw new Error(`epmd does not listen on port ${port}`);
      await Bun.sleep(EPMD_LOOK_EVERY_MS);
    }
    return await use(port);
  } finally {
    epmd.kill("SIGKILL");
    await epmd.exited;
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}
