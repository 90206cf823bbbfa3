/** Every message, enum and service descriptor of `cairn.v1`, as protobuf-es generates them. */
export * from "./gen/cairn/v1/admin_service_pb.ts";
export * from "./gen/cairn/v1/checkpoint_pb.ts";
export * from "./gen/cairn/v1/checkpoint_service_pb.ts";
export * from "./gen/cairn/v1/error_pb.ts";
export * from "./gen/cairn/v1/event_pb.ts";
export * from "./gen/cairn/v1/graph_pb.ts";
export * from "./gen/cairn/v1/graph_service_pb.ts";
export * from "./gen/cairn/v1/run_service_pb.ts";
export * from "./gen/cairn/v1/thread_service_pb.ts";
export * from "./gen/cairn/v1/value_pb.ts";
export * from "./gen/cairn/v1/worker_service_pb.ts";
