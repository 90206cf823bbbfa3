import { credentials, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { AdminService } from "../../src/gen/cairn/v1/admin_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { startServer } from "../../src/server/start.ts";
import { makeCertificates } from "./certificates.ts";
import { Caller, refusal, server, temporaryFile, temporaryFolder } from "./harness.ts";
import { health, reflect } from "./standard-clients.ts";

const { method } = ThreadService;
const tokens = "# who may do what\n\nred-token  red\nboth-token red,blue\r\nall-token *\n";

describe("tokens", () => {
  it("open their spaces and no others", async () => {
    const { address } = await server({ tokenFile: await temporaryFile("tokens", tokens) });
    const outcome = async (authorization: string | undefined, space?: string) => {
      const metadata = {
        ...(authorization !== undefined && { authorization }),
        ...(space && { "cairn-space": space }),
      };
      const { code, reason, message } = await refusal(
        new Caller(address, { metadata }).call(method.getThread, { threadId: "t" }),
      );
      expect(message).not.toContain("token red");
      return `${code} ${reason}`;
    };
    const unknown = "UNAUTHENTICATED TOKEN_INVALID";
    const denied = "PERMISSION_DENIED SPACE_DENIED";
    const open = "NOT_FOUND THREAD_NOT_FOUND";
    expect(await outcome(undefined)).toBe(unknown);
    expect(await outcome("")).toBe(unknown);
    expect(await outcome("Bearer wrong", "red")).toBe(unknown);
    expect(await outcome("red-token", "red")).toBe(unknown);
    expect(await outcome("Basic red-token", "red")).toBe(unknown);
    expect(await outcome("Bearer red-token", "red")).toBe(open);
    expect(await outcome("bearer both-token", "blue")).toBe(open);
    expect(await outcome("Bearer red-token", "blue")).toBe(denied);
    expect(await outcome("Bearer red-token")).toBe(denied);
    expect(await outcome("Bearer all-token")).toBe(open);
    expect(await outcome("Bearer all-token", "anything")).toBe(open);
  });

  it("decide what the admin service shows and deletes", async () => {
    const { address } = await server({ tokenFile: await temporaryFile("tokens", tokens) });
    const as = (token: string) => new Caller(address, { metadata: { authorization: `Bearer ${token}` } });
    for (const space of ["red", "green", "blue"]) {
      await as("all-token").call(method.createThread, { threadId: "t" }, { metadata: { "cairn-space": space } });
    }
    expect((await as("all-token").call(AdminService.method.listSpaces, {})).spaces).toEqual(["blue", "green", "red"]);
    expect((await as("both-token").call(AdminService.method.listSpaces, {})).spaces).toEqual(["blue", "red"]);
    const page = await as("both-token").call(AdminService.method.listSpaces, { pageSize: 1 });
    expect(page.spaces).toEqual(["blue"]);
    const next = await as("both-token").call(AdminService.method.listSpaces, {
      pageSize: 1,
      pageToken: page.nextPageToken,
    });
    expect(next.spaces).toEqual(["red"]);
    const { code } = await refusal(as("red-token").call(AdminService.method.deleteSpace, { space: "blue" }));
    expect(code).toBe("PERMISSION_DENIED");
    expect((await as("red-token").call(AdminService.method.deleteSpace, { space: "red" })).deletedThreads).toBe(1n);
    expect((await as("all-token").call(AdminService.method.listSpaces, {})).spaces).toEqual(["blue", "green"]);
  });

  it("are not needed for health, and are for reflection", async () => {
    const { address } = await server({ tokenFile: await temporaryFile("tokens", tokens) });
    expect(await health(new Caller(address), "")).toBe("SERVING");
    await expect(reflect(new Caller(address), "v1", { listServices: "*" })).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    const known = new Caller(address, { metadata: { authorization: "Bearer red-token" } });
    expect((await reflect(known, "v1", { listServices: "*" })).listServicesResponse?.service.length).toBeGreaterThan(5);
  });

  it.each([
    ["", "holds no token"],
    ["# only a comment\n", "holds no token"],
    ["secret\n", ":1: expected `TOKEN space"],
    ["secret a b\n", ":1: expected `TOKEN space"],
    ["\nsecret a,,b\n", ":2: an empty name"],
    ["secret a,*\n", ":1: `*` stands alone"],
    ["secret a\nsecret b\n", ":2: this token stands in the file twice"],
    ["sécret a\n", ":1: a token is made of visible ASCII"],
  ])("refuse the file %j without showing a token", async (text, message) => {
    const tokenFile = await temporaryFile("tokens", text);
    const starting = server({ tokenFile });
    await expect(starting).rejects.toThrow(message);
    await expect(starting).rejects.not.toThrow(/s.cret/);
  });
});

describe("transport", () => {
  it("is TLS with a certificate", async () => {
    const certificates = await makeCertificates();
    const { address } = await server({
      tlsCert: certificates.file("server.crt"),
      tlsKey: certificates.file("server.key"),
    });
    const trusting = new Caller(address, { transport: credentials.createSsl(certificates.read("ca.crt")) });
    expect((await refusal(trusting.call(method.getThread, { threadId: "t" }))).code).toBe("NOT_FOUND");
    const plain = new Caller(address);
    expect((await refusal(plain.call(method.getThread, { threadId: "t" }, { deadlineMs: 3000 }))).code).toMatch(
      /UNAVAILABLE|DEADLINE/,
    );
    const doubting = new Caller(address, { transport: credentials.createSsl(certificates.read("other-ca.crt")) });
    expect((await refusal(doubting.call(method.getThread, { threadId: "t" }, { deadlineMs: 3000 }))).code).toMatch(
      /UNAVAILABLE|DEADLINE/,
    );
  });

  it("asks for the client's certificate with a client CA, and for a token besides", async () => {
    const certificates = await makeCertificates();
    const [cert, key] = [certificates.file("server.crt"), certificates.file("server.key")];
    const tokenFile = await temporaryFile("tokens", tokens);
    const options = { tlsCert: cert, tlsKey: key, tlsClientCa: certificates.file("ca.crt") };
    const [mutual, both] = [await server(options), await server({ ...options, tokenFile })];
    const as = (name: string | undefined, address: string, metadata = {}) => {
      const pair = name === undefined ? [] : [certificates.read(`${name}.key`), certificates.read(`${name}.crt`)];
      const transport = credentials.createSsl(certificates.read("ca.crt"), ...pair);
      return refusal(
        new Caller(address, { transport, metadata }).call(method.getThread, { threadId: "t" }, { deadlineMs: 3000 }),
      );
    };
    expect((await as("client", mutual.address)).code).toBe("NOT_FOUND");
    expect((await as("stranger", mutual.address)).code).toMatch(/UNAVAILABLE|DEADLINE/);
    expect((await as(undefined, mutual.address)).code).toMatch(/UNAVAILABLE|DEADLINE/);
    expect((await as("client", both.address)).reason).toBe("TOKEN_INVALID");
    expect((await as("client", both.address, { authorization: "Bearer all-token" })).code).toBe("NOT_FOUND");
  });

  it("says in one line what is wrong with the files", async () => {
    const certificates = await makeCertificates();
    const [tlsCert, tlsKey] = [certificates.file("server.crt"), certificates.file("client.key")];
    await expect(server({ tlsCert, tlsKey })).rejects.toThrow(/^the TLS certificate, key or client CA can't be used: /);
    await expect(server({ tlsCert })).rejects.toThrow("a certificate and its key go together");
    await expect(server({ tlsClientCa: tlsCert })).rejects.toThrow("needs a certificate");
    await expect(server({ tlsCert: "/no/such", tlsKey })).rejects.toThrow(
      "can't read the TLS certificate /no/such: there is no such file",
    );
    await expect(server({ tokenFile: await temporaryFolder() })).rejects.toThrow("it is a folder");
  });
});

describe("starting", () => {
  it("refuses the network without tokens or client certificates", async () => {
    const tokenFile = await temporaryFile("tokens", tokens);
    await expect(server({ listen: "0.0.0.0:0" })).rejects.toThrow("can be reached from other machines");
    await expect(server({ listen: "[::]:0" })).rejects.toThrow("can be reached from other machines");
    expect((await server({ listen: "0.0.0.0:0", insecure: true })).address).toMatch(/^0\.0\.0\.0:\d+$/);
    expect((await server({ listen: "0.0.0.0:0", tokenFile })).address).toMatch(/^0\.0\.0\.0:[1-9]\d*$/);
    expect((await server({ listen: "localhost:0" })).address).toMatch(/^localhost:[1-9]\d*$/);
  });

  it("says in one line what is in the way", async () => {
    const folder = await temporaryFolder();
    const first = await server({ store: { folder } });
    const oneLine = async (starting: Promise<unknown>) => {
      const error = (await starting.catch((thrown: unknown) => thrown)) as Error;
      expect(error.name).toBe("CairnError");
      expect(error.message).not.toContain("\n");
      return error.message;
    };
    expect(await oneLine(server({ listen: first.address }))).toBe(
      `can't listen on ${first.address}: another process listens there`,
    );
    expect(await oneLine(server({ store: { folder } }))).toContain(folder);
    expect(await oneLine(server({ listen: "nonsense" }))).toBe("listen: nonsense is no HOST:PORT");
    expect(await oneLine(server({ listen: "127.0.0.1:99999" }))).toContain("is no HOST:PORT");
    expect(await oneLine(server({ graphsDir: "/no/such" }))).toContain("can't read /no/such");
    const uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300";
    expect(await oneLine(startServer({ store: { uri }, listen: "127.0.0.1:0", logLevel: "silent" }))).not.toBe("");
    await first.stop();
    await (await server({ store: { folder } })).stop();
  });
});
