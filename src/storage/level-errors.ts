/** Another process has the data directory. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse";
}

/** LevelDB's code for an error, "" when it is no error of LevelDB. The error that tells the reason is wrapped. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const inner = codeOf(error.cause);
  if (inner !== "") return inner;
  return "code" in error && typeof error.code === "string" && error.code.startsWith("LEVEL_") ? error.code : "";
}
