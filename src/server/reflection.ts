import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { service as healthService } from "grpc-health-check";
import type { Logger } from "pino";
import { toStatus } from "./errors.ts";

type ReflectionCall = ServerDuplexStream<unknown, unknown>;
type ReflectionHandler = (call: ReflectionCall) => void;

/** The standard reflection service (v1 and v1alpha). `admit` throws where a caller must not see it. */
export function addReflection(
  server: Server,
  services: DescService[],
  admit: (call: ReflectionCall) => void,
  log: Logger,
): void {
  const files = new Map<string, Buffer>();
  for (const service of services) collect(service.file, files);
  const protos = [...files.values(), ...healthFiles()];
  // It takes what proto-loader makes, and looks at nothing but the files.
  const definition = { cairn: { format: "", type: {}, fileDescriptorProtos: protos } };
  const reflection = new ReflectionService(definition as unknown as ConstructorParameters<typeof ReflectionService>[0]);
  reflection.addToServer({
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation) {
      const guarded = Object.entries(implementation).map(([name, handler]) => [
        name,
        guard(handler as ReflectionHandler, admit, log),
      ]);
      server.addService(service, Object.fromEntries(guarded));
    },
  } as Pick<Server, "addService">);
}

function guard(handler: ReflectionHandler, admit: (call: ReflectionCall) => void, log: Logger): ReflectionHandler {
  return (call) => {
    try {
      admit(call);
    } catch (error) {
      call.emit("error", toStatus(error, log, call.getPath()));
      return;
    }
    handler(call);
  };
}

function collect(file: DescFile, files: Map<string, Buffer>): void {
  if (files.has(file.name)) return;
  files.set(file.name, Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)));
  for (const dependency of file.dependencies) collect(dependency, files);
}

function healthFiles(): Buffer[] {
  const types = Object.values(healthService).map(
    ({ requestType }) => requestType as { fileDescriptorProtos?: Buffer[] },
  );
  return types[0]?.fileDescriptorProtos ?? [];
}
