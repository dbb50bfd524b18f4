/**
 * Files that everybody imports and nobody carries along: the well-known types come with the library; the HTTP rules, the status of errors,
 * reflection and health stand here, in our own words (the numbers are those of their published definitions, so that all peers agree).
 */
import {
  type FileDescriptorProto,
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_cpp_features,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_go_features,
  file_google_protobuf_java_features,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";

const HTTP = `syntax = "proto3"; package google.api;
message Http { repeated HttpRule rules = 1; bool fully_decode_reserved_expansion = 2; }
message HttpRule {
  string selector = 1;
  oneof pattern { string get = 2; string put = 3; string post = 4; string delete = 5; string patch = 6; CustomHttpPattern custom = 8; }
  string body = 7; string response_body = 12; repeated HttpRule additional_bindings = 11;
}
message CustomHttpPattern { string kind = 1; string path = 2; }
`;

const ANNOTATIONS = `syntax = "proto3"; package google.api;
import "google/api/http.proto"; import "google/protobuf/descriptor.proto";
extend google.protobuf.MethodOptions { HttpRule http = 72295728; }
`;

const CLIENT = `syntax = "proto3"; package google.api;
import "google/protobuf/descriptor.proto";
extend google.protobuf.MethodOptions { repeated string method_signature = 1051; }
extend google.protobuf.ServiceOptions { string default_host = 1049; string oauth_scopes = 1050; }
`;

const FIELD_BEHAVIOR = `syntax = "proto3"; package google.api;
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { repeated FieldBehavior field_behavior = 1052 [packed = false]; }
enum FieldBehavior {
  FIELD_BEHAVIOR_UNSPECIFIED = 0; OPTIONAL = 1; REQUIRED = 2; OUTPUT_ONLY = 3; INPUT_ONLY = 4; IMMUTABLE = 5;
  UNORDERED_LIST = 6; NON_EMPTY_DEFAULT = 7; IDENTIFIER = 8;
}
`;

const HTTP_BODY = `syntax = "proto3"; package google.api;
import "google/protobuf/any.proto";
message HttpBody { string content_type = 1; bytes data = 2; repeated google.protobuf.Any extensions = 3; }
`;

const STATUS = `syntax = "proto3"; package google.rpc;
import "google/protobuf/any.proto";
message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }
`;

const ERROR_DETAILS = `syntax = "proto3"; package google.rpc;
import "google/protobuf/duration.proto";
message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
message RetryInfo { google.protobuf.Duration retry_delay = 1; }
message DebugInfo { repeated string stack_entries = 1; string detail = 2; }
message QuotaFailure {
  message Violation { string subject = 1; string description = 2; }
  repeated Violation violations = 1;
}
message PreconditionFailure {
  message Violation { string type = 1; string subject = 2; string description = 3; }
  repeated Violation violations = 1;
}
message BadRequest {
  message FieldViolation { string field = 1; string description = 2; string reason = 3; LocalizedMessage localized_message = 4; }
  repeated FieldViolation field_violations = 1;
}
message RequestInfo { string request_id = 1; string serving_data = 2; }
message ResourceInfo { string resource_type = 1; string resource_name = 2; string owner = 3; string description = 4; }
message Help {
  message Link { string description = 1; string url = 2; }
  repeated Link links = 1;
}
message LocalizedMessage { string locale = 1; string message = 2; }
`;

const HEALTH = `syntax = "proto3"; package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse {
  enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
  ServingStatus status = 1;
}
service Health {
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);
  rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);
}
`;

/** The two versions differ in their package only. */
const reflection = (version: string): string => `syntax = "proto3"; package grpc.reflection.${version};
service ServerReflection { rpc ServerReflectionInfo(stream ServerReflectionRequest) returns (stream ServerReflectionResponse); }
message ServerReflectionRequest {
  string host = 1;
  oneof message_request {
    string file_by_filename = 3; string file_containing_symbol = 4; ExtensionRequest file_containing_extension = 5;
    string all_extension_numbers_of_type = 6; string list_services = 7;
  }
}
message ExtensionRequest { string containing_type = 1; int32 extension_number = 2; }
message ServerReflectionResponse {
  string valid_host = 1; ServerReflectionRequest original_request = 2;
  oneof message_response {
    FileDescriptorResponse file_descriptor_response = 4; ExtensionNumberResponse all_extension_numbers_response = 5;
    ListServiceResponse list_services_response = 6; ErrorResponse error_response = 7;
  }
}
message FileDescriptorResponse { repeated bytes file_descriptor_proto = 1; }
message ExtensionNumberResponse { string base_type_name = 1; repeated int32 extension_number = 2; }
message ListServiceResponse { repeated ServiceResponse service = 1; }
message ServiceResponse { string name = 1; }
message ErrorResponse { int32 error_code = 1; string error_message = 2; }
`;

const TEXTS: ReadonlyMap<string, string> = new Map([
  ["google/api/http.proto", HTTP],
  ["google/api/annotations.proto", ANNOTATIONS],
  ["google/api/client.proto", CLIENT],
  ["google/api/field_behavior.proto", FIELD_BEHAVIOR],
  ["google/api/httpbody.proto", HTTP_BODY],
  ["google/rpc/status.proto", STATUS],
  ["google/rpc/error_details.proto", ERROR_DETAILS],
  ["grpc/health/v1/health.proto", HEALTH],
  ["grpc/reflection/v1/reflection.proto", reflection("v1")],
  ["grpc/reflection/v1alpha/reflection.proto", reflection("v1alpha")],
]);

const WELL_KNOWN: ReadonlyMap<string, FileDescriptorProto> = new Map(
  [
    file_google_protobuf_any,
    file_google_protobuf_api,
    file_google_protobuf_cpp_features,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_empty,
    file_google_protobuf_field_mask,
    file_google_protobuf_go_features,
    file_google_protobuf_java_features,
    file_google_protobuf_source_context,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_protobuf_type,
    file_google_protobuf_wrappers,
  ].map(({ proto }) => [proto.name, proto]),
);

export function builtInText(name: string): string | undefined {
  return TEXTS.get(name);
}

export function wellKnownFile(name: string): FileDescriptorProto | undefined {
  return WELL_KNOWN.get(name);
}
