/** `token create|list|revoke|rotate|inspect|keys`: API tokens for people and programs. Works with a running node and without. */
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { DURATION_FORM, formatDurationMs, parseDurationMs } from "../../base/units.ts";
import { type CommandGroup, defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { askChoices, nodeArgs } from "../node-flags.ts";
import { emit, emitJson } from "../output.ts";

const ROLES = ["viewer", "operator", "admin", "node", "service"] as const;

const create = defineCommand({
  about: "issue a token and print it",
  examples: [
    "token create --role viewer",
    "token create --scope users.get --scope orders --subject billing --expires 30d",
    "token create --role operator --node 10.0.0.1:8080 --secrets ./cluster --json",
  ],
  args: {
    role: {
      type: "string",
      valueHint: "ROLE",
      description:
        "viewer looks, operator changes, admin decides who may what, service may what its scopes name, node is for nodes (viewer; service with --scope)",
    },
    scope: {
      type: "string",
      valueHint: "SERVICE[.METHOD]",
      description: "a service or method that it may call whatever its role, or *; may be given several times",
    },
    subject: { type: "string", valueHint: "NAME", description: "who will have it, for lists and logs (the role)" },
    expires: { type: "string", valueHint: "TIME", default: "12h", description: "how long it is good, a year at most" },
    ...nodeArgs,
  },
  async run(args, words) {
    const scopes = repeated("--scope", words).flatMap((each) => each.split(","));
    const role = roleFrom(args.role ?? (scopes.length > 0 ? "service" : "viewer"));
    const { askAuth, askAuthFiles } = await import("../../app/token/ask-auth.ts");
    const ask = role === "node" && args.node === undefined ? askAuthFiles : askAuth; // a running node gives no token for as much as itself
    const wish = { subject: args.subject ?? role, role, scopes, expires_in: secondsFrom(args.expires) };
    const { answer, by } = await ask(askChoices(args), (client) => client.token(wish));
    if (args.json) await emitJson(answer);
    else {
      await emit(`${answer.token}\n`);
      const ends = formatDurationMs(answer.expires_in * 1000);
      process.stderr.write(`${answer.role} ${printable(answer.sub)}, ends in ${ends}, id ${answer.jti}; by ${by}\n`);
    }
    return EXIT.done;
  },
});

const list = defineCommand({
  about: "show the tokens that were issued here and have not ended; never the tokens themselves",
  examples: ["token list", "token list --node 10.0.0.1:8080 --json"],
  args: nodeArgs,
  async run(args) {
    const { askAuth } = await import("../../app/token/ask-auth.ts");
    const { answer, by } = await askAuth(askChoices(args), async (client) => {
      const tokens: Awaited<ReturnType<typeof client.list>>["tokens"][number][] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await client.list({ limit: 500, ...(cursor !== undefined && { cursor }) });
        tokens.push(...page.tokens);
        cursor = page.next;
        if (cursor === undefined) return tokens;
      }
    });
    if (args.json) await emitJson({ asked: by, tokens: answer });
    else {
      const [{ tokensTable }, { systemClock }] = await Promise.all([
        import("../view/token.ts"),
        import("../../base/clock.ts"),
      ]);
      await emit(`${tokensTable(answer, systemClock.now())}\n`);
    }
    return EXIT.done;
  },
});

const revoke = defineCommand({
  about: "end a token before its time on every node, and those that it gave",
  examples: ["token revoke 3q2-7wAAAAAAAAAAAAAAAA", "token revoke --node 10.0.0.1:8080 3q2-7wAAAAAAAAAAAAAAAA"],
  args: {
    id: { type: "positional", valueHint: "ID", required: true, description: "its id, from create or list; or itself" },
    ...nodeArgs,
  },
  async run(args) {
    const [{ askAuth }, { tokenIdOf }] = await Promise.all([
      import("../../app/token/ask-auth.ts"),
      import("../../app/token/inspect-token.ts"),
    ]);
    const jti = tokenIdOf(args.id);
    const { answer, by } = await askAuth(askChoices(args), (client) => client.revoke({ jti }));
    if (args.json) await emitJson({ asked: by, ...answer });
    else {
      const { isListed, isNews, others, told } = answer;
      const rest = others === 0 ? "" : `; ${told} of ${others} other nodes know, the rest learn it within a minute`;
      process.stderr.write(`${printable(jti)} ${isNews ? "is revoked" : "was revoked before"}, by ${by}${rest}\n`);
      if (!isListed) process.stderr.write("no token of that id is listed there: look whether the id is right\n");
    }
    return EXIT.done;
  },
});

const rotate = defineCommand({
  about: "sign with a new key from now on; older keys are believed until their last token ends",
  examples: ["token rotate", "token rotate --forget"],
  args: {
    forget: { type: "boolean", description: "end all tokens under older keys at once: one has got into wrong hands" },
    ...nodeArgs,
  },
  async run(args) {
    const { askAuth } = await import("../../app/token/ask-auth.ts");
    const { answer, by } = await askAuth(askChoices(args), (client) => client.rotate({ forget: args.forget === true }));
    if (args.json) await emitJson({ asked: by, ...answer });
    else {
      await emit(answer.believed.map((id) => `${id}  ${does(id, answer.keyId)}\n`).join(""));
      process.stderr.write(`a new key signs, by ${by}\n`);
    }
    return EXIT.done;
  },
});

const keys = defineCommand({
  about: "show the public keys by which tokens are verified",
  examples: ["token keys", "token keys --json"],
  args: nodeArgs,
  async run(args) {
    const { askAuth } = await import("../../app/token/ask-auth.ts");
    const { answer } = await askAuth(askChoices(args), (client) => client.keys({}));
    if (args.json) await emitJson(answer);
    else {
      const ids = answer.keys.map(({ kid }) => String(kid));
      await emit(ids.map((id) => `${printable(id)}  ${does(id, ids[0])}\n`).join(""));
    }
    return EXIT.done;
  },
});

const inspect = defineCommand({
  about: "say what a token grants, and whether it is good here; exit code 1 when it is not",
  examples: ["token inspect - < token.txt", "token inspect eyJhbGciOi…"],
  args: {
    token: {
      type: "positional",
      valueHint: "TOKEN",
      required: true,
      description: "- reads it from standard input: on a command line other users can see it",
    },
    secrets: nodeArgs.secrets,
    json: nodeArgs.json,
    "data-dir": nodeArgs["data-dir"],
  },
  async run({ token, secrets, json, "data-dir": dataDir }) {
    const text = token === "-" ? (await Bun.stdin.text()).trim() : token;
    const { inspectToken } = await import("../../app/token/inspect-token.ts");
    const inspection = await inspectToken(text, { dataDir, secrets });
    if (json) await emitJson(inspection);
    else await emit(`${(await import("../view/token.ts")).inspectionText(inspection)}\n`);
    return inspection.isGood ? EXIT.done : EXIT.failures;
  },
});

function does(id: string, signs: string | undefined): string {
  return id === signs ? "signs and is believed" : "is believed";
}

function roleFrom(text: string): (typeof ROLES)[number] {
  const role = ROLES.find((each) => each === text);
  if (role) return role;
  throw new Failure("usage.role", `--role is ${JSON.stringify(text)}; one of ${ROLES.join(", ")} is required`);
}

function secondsFrom(text: string): number {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms >= 1000) return Math.floor(ms / 1000);
  throw new Failure("usage.expires", `--expires is ${JSON.stringify(text)}; 1s or more is required, ${DURATION_FORM}`);
}

export const token: CommandGroup = {
  about: "tokens for people and programs that ask nodes over HTTP",
  commands: {
    create: { about: create.about, load: async () => create },
    list: { about: list.about, load: async () => list },
    revoke: { about: revoke.about, load: async () => revoke },
    rotate: { about: rotate.about, load: async () => rotate },
    inspect: { about: inspect.about, load: async () => inspect },
    keys: { about: keys.about, load: async () => keys },
  },
};
