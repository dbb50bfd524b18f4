/**
 * Golden transcripts: a text file of commands to a small network, each followed by what came of it (indented). `play` runs
 * the commands and writes the text anew; equal text is a passed test.
 *
 *   preset lan|local|wan [OPTION=NUMBER …]      before all others
 *   nodes ID …                                  the first is the seed of the others
 *   node ID port PORT [born MS] [seeds ID …]    one more; of a known id: another process
 *   run MS | kill ID | pause ID MS | leave ID | update ID NAME | link ID PEER STATE
 *   cut ID,… from ID,… | oneway ID,… to ID,… | heal
 *   watch messages|events|nothing               what is written while it runs; events at first
 *   members ID | explain ID PEER | counts ID NAME … | leader ID
 */
import {
  addressText,
  type Explanation,
  type LinkState,
  lanOptions,
  leaderOf,
  localOptions,
  type Member,
  type SwimEffect,
  type SwimMessage,
  type SwimOptions,
  wanOptions,
} from "../../../../src/protocol/swim/index.ts";
import { META, Network, type Node } from "./network.ts";

const PRESETS = { lan: lanOptions, local: localOptions, wan: wanOptions };

export function play(text: string): string {
  const stage = new Stage();
  const written: string[] = [];
  for (const line of text.split("\n").filter((each) => !each.startsWith("  "))) {
    written.push(line);
    if (line !== "" && !line.startsWith("#"))
      written.push(...stage.perform(line.split(" ")).map((each) => `  ${each}`));
  }
  return written.join("\n");
}

class Stage {
  #preset: SwimOptions = lanOptions();
  #options: Partial<SwimOptions> = {};
  #network: Network | undefined;
  #watched = "events";
  #lines: string[] = [];

  perform([command = "", ...words]: readonly string[]): readonly string[] {
    this.#lines = [];
    if (command === "preset") this.#choose(words);
    else if (command === "watch") this.#watched = words[0]!;
    else if (command === "nodes") this.#addAll(words);
    else if (command === "node") this.#add(words);
    else this.#act(command, words);
    return this.#lines;
  }

  get #world(): Network {
    if (this.#network === undefined) {
      this.#network = new Network({ seed: 7, delayMs: [1, 3], preset: this.#preset, options: this.#options });
      this.#network.watch = (node, effect) => this.#see(node, effect);
    }
    return this.#network;
  }

  #node(id: string | undefined): Node {
    const node = this.#world.nodes.get(id ?? "");
    if (node === undefined) throw new Error(`no such node: ${id}`);
    return node;
  }

  #choose([name, ...pairs]: readonly string[]): void {
    this.#preset = PRESETS[name as keyof typeof PRESETS]();
    this.#options = Object.fromEntries(pairs.map((pair) => [pair.split("=")[0], Number(pair.split("=")[1])]));
  }

  #addAll(ids: readonly string[]): void {
    const nodes = ids.map((id) => this.#world.add(id));
    for (const node of nodes.slice(1)) this.#world.feed(node, { type: "join", seeds: [nodes[0]!.address] });
  }

  #add(words: readonly string[]): void {
    const [id = "", , port] = words;
    const born = words.indexOf("born");
    const seeds = words.indexOf("seeds");
    const addresses = seeds < 0 ? [] : words.slice(seeds + 1).map((each) => this.#node(each).address);
    const bornMs = born < 0 ? undefined : Number(words[born + 1]);
    const node = this.#world.add(id, Number(port), META, bornMs);
    if (addresses.length > 0) this.#world.feed(node, { type: "join", seeds: addresses });
  }

  #act(command: string, words: readonly string[]): void {
    const world = this.#world;
    const [first = "", second = "", third = ""] = words;
    if (command === "run") world.run(Number(first));
    else if (command === "kill") world.kill(this.#node(first));
    else if (command === "pause") this.#node(first).pausedUntilMs = world.nowMs + Number(second);
    else if (command === "leave") world.feed(this.#node(first), { type: "leave" });
    else if (command === "update") world.feed(this.#node(first), { type: "update", meta: { ...META, name: second } });
    else if (command === "link") world.feed(this.#node(first), { type: "link", id: second, state: third as LinkState });
    else if (command === "heal") world.passes = () => true;
    else if (command === "cut") this.#cut(first.split(","), third.split(","), false);
    else if (command === "oneway") this.#cut(first.split(","), third.split(","), true);
    else this.#show(command, words);
  }

  #show(command: string, [id, ...words]: readonly string[]): void {
    const { swim } = this.#node(id);
    if (command === "members") this.#lines.push(...swim.members().map(textOfMember));
    else if (command === "explain") this.#lines.push(...linesOf(swim.explain(words[0]!)));
    else if (command === "leader") this.#lines.push(leaderOf(swim.members())?.id ?? "nobody");
    else if (command === "counts") {
      const counts: Readonly<Record<string, number>> = swim.counts();
      this.#lines.push(words.map((name) => `${name} ${counts[name]}`).join(", "));
    } else throw new Error(`no such command: ${command}`);
  }

  /** `oneway`: from the first to the second. */
  #cut(some: readonly string[], others: readonly string[], isOneWay: boolean): void {
    this.#world.passes = (from, to) => {
      const isCut = some.includes(from) && others.includes(to);
      return !isCut && (isOneWay || !(others.includes(from) && some.includes(to)));
    };
  }

  #see(node: Node, effect: SwimEffect): void {
    if (this.#watched === "nothing") return;
    const at = `@${Math.round(this.#world.nowMs)} ${node.id}`;
    if (effect.type === "send" && this.#watched === "messages")
      this.#lines.push(
        `${at} → ${addressText(effect.to)} ${effect.via === "stream" ? "stream " : ""}${textOf(effect.message)}`,
      );
    else if (effect.type === "event") {
      const { by, kind, member, reason } = effect.event;
      this.#lines.push(`${at} ${kind} ${textOfMember(member)}: ${reason}${by === undefined ? "" : `, says ${by}`}`);
    } else if (effect.type === "joined") this.#lines.push(`${at} joined through ${addressText(effect.through)}`);
    else if (effect.type === "ended") this.#lines.push(`${at} ended: ${effect.reason}`);
  }
}

function textOfMember({ address, bornMs, id, incarnation, meta, state }: Member): string {
  const name = meta.name === "" ? "" : ` "${meta.name}"`;
  return `${id}${name} ${addressText(address)} born ${Math.round(bornMs)} incarnation ${incarnation} ${state}`;
}

function textOf(message: SwimMessage): string {
  if (message.type === "sync") {
    const { isJoin, isReply, members } = message;
    const held = members.map(({ id, incarnation, state }) => `${id} ${state}/${incarnation}`).join(", ");
    return `sync${isReply ? " reply" : ""}${isJoin ? " join" : ""} [${held}]`;
  }
  const about = message.type === "ping_req" ? ` of ${message.target.id}` : "";
  const of = message.type === "ack" && message.of !== undefined ? ` of ${message.of.id}` : "";
  const told = message.gossip.map(({ by, member }) => `${member.id} ${member.state}/${member.incarnation} by ${by}`);
  return `${message.type}${about}${of} [${told.join(", ")}]`;
}

function linesOf(explanation: Explanation | undefined): string[] {
  if (explanation === undefined) return ["unknown"];
  const { confirmations, lastProbe, member, ...rest } = explanation;
  const rounded = Object.entries(rest).map(([key, value]) => [
    key,
    typeof value === "number" ? Math.round(value) : value,
  ]);
  const said = confirmations.map(({ atMs, by }) => `${by} @${Math.round(atMs)}`);
  const indirect = lastProbe?.indirect.map(({ answer, via }) => `${via} ${answer}`) ?? [];
  return [
    textOfMember(member),
    rounded.map(([key, value]) => `${key} ${value}`).join(", "),
    `confirmations: ${said.join(", ")}`,
    lastProbe === undefined
      ? "never probed"
      : `probe @${Math.round(lastProbe.atMs)} ${lastProbe.outcome}: ${indirect.join(", ")}`,
  ];
}
