/**
 * Requests for comparing web application firewalls: benign traffic of several kinds and attacks by class, each in several encodings and places.
 * Seeded: the same seed, the same requests. The attacks are textbook ones of each class; the point is breadth, not novelty.
 */
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { SampleRequest } from "./libmodsecurity.ts";
import { ATTACKS, type AttackClass, BENIGN_TEXTS, HEADER_ATTACKS, PATH_ATTACKS } from "./waf-payloads.ts";

export interface Sample {
  readonly name: string;
  readonly kind: "benign" | AttackClass;
  readonly request: SampleRequest;
}

const HOST = "shop.example.com";
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
];
const FIELDS = [
  "q",
  "name",
  "comment",
  "title",
  "description",
  "user",
  "id",
  "page",
  "filter",
  "sort",
  "message",
  "email",
  "city",
];
const PATHS = [
  "/",
  "/search",
  "/api/v1/items",
  "/login",
  "/account/profile",
  "/blog/2024/05/a-title",
  "/static/app.js",
  "/img/logo.png",
];

export type Place = "query" | "form" | "json" | "multipart" | "xml" | "cookie" | "header" | "name" | "path";
export const PLACES: readonly Place[] = ["query", "form", "json", "multipart", "xml", "cookie", "header", "name"];

type Encoder = (text: string) => string;

/** What attackers do to a text before it is put into its place. */
const ENCODINGS: readonly (readonly [string, Encoder])[] = [
  ["plain", (text) => text],
  ["url twice", (text) => encodeURIComponent(text)],
  ["html entities", (text) => text.replaceAll(/[<>'"()]/g, (letter) => `&#${letter.charCodeAt(0)};`)],
  [
    "mixed case",
    (text) => [...text].map((letter, at) => (at % 2 === 0 ? letter.toUpperCase() : letter.toLowerCase())).join(""),
  ],
  ["comments", (text) => text.replaceAll(" ", "/**/")],
  ["unicode escapes", (text) => text.replaceAll(/[<>'"]/g, (letter) => `%u00${letter.charCodeAt(0).toString(16)}`)],
  ["tabs", (text) => text.replaceAll(" ", "\t")],
  ["js escapes", (text) => text.replaceAll(/[<>'"]/g, (letter) => `\\x${letter.charCodeAt(0).toString(16)}`)],
];

export function wafCorpus(seed: number, benignCount: number): Sample[] {
  const random = seededRandom(seed);
  const samples: Sample[] = [];
  for (let at = 0; at < benignCount; at += 1) samples.push(benign(random, at));
  for (const [kind, payloads] of Object.entries(ATTACKS) as [AttackClass, readonly string[]][])
    for (const [index, payload] of payloads.entries()) samples.push(...attacks(random, kind, payload, index));
  for (const { kind, name, value } of HEADER_ATTACKS)
    samples.push({
      name: `${kind} in header ${name}: ${value}`,
      kind,
      request: get("/", [...common(random, name), name, value]),
    });
  for (const { kind, target, method = "GET" } of PATH_ATTACKS)
    samples.push({ name: `${kind} in target: ${target}`, kind, request: { ...get(target, common(random)), method } });
  return samples;
}

/** Each payload plain in two places and encoded in two more. */
function attacks(random: Random, kind: AttackClass, payload: string, index: number): Sample[] {
  const samples: Sample[] = [];
  for (let at = 0; at < 6; at += 1) {
    const [encoding, encode] = at < 2 ? ENCODINGS[0]! : ENCODINGS[1 + random.below(ENCODINGS.length - 1)]!;
    const place = PLACES[(index + at * 3 + random.below(2)) % PLACES.length]!;
    samples.push({
      name: `${kind} ${encoding} in ${place}: ${payload}`,
      kind,
      request: placed(random, place, encode(payload)),
    });
  }
  return samples;
}

function benign(random: Random, index: number): Sample {
  const text = BENIGN_TEXTS[index % BENIGN_TEXTS.length]!;
  const place = PLACES[Math.floor(index / BENIGN_TEXTS.length) % 5]!;
  const isPlain = random.below(6) === 0;
  const request = isPlain ? get(pick(random, PATHS), common(random)) : placed(random, place, text);
  return { name: `benign ${isPlain ? "get" : place}: ${text}`, kind: "benign", request };
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!;
}

/** Headers that browsers send, but for that one. */
function common(random: Random, without = ""): string[] {
  const all = [
    ["host", HOST],
    ["user-agent", pick(random, AGENTS)],
    ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    ["accept-language", "en-US,en;q=0.5"],
  ];
  return all.filter(([name]) => name !== without.toLowerCase()).flat();
}

function get(target: string, headers: readonly string[]): SampleRequest {
  return { method: "GET", target, version: "1.1", headers };
}

function post(random: Random, type: string, text: string, target = "/api/v1/items"): SampleRequest {
  const body = Buffer.from(text, "utf8");
  const headers = [...common(random), "content-type", type, "content-length", String(body.length)];
  return { method: "POST", target, version: "1.1", headers, body };
}

export function placed(random: Random, place: Place, text: string): SampleRequest {
  const field = pick(random, FIELDS);
  const other = pick(random, FIELDS);
  switch (place) {
    case "query":
      return get(`${pick(random, PATHS)}?${other}=1&${field}=${encodeURIComponent(text)}`, common(random));
    case "name":
      return get(`/search?${encodeURIComponent(text)}=1`, common(random));
    case "form":
      return post(
        random,
        "application/x-www-form-urlencoded",
        `${other}=abc&${field}=${encodeURIComponent(text)}`,
        "/login",
      );
    case "json":
      return post(
        random,
        "application/json",
        JSON.stringify({ [other]: 7, [field]: text, tags: ["a", { deep: text.length }] }),
      );
    case "multipart":
      return multipart(random, field, text);
    case "xml":
      return post(
        random,
        "application/xml",
        `<?xml version="1.0"?><order><id>7</id><note kind="x">${escapeXml(text)}</note></order>`,
      );
    case "cookie":
      return get(pick(random, PATHS), [
        ...common(random),
        "cookie",
        `sid=abc123; pref=${latin1(text).replaceAll(/[;\r\n\0]/g, "")}`,
      ]);
    case "header":
      return get(pick(random, PATHS), [
        ...common(random),
        "referer",
        `https://${HOST}/?x=${latin1(text).replaceAll(/[\r\n\0]/g, "")}`,
      ]);
    case "path":
      return get(`/files/${encodeURIComponent(text)}`, common(random));
  }
}

function multipart(random: Random, field: string, text: string): SampleRequest {
  const boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
  const part = (disposition: string, type: string, data: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type}\r\n${data}\r\n`;
  const parts = [
    part(`name="${field}"`, "", text),
    part('name="upload"; filename="notes.txt"', "Content-Type: text/plain\r\n", "Some notes.\nA second line."),
  ];
  return post(
    random,
    `multipart/form-data; boundary=${boundary}`,
    `${parts.join("")}--${boundary}--\r\n`,
    "/account/profile",
  );
}

/** XML has no control characters but for blanks: they are left out. */
function escapeXml(text: string): string {
  const allowed = [...text].filter((letter) => letter >= " " || "\t\n\r".includes(letter)).join("");
  return allowed.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
