// Letters between servers: each is read once and in order, whatever is repeated, late or lost.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Letter } from "../../src/gen/cairn/store/v1/letter_pb.ts";
import type { Log } from "../../src/store/log.ts";
import { openMongoLog } from "../../src/store/mongodb/mongodb-log.ts";
import type { Post, PostedLetter } from "../../src/store/post.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { Postbox } from "../../src/workers/lending/postbox.ts";
import { workerTerms } from "../../src/workers/terms.ts";

/** Its methods, free of it. */
function bound(post: Post): Post {
  return {
    want: (server, body) => post.want(server, body),
    wanted: (server) => post.wanted(server),
    send: (letters) => post.send(letters),
    fetch: (server, limit) => post.fetch(server, limit),
    remove: (letters) => post.remove(letters),
  };
}

describe("letters of servers that share a MongoDB", () => {
  let log: Log;
  let post: Post;

  beforeAll(async () => {
    log = await openMongoLog({ uri: inject("mongoUri") }, systemEnvironment);
    post = log.post as Post;
  });
  afterAll(() => log.close());

  const note = (spare: number) => ({ lending: 1n, content: { case: "spare" as const, value: spare } });

  /** A reader, and what it has read and missed so far. */
  function reader(server: string, of: Post = post) {
    const [read, gaps]: [string[], string[]] = [[], []];
    const postbox = new Postbox(of, server);
    const hear = (from: string, { content }: Letter): void => void read.push(`${from[0]}${content.value}`);
    return { read, gaps, fetch: () => postbox.fetch(hear, (from) => gaps.push(from)) };
  }

  it("are read once and in order, also when they are sent and fetched again", async () => {
    const [a, b, to] = [`a${randomUUID()}`, `b${randomUUID()}`, randomUUID()];
    const [fromA, fromB] = [new Postbox(post, a), new Postbox(post, b)];
    const sent: PostedLetter[] = [];
    const keeping: Post = { ...bound(post), send: async (letters) => void sent.push(...letters) };
    const repeated = new Postbox(keeping, a);
    for (let n = 1; n <= 150; n++) {
      fromA.write(to, note(n));
      repeated.write(to, note(n));
      if (n <= 3) fromB.write(to, note(n));
    }
    await Promise.all([fromA.send(), fromA.send(), fromB.send(), repeated.send()]);
    await post.send(sent);
    // The first that reads can't remove: it meets the same letters again, and hears them once.
    let isStuck = true;
    const stuck: Post = {
      ...bound(post),
      remove: async (letters) => {
        if (isStuck) throw new Error("not now");
        await post.remove(letters);
      },
    };
    const { read, fetch } = reader(to, stuck);
    await expect(fetch()).rejects.toThrow("not now");
    isStuck = false;
    await fetch();
    expect(read.filter((line) => line.startsWith("a"))).toEqual(Array.from({ length: 150 }, (_, n) => `a${n + 1}`));
    expect(read.filter((line) => line.startsWith("b"))).toEqual(["b1", "b2", "b3"]);
    expect(await fetch()).toBe(0);
  });

  it("wait for one that is missing, for a while", async () => {
    const [from, to] = [`a${randomUUID()}`, randomUUID()];
    const kept: PostedLetter[] = [];
    const writer = new Postbox({ ...bound(post), send: async (letters) => void kept.push(...letters) }, from);
    for (let n = 1; n <= 4; n++) writer.write(to, note(n));
    await writer.send();
    const [first, second, third, fourth] = kept as [PostedLetter, PostedLetter, PostedLetter, PostedLetter];
    const { read, gaps, fetch } = reader(to);
    await post.send([first, third]);
    await fetch();
    expect(read).toEqual(["a1"]);
    await post.send([second]);
    await fetch();
    expect(read).toEqual(["a1", "a2", "a3"]);
    expect(gaps).toEqual([]);
    await post.send([{ ...fourth, n: 5 }]);
    for (let look = 0; look < workerTerms.letterMissesMax; look++) await fetch();
    expect(gaps).toEqual([from]);
    expect(read).toEqual(["a1", "a2", "a3", "a4"]);
  });

  it("and what a server looks for are for the others, until it is taken back", async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const of = async (server: string) => (await post.wanted(server)).filter((want) => want.server === a);
    await post.want(a, Buffer.from("one"));
    await post.want(a, Buffer.from("two"));
    expect((await of(b)).map(({ body }) => Buffer.from(body).toString())).toEqual(["two"]);
    expect(await of(a)).toEqual([]);
    await post.want(a, undefined);
    expect(await of(b)).toEqual([]);
  });
});
