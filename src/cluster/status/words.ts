/** An explanation in sentences, the most telling first. Numbers are those of the explanation, nothing is concluded anew. */
import type { NodeExplanation } from "./contract.ts";

type Numbers = Omit<NodeExplanation, "words">;

export function explainInWords(numbers: Numbers): string[] {
  if (numbers.node.isSelf) return [...selfWords(numbers), ...sideWords(numbers)];
  return [
    stateWord(numbers),
    ...suspicionWords(numbers),
    ...probeWords(numbers),
    ...linkWords(numbers),
    ...sideWords(numbers),
  ];
}

function stateWord({ by, isHearsay, node, stateForMs }: Numbers): string {
  const who = by === "" || node.state === "alive" ? "" : `, found out by ${by}`;
  const hearsay = isHearsay ? ", heard of only after that" : "";
  return `${node.id} is ${node.state} for ${seconds(stateForMs)}${who}${hearsay}`;
}

function selfWords({ healthScore, node }: Numbers): string[] {
  const health =
    healthScore === 0
      ? "it is well"
      : `its health score is ${healthScore}: it gives others ${healthScore + 1} times as long`;
  return [`${node.id} is the node that answers; ${health}`];
}

function suspicionWords({ confirmations, confirmationsWanted, deadInMs, healthScore, node }: Numbers): string[] {
  if (node.state !== "suspect") return [];
  const who = confirmations.map(({ agoMs, by }) => `${by} (${seconds(agoMs)} ago)`).join(", ");
  const own = healthScore > 0 ? [`this node is slow itself (health score ${healthScore}) and waits longer for it`] : [];
  return [
    `suspected by ${who || "nobody that is known"}; ${confirmationsWanted} confirmations make it as quick as it gets`,
    ...(deadInMs === null ? [] : [`it is declared dead in ${seconds(deadInMs)} unless it refutes`]),
    ...own,
  ];
}

function probeWords({ failedProbes, lastAckAgoMs, lastProbe, lostProbes }: Numbers): string[] {
  const words = [
    lastAckAgoMs === null ? "it has never answered a probe of this node" : `last answer ${seconds(lastAckAgoMs)} ago`,
  ];
  if (lastProbe) {
    const { agoMs, indirect, outcome, roundTripMs } = lastProbe;
    const trip = roundTripMs === null ? "" : ` after ${Math.round(roundTripMs * 10) / 10} ms`;
    const helpers = indirect.map(({ answer, via }) => `${via} ${answer}`).join(", ");
    words.push(
      `last probe ${seconds(agoMs)} ago: ${outcome.replaceAll("_", " ")}${trip}${helpers && `; through ${helpers}`}`,
    );
  }
  if (failedProbes > 0) words.push(`${failedProbes} probes in a row without an answer`);
  if (lostProbes > 0) words.push(`${lostProbes} probes failed although its link is fresh: datagrams get lost`);
  return words;
}

function linkWords({ link }: Numbers): string[] {
  if (link.state === "none") return ["no link to it"];
  const phi = link.phi === null ? "" : `, phi ${Math.round(link.phi * 100) / 100} (silent at ${link.silentAt})`;
  return [`its link is ${link.state}${phi}`];
}

function sideWords({ node, partition }: Numbers): string[] {
  const words = partition.saysSide === "down" && !node.isSelf ? [`it says that its side is down`] : [];
  if (partition.isGivenUp) words.push("given up: this side goes on without it");
  else if (partition.isMissing)
    words.push("missing: whether this side goes on without it is not decided, or was decided against it");
  return [...words, `this side is ${partition.ownSide}: ${partition.ownReason}`];
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
