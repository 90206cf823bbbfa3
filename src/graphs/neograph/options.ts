/** What an import may be told. */
export interface ImportOptions {
  /** What custom node types and conditions become. */
  kind: "module" | "worker";
  /** Node type or condition to the function that takes its place. Others keep their own names. */
  functions?: ReadonlyMap<string, string>;
}
