/** A second, dumber parser of good requests: splits the whole text, looks at nothing twice. Only to compare with. */
export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[] | undefined;
}

const OF_ONE_HOP = ["host", "transfer-encoding", "connection", "te", "keep-alive"];

export function parsePlainly(text: string): PlainRequest[] {
  const requests: PlainRequest[] = [];
  let left = text;
  while (left !== "") {
    const end = left.indexOf("\r\n\r\n");
    const [line = "", ...lines] = left.slice(0, end).split("\r\n");
    const [method = "", target = ""] = line.split(" ");
    const fields = lines.map(pairOf);
    const fieldOf = (name: string): string => fields.find(([each]) => each === name)?.[1] ?? "";
    const behind = left.slice(end + 4);
    const { body, rest, trailers } =
      fieldOf("transfer-encoding") === "chunked"
        ? unchunk(behind)
        : byLength(behind, Number(fieldOf("content-length")));
    const headers = fields.filter(([name]) => !OF_ONE_HOP.includes(name)).flat();
    requests.push({ method, target, host: fieldOf("host"), headers, body, trailers });
    left = rest;
  }
  return requests;
}

interface PlainBody {
  readonly body: string;
  readonly trailers?: readonly string[] | undefined;
  readonly rest: string;
}

function byLength(text: string, length: number): PlainBody {
  return { body: text.slice(0, length), rest: text.slice(length) };
}

function unchunk(text: string): PlainBody {
  const [line = ""] = text.split("\r\n", 1);
  const size = Number.parseInt(line, 16);
  const from = line.length + 2;
  if (size > 0) {
    const more = unchunk(text.slice(from + size + 2));
    return { ...more, body: text.slice(from, from + size) + more.body };
  }
  const end = text.indexOf("\r\n\r\n", line.length) + 4;
  const trailers = text.slice(from, end).split("\r\n").filter(Boolean).flatMap(pairOf);
  return { body: "", trailers: trailers.length > 0 ? trailers : undefined, rest: text.slice(end) };
}

function pairOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
}
