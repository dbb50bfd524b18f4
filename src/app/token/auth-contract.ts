/** The contract `auth`: API tokens and the keys they are signed with. Times are milliseconds since the epoch: tokens end at a time of day. */
import { z } from "zod";
import {
  KEYS_TOLD_MAX,
  LIFETIME_MS_MAX,
  NAME_FORM,
  REVOCATIONS_MAX,
  SCOPE_FORM,
  TOKEN_ROLES,
} from "../../edge/token/index.ts";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

const nothing = z.strictObject({});
const role = z.enum(TOKEN_ROLES);
const tokenId = z
  .string()
  .regex(/^[\w.:-]{1,64}$/)
  .describe("the token's jti");
const scopes = z.array(z.string().max(200)).max(32).readonly();

const revocation = z.object({
  tokenId,
  expiresAtMs: z.number().describe("when nobody needs to remember it any longer"),
});
const publicKey = z.record(z.string(), z.unknown()).describe("a JSON Web Key: kty, crv, x, kid");

const issued = z.object({
  jti: z.string(),
  sub: z.string(),
  role,
  scopes,
  issuer: z.string(),
  by: z.string().describe("who asked for it"),
  issuedAtMs: z.number(),
  expiresAtMs: z.number(),
  isRevoked: z.boolean(),
});

const wish = z.strictObject({
  subject: z
    .string()
    .max(128)
    .optional()
    .describe(
      `who will have it: ${NAME_FORM}; the caller unless told, and a name within his, as CALLER/NAME, unless he is an admin`,
    ),
  node_id: z.string().max(128).optional().describe("another word for subject"),
  role: role.optional().describe("the caller's own unless told, operator at most"),
  scopes: scopes.optional().describe(SCOPE_FORM),
  scope: z.string().max(2_048).optional().describe("scopes with blanks between"),
  expires_in: z
    .number()
    .int()
    .min(1)
    .max(LIFETIME_MS_MAX / 1000)
    .optional()
    .describe("seconds; 12 hours unless told, and no longer than the caller's own token"),
});

const granted = z.object({
  access_token: z.string(),
  token: z.string().describe("the same"),
  token_type: z.literal("Bearer"),
  expires_in: z.number().describe("seconds"),
  role,
  scope: z.string(),
  sub: z.string(),
  jti: z.string(),
});

const page = z.strictObject({
  limit: z.number().int().min(1).max(500).optional().describe("100 unless told"),
  cursor: z.string().max(200).optional().describe("`next` of the page before"),
});

const whoami = z.object({
  name: z.string(),
  access: z.string().describe("none, read, operate, admin or node"),
  role,
  scopes,
  jti: z.string().optional(),
  expiresAtMs: z.number().optional(),
  node: z.string().describe("who has answered"),
  audience: z.string().describe("of tokens of this cluster"),
  isTls: z.boolean(),
});

export const authContract = defineContract({
  name: "auth",
  version: 1,
  about: "API tokens: who may ask nodes for what, from outside",
  methods: {
    token: {
      about: "issue a token for as much as the caller may, or less; it is revoked with the caller's own",
      input: wish,
      output: granted,
      access: "read",
    },
    revoke: {
      about: "end a token on every node, and those that it gave; one's own, or any where the caller is an admin",
      input: z.strictObject({ jti: tokenId }),
      output: z.object({
        jti: z.string(),
        isNews: z.boolean().describe("it was not revoked before"),
        isListed: z
          .boolean()
          .describe("a node that was asked lists a token of that id; else look for a slip of the pen"),
        told: z.number().describe("other nodes that know it already; the rest learn it within a minute"),
        others: z.number(),
      }),
      access: "read",
      idempotent: true,
    },
    list: {
      about: "the tokens issued here that have not ended, the newest first; never the tokens themselves",
      input: page,
      output: z.object({ tokens: z.array(issued).readonly(), next: z.string().optional() }),
      access: "admin",
      idempotent: true,
    },
    keys: {
      about:
        "the public keys by which tokens are verified: first the one that signs here, then those of other nodes, as far as they are known",
      input: nothing,
      output: z.object({ keys: z.array(publicKey).max(KEYS_TOLD_MAX).readonly() }),
      access: "read",
      idempotent: true,
    },
    rotate: {
      about: "sign with a new key from now on; with forget, tokens under older keys end at once",
      input: z.strictObject({ forget: z.boolean().optional() }),
      output: z.object({ keyId: z.string(), believed: z.array(z.string()).readonly() }),
      access: "admin",
    },
    whoami: {
      about: "who the caller is to this node, and what that may",
      input: nothing,
      output: whoami,
      access: "read",
      idempotent: true,
    },
    news: {
      about:
        "the keys by which tokens of this node are verified, and the tokens that are revoked, unless the caller knows these already",
      input: z.strictObject({ digest: z.string().max(64).optional() }),
      output: z.object({
        digest: z.string(),
        keys: z.array(publicKey).max(64).readonly(),
        revoked: z.array(revocation).max(REVOCATIONS_MAX).readonly().optional(),
      }),
      access: "node",
      idempotent: true,
    },
    told: {
      about: "another node has revoked tokens, or signs with other keys now",
      input: z.strictObject({
        revoked: z.array(revocation).max(REVOCATIONS_MAX).readonly().optional(),
        keys: z.array(publicKey).max(64).readonly().optional(),
      }),
      output: z.object({ isListed: z.boolean().optional().describe("it lists one of the revoked tokens") }),
      access: "node",
      idempotent: true,
    },
  },
});

export type AuthClient = Client<typeof authContract.methods>;
export type GrantedToken = z.output<typeof granted>;
export type TokenWish = z.input<typeof wish>;
export type IssuedInfo = z.output<typeof issued>;
export type WhoAmI = z.output<typeof whoami>;
