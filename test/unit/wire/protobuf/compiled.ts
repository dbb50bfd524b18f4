/** Texts, and what protoc 3.21 makes of them (`protoc --descriptor_set_out`), in base64. */
export const RICH = `syntax = "proto3";
package demo.v1;
import "google/api/annotations.proto";
import public "google/protobuf/timestamp.proto";
import "google/protobuf/descriptor.proto";
import public "other.proto";
option go_package = "x/y";
option (file_opt) = {a: 1, b: {c: "x"} b {c: "y"}, k: RED};
extend google.protobuf.FileOptions { Opt file_opt = 50000; }
extend google.protobuf.FieldOptions { repeated string tags = 50001; int64 big = 50002; bytes raw = 50003; Color paint = 50004; Opt sub = 50005;}
message Opt { int32 a = 1; repeated Sub b = 2; Color k = 3; message Sub { string c = 1; } }
enum Color { option allow_alias = true; NONE = 0; RED = 1 [deprecated=true]; ROT = 1; NEG = -5; reserved 9, 20 to max; reserved "X"; }
message M {
  reserved 100, 200 to 300; reserved "foo", "bar";
  optional int32 maybe = 1;
  map<string, Sub> subs = 2;
  map<int64, Color> colors = 3 [deprecated = true];
  oneof pick { string a = 4; Sub b = 5; }
  repeated int32 nums = 6 [packed = false, (tags) = "one", (tags) = "two", (big) = 900719925474099];
  .demo.v1.Color color = 7 [json_name = "colour", (paint) = RED, (sub).a = 3, (sub).b = {c: "q"}, (raw) = "\\001\\xff\\n"];
  google.protobuf.Timestamp at_time = 8;
  message Sub { M parent = 1; Inner i = 2; message Inner { Sub up = 1; demo.v1.M m = 2;} }
  optional string other = 9;
}
service S {
  option deprecated = true;
  rpc Get(M) returns (stream M) {
    option (google.api.http) = { get: "/v1/{a=x/*}" additional_bindings { post: "/v1/b" body: "*" } additional_bindings { custom: {kind: "HEAD" path: "/x"} } };
    option idempotency_level = NO_SIDE_EFFECTS;
  }
  rpc Put(stream M.Sub) returns (google.protobuf.Timestamp);
  rpc P2(M) returns (M) { option (google.api.http).put = "/v9"; option (google.api.http).body = "*"; }
}
`;

export const TWO = `/* a comment */
syntax = "proto2";
package two;
message A {
  required int32 id = 1 [default = -5];
  optional string s = 2 [default = "a\\"b"];
  optional bytes b = 3 [default = "\\000x\\377"];
  optional double d = 4 [default = inf];
  optional E e = 5 [default = Y];
  optional bool t = 6 [default = true];
  repeated group Result = 7 { optional string url = 1; repeated int32 ns = 2 [packed=true]; }
  extensions 100 to 199, 500 to max;
  extend A { optional A nested_ext = 101; }
  oneof foo_bar { int32 x = 10; A y = 11; }
  map<int32, A> my_map_field = 12;
  optional float f = 13 [default = 1.5];
  optional uint64 u = 14 [default = 123456789012];
  reserved 30 to 40;
  reserved "zz";
}
enum E { X = 0; Y = 1 [deprecated = true]; }
extend A { repeated E es = 100; optional string _under_score = 150; }
`;

export const RICH_COMPILED =
  "CuMMCgpyaWNoLnByb3RvEgdkZW1vLnYxGhxnb29nbGUvYXBpL2Fubm90YXRpb25zLnByb3RvGh9nb29nbGUvcHJvdG9idWYvdGltZXN0YW1wLn" +
  "Byb3RvGiBnb29nbGUvcHJvdG9idWYvZGVzY3JpcHRvci5wcm90bxoLb3RoZXIucHJvdG8iZgoDT3B0EgwKAWEYASABKAVSAWESHgoBYhgCIAMo" +
  "CzIQLmRlbW8udjEuT3B0LlN1YlIBYhIcCgFrGAMgASgOMg4uZGVtby52MS5Db2xvclIBaxoTCgNTdWISDAoBYxgBIAEoCVIBYyLLBQoBTRIZCg" +
  "VtYXliZRgBIAEoBUgBUgVtYXliZYgBARIoCgRzdWJzGAIgAygLMhQuZGVtby52MS5NLlN1YnNFbnRyeVIEc3VicxIyCgZjb2xvcnMYAyADKAsy" +
  "Fi5kZW1vLnYxLk0uQ29sb3JzRW50cnlCAhgBUgZjb2xvcnMSDgoBYRgEIAEoCUgAUgFhEh4KAWIYBSABKAsyDi5kZW1vLnYxLk0uU3ViSABSAW" +
  "ISLwoEbnVtcxgGIAMoBUIbEACKtRgDb25lirUYA3R3b5C1GLPmzJmz5swBUgRudW1zEkEKBWNvbG9yGAcgASgOMg4uZGVtby52MS5Db2xvckIa" +
  "oLUYAaq1GAIIA6q1GAUSAwoBcZq1GAMB/wpSBmNvbG91chIzCgdhdF90aW1lGAggASgLMhouZ29vZ2xlLnByb3RvYnVmLlRpbWVzdGFtcFIGYX" +
  "RUaW1lEhkKBW90aGVyGAkgASgJSAJSBW90aGVyiAEBGkcKCVN1YnNFbnRyeRIQCgNrZXkYASABKAlSA2tleRIkCgV2YWx1ZRgCIAEoCzIOLmRl" +
  "bW8udjEuTS5TdWJSBXZhbHVlOgI4ARpJCgtDb2xvcnNFbnRyeRIQCgNrZXkYASABKANSA2tleRIkCgV2YWx1ZRgCIAEoDjIOLmRlbW8udjEuQ2" +
  "9sb3JSBXZhbHVlOgI4ARqQAQoDU3ViEiIKBnBhcmVudBgBIAEoCzIKLmRlbW8udjEuTVIGcGFyZW50EiIKAWkYAiABKAsyFC5kZW1vLnYxLk0u" +
  "U3ViLklubmVyUgFpGkEKBUlubmVyEh4KAnVwGAEgASgLMg4uZGVtby52MS5NLlN1YlICdXASGAoBbRgCIAEoCzIKLmRlbW8udjEuTVIBbUIGCg" +
  "RwaWNrQggKBl9tYXliZUIICgZfb3RoZXJKBAhkEGVKBgjIARCtAlIDZm9vUgNiYXIqUAoFQ29sb3ISCAoETk9ORRAAEgsKA1JFRBABGgIIARIH" +
  "CgNST1QQARIQCgNORUcQ+///////////ARoCEAEiBAgJEAkiCAgUEP////8HKgFYMsQBCgFTElEKA0dldBIKLmRlbW8udjEuTRoKLmRlbW8udj" +
  "EuTSIwkAIBgtPkkwInEgsvdjEve2E9eC8qfVoKIgUvdjEvYjoBKloMQgoKBEhFQUQSAi94MAESMwoDUHV0Eg4uZGVtby52MS5NLlN1YhoaLmdv" +
  "b2dsZS5wcm90b2J1Zi5UaW1lc3RhbXAoARIyCgJQMhIKLmRlbW8udjEuTRoKLmRlbW8udjEuTSIUgtPkkwIFGgMvdjmC0+STAgM6ASoaA4gCAT" +
  "pHCghmaWxlX29wdBIcLmdvb2dsZS5wcm90b2J1Zi5GaWxlT3B0aW9ucxjQhgMgASgLMgwuZGVtby52MS5PcHRSB2ZpbGVPcHQ6MwoEdGFncxId" +
  "Lmdvb2dsZS5wcm90b2J1Zi5GaWVsZE9wdGlvbnMY0YYDIAMoCVIEdGFnczoxCgNiaWcSHS5nb29nbGUucHJvdG9idWYuRmllbGRPcHRpb25zGN" +
  "KGAyABKANSA2JpZzoxCgNyYXcSHS5nb29nbGUucHJvdG9idWYuRmllbGRPcHRpb25zGNOGAyABKAxSA3JhdzpFCgVwYWludBIdLmdvb2dsZS5w" +
  "cm90b2J1Zi5GaWVsZE9wdGlvbnMY1IYDIAEoDjIOLmRlbW8udjEuQ29sb3JSBXBhaW50Oj8KA3N1YhIdLmdvb2dsZS5wcm90b2J1Zi5GaWVsZE" +
  "9wdGlvbnMY1YYDIAEoCzIMLmRlbW8udjEuT3B0UgNzdWJCF1oDeC95grUYDggBEgMKAXgSAwoBeRgBUAFQA2IGcHJvdG8z";

export const TWO_COMPILED =
  "Cv0ECgl0d28ucHJvdG8SA3R3byKIBAoBQRISCgJpZBgBIAIoBToCLTVSAmlkEhEKAXMYAiABKAk6A2EiYlIBcxIXCgFiGAMgASgMOglcMDAweF" +
  "wzNzdSAWISEQoBZBgEIAEoAToDaW5mUgFkEhcKAWUYBSABKA4yBi50d28uRToBWVIBZRISCgF0GAYgASgIOgR0cnVlUgF0EiUKBnJlc3VsdBgH" +
  "IAMoCjINLnR3by5BLlJlc3VsdFIGcmVzdWx0Eg4KAXgYCiABKAVIAFIBeBIWCgF5GAsgASgLMgYudHdvLkFIAFIBeRI4CgxteV9tYXBfZmllbG" +
  "QYDCADKAsyFi50d28uQS5NeU1hcEZpZWxkRW50cnlSCm15TWFwRmllbGQSEQoBZhgNIAEoAjoDMS41UgFmEhoKAXUYDiABKAQ6DDEyMzQ1Njc4" +
  "OTAxMlIBdRouCgZSZXN1bHQSEAoDdXJsGAEgASgJUgN1cmwSEgoCbnMYAiADKAVCAhABUgJucxpFCg9NeU1hcEZpZWxkRW50cnkSEAoDa2V5GA" +
  "EgASgFUgNrZXkSHAoFdmFsdWUYAiABKAsyBi50d28uQVIFdmFsdWU6AjgBKgUIZBDIASoJCPQDEICAgIACMi0KCm5lc3RlZF9leHQSBi50d28u" +
  "QRhlIAEoCzIGLnR3by5BUgluZXN0ZWRFeHRCCQoHZm9vX2JhckoECB4QKVICenoqFQoBRRIFCgFYEAASCQoBWRABGgIIAToeCgJlcxIGLnR3by" +
  "5BGGQgAygOMgYudHdvLkVSAmVzOikKDF91bmRlcl9zY29yZRIGLnR3by5BGJYBIAEoCVIKVW5kZXJTY29yZQ==";
