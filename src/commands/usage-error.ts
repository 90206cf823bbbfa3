/** A command line, file or value that makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
