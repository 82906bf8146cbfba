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

/** Whether LevelDB found its own files damaged. A place outside of a file is one way to find that. */
export function isCorruption(error: unknown): boolean {
  if (codeOf(error) === "LEVEL_CORRUPTION") return true;
  return codeOf(error) === "LEVEL_IO_ERROR" && textsOf(error).includes("Invalid argument");
}

function textsOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${textsOf(error.cause)}` : "";
}
