import { expect, test } from "bun:test";
import { finishAtOnce } from "../../../../../../src/base/turns.ts";
import { readXml, type XmlContent } from "../../../../../../src/edge/waf/engine/body/xml.ts";

function read(bytes: Uint8Array): XmlContent {
  return finishAtOnce(readXml(bytes));
}

function xml(text: string): XmlContent {
  return read(Buffer.from(text, "utf8"));
}

test("readXml() gives all text and each attribute", () => {
  const read = xml('<?xml version="1.0"?><a x="1&amp;2"><b>t1</b> <c y="é">t2<!-- no --><![CDATA[cd<]]></c></a>');
  expect(read).toEqual({
    fault: undefined,
    text: "t1 t2cd<",
    attributes: ["1&2", Buffer.from("é").toString("latin1")],
  });
});

test.each([
  ["unclosed elements", "<a><b></a>"],
  ["a document type", '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'],
  ["an external document type", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
  ["an unknown entity", "<a>&e;</a>"],
  ["too many levels", "<a>".repeat(200) + "</a>".repeat(200)],
  ["too many nodes", `<a>${"<b/>".repeat(20_001)}</a>`],
  ["an encoding that is not known", '<?xml version="1.0" encoding="UTF-7"?><a/>'],
  ["no element", "hello"],
])("readXml() refuses %s", (_, text) => {
  expect(xml(text).fault).toStartWith("XML with");
});

test("readXml() refuses bytes that are no UTF-8, and takes them as latin1 when the document says so", () => {
  const bytes = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>', "latin1");
  expect(read(bytes).text).toBe(Buffer.from("é").toString("latin1"));
  expect(read(Buffer.from("<a>\xe9</a>", "latin1")).fault).toContain("UTF-8");
});
