/**
 * Hosts of our own on one machine: network namespaces, each with an address, all on one switch, as far as this machine allows
 * it (Linux, root, iproute2). What a host sends to another can be dropped, in one direction or in both.
 */
import { spawnSync } from "node:child_process";

const SUBNET = "10.77.0";
/** A hardware address that no host has: the switch finds nobody to give the packet to. */
const NOBODY = "02:00:00:00:00:99";

export class TestNetwork implements Disposable {
  readonly #prefix: string;
  readonly #count: number;

  constructor(count: number) {
    this.#prefix = `ds${process.pid.toString(36)}`;
    this.#count = count;
    try {
      this.#build();
    } catch (thrown) {
      this[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Why there can be none here; undefined when there can. */
  static whyNot(): string | undefined {
    if (process.platform !== "linux") return "network namespaces are a thing of Linux";
    if (Bun.which("ip") === null) return "ip is not installed (apt-get install iproute2)";
    const name = `ds-probe-${process.pid}`;
    const made = spawnSync("ip", ["netns", "add", name]);
    if (made.status !== 0) return `ip netns add: ${made.stderr.toString().trim()}`;
    const linked = spawnSync("ip", ["-n", name, "link", "add", "probe", "type", "bridge"]);
    spawnSync("ip", ["netns", "del", name]);
    return linked.status === 0 ? undefined : `ip link add type bridge: ${linked.stderr.toString().trim()}`;
  }

  get hosts(): readonly number[] {
    return Array.from({ length: this.#count }, (_, at) => at + 1);
  }

  address(host: number): string {
    return `${SUBNET}.${host}`;
  }

  /** The words to put before a command, so that it runs on the host. */
  on(host: number): readonly string[] {
    return ["ip", "netns", "exec", this.#name(host)];
  }

  /** What `from` sends to `to` is lost without a word, as on a broken path; the other direction is as it was. */
  drop(from: number, to: number): void {
    const wrong = ["lladdr", NOBODY, "nud", "permanent"];
    ip("-n", this.#name(from), "neigh", "replace", this.address(to), ...wrong, "dev", "eth0");
  }

  pass(from: number, to: number): void {
    spawnSync("ip", ["-n", this.#name(from), "neigh", "del", this.address(to), "dev", "eth0"]); // where there is one
  }

  /** Nothing passes between the groups, in either direction. */
  split(...groups: readonly (readonly number[])[]): void {
    this.#between(groups, (from, to) => this.drop(from, to));
  }

  heal(): void {
    const alone = this.hosts.map((host) => [host]);
    this.#between(alone, (from, to) => this.pass(from, to));
  }

  [Symbol.dispose](): void {
    for (const host of [...this.hosts, "hub" as const]) spawnSync("ip", ["netns", "del", this.#name(host)]);
  }

  #between(groups: readonly (readonly number[])[], act: (from: number, to: number) => void): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) act(from, to);
      }
    }
  }

  #build(): void {
    const hub = this.#name("hub");
    ip("netns", "add", hub);
    ip("-n", hub, "link", "add", "switch", "type", "bridge");
    ip("-n", hub, "link", "set", "switch", "up");
    for (const host of this.hosts) {
      const [name, port] = [this.#name(host), `port${host}`];
      ip("netns", "add", name);
      ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", hub);
      ip("-n", hub, "link", "set", port, "master", "switch", "up");
      ip("-n", name, "address", "add", `${this.address(host)}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("-n", name, "link", "set", "lo", "up");
    }
  }

  #name(host: number | "hub"): string {
    return `${this.#prefix}-${host}`;
  }
}

function ip(...words: readonly string[]): void {
  const done = spawnSync("ip", [...words]);
  if (done.status !== 0) throw new Error(`ip ${words.join(" ")}: ${done.stderr.toString().trim()}`);
}
