import manifest from "../../package.json" with { type: "json" };

/** Cairn's version. */
export const version: string = manifest.version;
