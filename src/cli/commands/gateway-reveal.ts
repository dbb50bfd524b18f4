/** `gateway reveal`: what a gateway's masks have encrypted, decrypted from standard input to standard output. */
import { printable } from "../../base/printable.ts";
import { defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { emit } from "../output.ts";

/** More say nothing new. */
const HIDDEN_TOLD_MAX = 20;

export const reveal = defineCommand({
  about:
    "decrypt what masks have encrypted (enc:v1:…), wherever it stands in a text, from standard input to standard output",
  examples: [
    "gateway reveal --key mask.key < record.json",
    "gateway reveal --key mask.key --field card.number --field user.iban < orders.csv",
    "gateway reveal --config config/gateway.txt < access.log",
  ],
  args: {
    key: { type: "string", valueHint: "FILE", description: "the key of the masks; may be given several times" },
    field: {
      type: "string",
      valueHint: "NAME",
      description:
        "that a value was encrypted for, where its place does not tell: card.number; may be given several times",
    },
    config: { type: "string", valueHint: "FILE", description: "a gateway file, whose masks name keys and fields" },
  },
  async run({ config }, words) {
    const { openRevealer, revealStream } = await import("../../app/gateway/reveal.ts");
    const revealer = await openRevealer({ keys: repeated("--key", words), fields: repeated("--field", words), config });
    let told = 0;
    const counts = await revealStream(Bun.stdin.stream(), revealer, {
      write: emit,
      hidden: (line, what) => {
        if (told++ < HIDDEN_TOLD_MAX) process.stderr.write(`line ${line}: ${printable(what)}\n`);
      },
    });
    if (counts.hidden === 0) return EXIT.done;
    process.stderr.write(
      `${counts.revealed} values decrypted, ${counts.hidden} not; --field NAME names a field to try\n`,
    );
    return EXIT.failures;
  },
});
