/** Descriptors out of texts that tests write. */
import { type DescriptorStore, loadDescriptors } from "../../../../src/wire/protobuf/index.ts";

export function load(
  files: Readonly<Record<string, string>>,
  first = Object.keys(files)[0]!,
): Promise<DescriptorStore> {
  return loadDescriptors({
    files: [`/protos/${first}`],
    importPaths: ["/protos"],
    readFile: (path) => {
      const text = files[path.replace(/^\/protos\//, "")];
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
  });
}

/** One of everything that canonical JSON knows. */
export const EVERYTHING = `syntax = "proto3";
package every;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message All {
  int32 i32 = 1; int64 i64 = 2; uint32 u32 = 3; uint64 u64 = 4; sint32 s32 = 5; sint64 s64 = 6;
  fixed32 f32 = 7; fixed64 f64 = 8; sfixed32 sf32 = 9; sfixed64 sf64 = 10;
  float real = 11; double double_real = 12; bool flag = 13; string text = 14; bytes raw = 15;
  Color color = 16; All inner = 17; repeated int64 numbers = 18; repeated All inners = 19;
  map<string, int32> counts = 20; map<int64, Color> colors = 21; map<bool, All> by_flag = 22;
  oneof choice { string name = 23; int32 number = 24; }
  optional int32 maybe = 25;
  google.protobuf.Timestamp at = 30; google.protobuf.Duration took = 31; google.protobuf.FieldMask mask = 32;
  google.protobuf.Any any = 33; google.protobuf.Struct struct = 34; google.protobuf.Value value = 35; google.protobuf.ListValue list = 36;
  google.protobuf.Int64Value w64 = 40; google.protobuf.BoolValue wflag = 41; google.protobuf.StringValue wtext = 42;
  google.protobuf.BytesValue wraw = 43; google.protobuf.DoubleValue wreal = 44;
  string named = 45 [json_name = "calledOtherwise"];
}
enum Color { NONE = 0; RED = 1; BLUE = 2; }
message Exact { int64 large = 1; repeated uint64 larges = 2; double real = 3; string text = 4; Exact inner = 5; }
`;

export const LIBRARY = `syntax = "proto3";
package library.v1;
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message Book { string name = 1; string title = 2; int64 pages = 3; repeated string tags = 4; Shelf shelf = 5; Kind kind = 6;
  google.protobuf.Timestamp at = 7; google.protobuf.BoolValue sold = 8; bytes cover = 9; }
message Shelf { string theme = 1; int32 row = 2; }
enum Kind { UNKNOWN = 0; NOVEL = 1; }
message GetBook { string name = 1; bool deep = 2; repeated int32 parts = 3; Shelf shelf = 4; Kind kind = 5; map<string, string> labels = 6; google.protobuf.BoolValue sold = 7; google.protobuf.Timestamp since = 8; }
message PutBook { Book book = 1; bool force = 2; }
message Books { repeated Book books = 1; string next = 2; }
service Library {
  rpc Get(GetBook) returns (Book) { option (google.api.http) = { get: "/v1/{name=shelves/*/books/*}" additional_bindings { get: "/v1/books/{name}" } }; }
  rpc Put(PutBook) returns (Book) { option (google.api.http) = { patch: "/v1/{book.name=shelves/*}" body: "book" }; }
  rpc Create(Book) returns (Book) { option (google.api.http) = { post: "/v1/books:create" body: "*" }; }
  rpc List(GetBook) returns (Books) { option (google.api.http) = { get: "/v1/files/{name=**}" response_body: "books" }; }
  rpc Head(GetBook) returns (Book) { option (google.api.http) = { custom: { kind: "HEAD" path: "/v1/heads/{name}" } }; }
  rpc Watch(GetBook) returns (stream Book);
  rpc Upload(stream Book) returns (Books);
  rpc Chat(stream Book) returns (stream Book);
  rpc Safe(GetBook) returns (Book) { option idempotency_level = NO_SIDE_EFFECTS; }
}
`;
