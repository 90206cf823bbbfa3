// The code that comes from the .proto files: how it is made, and where it is kept.
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const templates = ["buf.gen.yaml", "clients/typescript/buf.gen.yaml"];
const folders = ["src/gen", "clients/typescript/src/gen"];

export interface Difference {
  file: string;
  /** What the file should hold; undefined if it should not exist. */
  wanted: string | undefined;
}

/** Generates into a temporary folder and tells where the kept files differ. */
export function differences(): Difference[] {
  const temporary = mkdtempSync(join(tmpdir(), "cairn-generate-"));
  try {
    for (const template of templates) {
      execFileSync("buf", ["generate", "--template", template, "-o", temporary], {
        stdio: ["ignore", "inherit", "inherit"],
      });
    }
    const wanted = new Map(filesUnder(temporary).map((file) => [file, readFileSync(join(temporary, file), "utf8")]));
    const files = [...new Set([...wanted.keys(), ...filesUnder(".")])].sort();
    return files
      .filter((file) => !existsSync(file) || readFileSync(file, "utf8") !== wanted.get(file))
      .map((file) => ({ file, wanted: wanted.get(file) }));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Brings one kept file in line. Files that are right already are never touched, so running programs don't notice. */
export function apply({ file, wanted }: Difference): void {
  if (wanted === undefined) {
    rmSync(file);
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, wanted);
}

function filesUnder(root: string): string[] {
  return folders.flatMap((folder) => globSync(`${folder}/**/*_pb.ts`, { cwd: root }));
}
