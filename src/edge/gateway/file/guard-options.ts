/** Fields and options of the lines that guard: limit, waf, mask. One table that the parser, the printer and `check --explain` read. */
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { LIMIT_KEYS_DEFAULT, LIMIT_KEYS_MAX, WAF_BODY_DEFAULT, WAF_REPLY_DEFAULT } from "./limits.ts";

const DAY = 86_400_000;
const MIB = 2 ** 20;

const common = {
  id: param.string(
    "name in logs and metrics; left out: the kind of the line and its number among them, as in limit-1",
    { min: 1, max: 64 },
  ),
  routes: param.list("ids of the routes that it is for; left out: all", { min: 1, max: 1000 }),
} satisfies ParamSchema;

export const limitFields = {
  limit: param.integer("requests in each window; for algorithm=concurrency, how many at once", {
    required: true,
    min: 1,
    max: 1_000_000_000,
  }),
  window: param.duration("the window; empty for algorithm=concurrency", { min: 1, max: DAY }),
  action: param.choice(
    "what happens to a request over it: closed without an answer, answered 429, or made to wait",
    ["DROP", "REJECT", "DELAY"],
    {
      default: "REJECT",
    },
  ),
} satisfies ParamSchema;

export const limitOptionSchema = {
  ...common,
  algorithm: param.choice(
    "token_bucket: a rate; concurrency: how many at the same time",
    ["token_bucket", "concurrency"],
    {
      default: "token_bucket",
    },
  ),
  burst: param.integer("requests that a key can save up and use at once; left out: as many as limit", {
    min: 1,
    max: 1_000_000_000,
  }),
  delay_max: param.duration("longest wait under DELAY; who would wait longer gets 429", {
    default: 5_000,
    min: 1,
    max: 300_000,
  }),
  shared: param.boolean(
    "counted together with limits of other gateways of the cluster that count the same: the same key, limit, window, algorithm, burst and ipv6_prefix, under the same id or, without ids, for the same routes",
    { default: false },
  ),
  missing: param.choice(
    "a request that has no such header or claim: passes, is refused, or is counted by its address",
    ["allow", "deny", "client_ip"],
    {
      default: "client_ip",
    },
  ),
  ipv6_prefix: param.integer("bits of an IPv6 address that count as one client", { default: 64, min: 16, max: 128 }),
  max_keys: param.integer(
    "most keys remembered; where others need the place, one that has saved up most of its burst is forgotten first, and no newcomer gets more than it had",
    {
      default: LIMIT_KEYS_DEFAULT,
      min: 1,
      max: LIMIT_KEYS_MAX,
    },
  ),
} satisfies ParamSchema;

/** The first field of a limit line, in words. */
export const limitKeys = {
  client_ip: "the client's address, behind trusted proxies",
  "header:NAME": "a header of the request",
  "claim:NAME": "a claim of the token; the routes need auth=token or auth=jwt",
  route: "the route: all its clients together",
  global: "all requests together",
} as const;

export const wafFields = {
  rules: param.path("directory or file of SecLang rules, as of the OWASP Core Rule Set", { required: true }),
  mode: param.choice(
    "block: a request that the rules condemn is answered 403; detect: it is only logged; off",
    ["block", "detect", "off"],
    {
      default: "block",
    },
  ),
} satisfies ParamSchema;

export const wafOptionSchema = {
  ...common,
  paranoia: param.integer("paranoia level of the Core Rule Set", { default: 1, min: 1, max: 4 }),
  inbound_threshold: param.integer("anomaly score at which a request is blocked", { default: 5, min: 1, max: 10_000 }),
  outbound_threshold: param.integer("anomaly score at which a response is blocked", {
    default: 4,
    min: 1,
    max: 10_000,
  }),
  max_body: param.size("largest body that is looked into; a larger one is answered 413", {
    default: WAF_BODY_DEFAULT,
    min: 0,
    max: 64 * MIB,
  }),
  max_response: param.size("most of a response that is looked into", {
    default: WAF_REPLY_DEFAULT,
    min: 0,
    max: 64 * MIB,
  }),
  responses: param.boolean("responses are looked into as well", { default: false }),
  exclude: param.list("rules left out: 942100, 942000-942999, tag:NAME, 942100:ARGS:name", { max: 1000 }),
  audit_log: param.file("NDJSON file with each verdict and its rules"),
} satisfies ParamSchema;

/** The first three fields of a mask line, in words. */
export const maskTexts = {
  where: "request, response, log; several with ; between them",
  what: "a JSON path ($.card.number, $..email, $.items[*].iban; of JSON only: fields of forms are none), a pattern (card, email, token, iban), or a regular expression behind a ~",
} as const;

export const maskFields = {
  action: param.choice(
    "mask: shows the end at most; remove; hash: the same for equal values; encrypt: can be undone with the key",
    ["mask", "remove", "hash", "encrypt"],
    {
      default: "mask",
    },
  ),
} satisfies ParamSchema;

export const maskOptionSchema = {
  ...common,
  keep_last: param.integer("characters at the end that stay, never more than half", { default: 4, min: 0, max: 64 }),
  key: param.path(
    "file of 32 random bytes that nobody else can read (0600), for hash and encrypt; gateway reveal decrypts",
  ),
} satisfies ParamSchema;

export type LimitOptionValues = ParamValues<typeof limitOptionSchema>;
export type WafOptionValues = ParamValues<typeof wafOptionSchema>;
export type MaskOptionValues = ParamValues<typeof maskOptionSchema>;
