/** The makes of members that are compared: ours, and Serf with both of its profiles that fit. */
import type { Make, Opinion, Said } from "./fleet.ts";

const HOST = "127.0.0.1";

/** `preset` is one of `distributed_system node --preset`. */
export function ours(executable: string, dataDir: string, preset: string): Make {
  const opinions: Readonly<Record<string, Opinion>> = {
    join: "alive",
    alive: "alive",
    suspect: "suspect",
    leave: "dead",
  };
  return {
    label: `distributed_system, ${preset}`,
    env: { DISTRIBUTED_SYSTEM_DATA_DIR: dataDir },
    command(name, port, seed) {
      const seeds = seed === undefined ? [] : ["--seeds", seed];
      const argv = [executable, "node", name, HOST, String(port), "--preset", preset, "--json", ...seeds];
      return { argv, address: `${HOST}:${port}` };
    },
    read(line) {
      const { event, member } = JSON.parse(line) as { event: string; member?: { id: string } };
      const opinion = opinions[event];
      return opinion && member && { about: member.id, opinion };
    },
  };
}

/** `rpcPort` is one that is free, for each port of a member. */
export function serf(profile: string, rpcPort: (port: number) => number): Make {
  const patterns: readonly (readonly [RegExp, Opinion])[] = [
    [/serf: EventMemberJoin: (\S+)/, "alive"],
    [/memberlist: Suspect (\S+) has failed/, "suspect"],
    [/serf: EventMemberFailed: (\S+)/, "dead"],
  ];
  return {
    label: `serf, ${profile}`,
    command(name, port, seed) {
      const address = `${HOST}:${port}`;
      const join = seed === undefined ? [] : [`-retry-join=${seed}`, "-retry-interval=1s"];
      const flags = [`-node=${name}`, `-bind=${address}`, `-rpc-addr=${HOST}:${rpcPort(port)}`, `-profile=${profile}`];
      return { argv: ["serf", "agent", ...flags, "-log-level=info", ...join], address };
    },
    read(line): Said | undefined {
      for (const [pattern, opinion] of patterns) {
        const about = pattern.exec(line)?.[1];
        if (about !== undefined) return { about, opinion };
      }
      return undefined;
    },
  };
}
