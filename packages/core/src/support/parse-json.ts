import { FileError } from "../contract/errors/file-error.ts";

/** The value of a JSON text. `place` names where it came from: a path, a program. Throws `file.failed` when it is not JSON. */
export function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FileError({
      message: `${place} is not JSON`,
      why: error instanceof Error ? error.message : String(error),
      fix: [`correct ${place}`],
      context: { place },
      cause: error,
    });
  }
}
