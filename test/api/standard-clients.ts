import { createRequire } from "node:module";
import { join } from "node:path";
import { loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { service as healthService } from "grpc-health-check";
import type { Caller } from "./harness.ts";

export interface ReflectionAnswer {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number; errorMessage: string };
}

/** Asks the reflection service one question, over its own proto. */
export function reflect(caller: Caller, version: "v1" | "v1alpha", question: object): Promise<ReflectionAnswer> {
  const folder = join(createRequire(import.meta.url).resolve("@grpc/reflection/package.json"), "../build/proto");
  const definition = loadSync(join(folder, `grpc/reflection/${version}/reflection.proto`), { oneofs: true });
  // biome-ignore lint/suspicious/noExplicitAny: proto-loader's packages have no types.
  const loaded = loadPackageDefinition(definition) as any;
  const { service } = loaded.grpc.reflection[version].ServerReflection as ServiceClientConstructor;
  const info = Object.values(service)[0];
  if (info === undefined) throw new Error("no reflection method");
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = info;
    const call = caller.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, caller.metadata({}));
    call.on("data", (answer) => resolve(answer as ReflectionAnswer));
    call.on("error", reject);
    call.write(question);
    call.end();
  });
}

/** A method of the health service. */
export function healthMethod(name: "Check" | "Watch") {
  const found = healthService[name];
  if (found === undefined) throw new Error(`the health service has no ${name}`);
  return { ...found, responseDeserialize: found.responseDeserialize as (bytes: Buffer) => { status: string } };
}

/** The health of a service, "" for the whole server. */
export function health(caller: Caller, service: string): Promise<string | undefined> {
  const { path, requestSerialize, responseDeserialize } = healthMethod("Check");
  return new Promise((resolve, reject) => {
    caller.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, answer) =>
      error ? reject(error) : resolve(answer?.status),
    );
  });
}
