import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CairnError } from "../../errors.ts";
import { PatchSchema } from "../../gen/cairn/store/v1/record_pb.ts";
import { basesOf } from "../value-bases.ts";
import { diff } from "./diff.ts";
import { decodeHunks, encodeHunks } from "./hunks.ts";
import { Rope } from "./rope.ts";
import { following, stepsOf, type Version } from "./succession.ts";

const text = (content: string) => new TextEncoder().encode(content);

async function rebuilt(base: Uint8Array, next: Uint8Array): Promise<{ bytes: Uint8Array; patch: Uint8Array }> {
  const patch = encodeHunks(await diff(base, next));
  return { bytes: await new Rope([base]).patched(decodeHunks(patch, "it"), "it").joined(), patch };
}

/** A long text, and what becomes of it by a few edits. */
const edited = fc
  .tuple(
    fc.array(fc.string({ minLength: 30, maxLength: 60 }), { maxLength: 60 }),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 80 }), fc.string({ maxLength: 90 })), { maxLength: 8 }),
  )
  .map(([lines, edits]) => {
    const base = lines.join("\n");
    const next = edits.reduce((changed, [at, removed, added]) => {
      const from = at % (changed.length + 1);
      return changed.slice(0, from) + added + changed.slice(from + removed);
    }, base);
    return [text(base), text(next)] as const;
  });

describe("a patch", () => {
  it("makes the next value of its base, whatever the two are", async () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(edited, fc.tuple(bytes, bytes)), async ([base, next]) => {
        expect((await rebuilt(base, next)).bytes).toEqual(next);
      }),
    );
  });

  it("is as small as the change: at the end, in the middle, in many places, or nowhere", async () => {
    const line = (i: number, word = "value") => `{"id":${i},"text":"the ${word} number ${i * 7919} of many"}\n`;
    const lines = Array.from({ length: 5_000 }, (_, i) => line(i));
    const base = text(lines.join(""));
    const with_ = (change: (lines: string[]) => void) => {
      const changed = [...lines];
      change(changed);
      return text(changed.join(""));
    };
    const size = async (next: Uint8Array) => (await rebuilt(base, next)).patch.length;
    expect(await size(base)).toBeLessThan(10);
    const counted = with_((all) => {
      for (let i = 0; i < 5_000; i += 100) all[i] = line(i).replace("number", "NUMBER");
    });
    expect(await size(counted)).toBeLessThan(50 * 14);
    expect(await size(with_((all) => all.push(line(5_000))))).toBeLessThan(80);
    expect(await size(with_((all) => all.splice(2_500, 1)))).toBeLessThan(20);
    const inTwenty = with_((all) => {
      for (let i = 100; i < 5_000; i += 250) all[i] = line(i, "changed value");
    });
    expect(await size(inTwenty)).toBeLessThan(20 * 40);
  });

  it("of a longer array finds its place again behind the head, which counts the elements", async () => {
    const base = Buffer.concat([Buffer.from([0xdc, 0x00, 0x10]), Buffer.alloc(5_000, "abcdefghijklmnopq")]);
    const next = Buffer.concat([Buffer.from([0xdc, 0x00, 0x11]), base.subarray(3), Buffer.from("one more")]);
    const { bytes, patch } = await rebuilt(base, next);
    expect(bytes).toEqual(new Uint8Array(next));
    expect(patch.length).toBeLessThan(60);
  });

  it("that is damaged is refused", async () => {
    const base = text("a value that is long enough to be copied from");
    const patch = encodeHunks([{ literal: text("x"), from: 5, length: 20 }]);
    const damaged = [patch.subarray(0, 2), patch.subarray(0, patch.length - 1), Uint8Array.of(0xff, 0xff, 0xff)];
    const beyond = encodeHunks([{ literal: text(""), from: 40, length: 20 }]);
    for (const bytes of [...damaged, beyond]) {
      const apply = () => new Rope([base]).patched(decodeHunks(bytes, "it"), "it");
      expect(apply).toThrow(CairnError);
    }
  });
});

describe("the tree of versions", () => {
  it("leads to each in a few dozen steps, and to the one stored whole", () => {
    const lengths = new Map<number, number>();
    const wrong: number[] = [];
    let last: Pick<Version, "place" | "stored"> | undefined;
    for (let n = 1; n <= 34_000; n++) {
      const place = { n, index: 2 };
      const stored: Version["stored"] = { type: "json", crc32: 0, sizeBytes: 2_000n };
      if (last) {
        const { version, base, path } = following(last);
        stored.patch = create(PatchSchema, { version, path: stepsOf(n, path) });
        const bases = basesOf(place, stored);
        const isRight =
          version === n - 1 &&
          bases.length === path.length &&
          bases.every((at, i) => at.n === path[i]?.n && at.index === 2) &&
          bases[0]?.n === base.n &&
          bases.at(-1)?.n === 1 &&
          lengths.get(base.n) === bases.length - 1;
        if (!isRight) wrong.push(n);
      }
      lengths.set(n, stored.patch ? stored.patch.path.length / 2 : 0);
      last = { place, stored };
    }
    expect(wrong).toEqual([]);
    expect(Math.max(...lengths.values())).toBe(31 * 3);
  });
});
