/** What an index is to say of a path. */
export interface IndexLine {
  /** Bytes, held one per character. */
  readonly path: string;
  /** `000000`: nothing. */
  readonly mode: string;
  readonly object: string;
  /** Default 0. */
  readonly stage?: number | undefined;
}

/**
 * For `git update-index -z --index-info`: what goes stands before what comes, as a path may become a directory, and higher stages stand beside what is there
 * only when that is gone. `like` is an object's name.
 */
export function indexInfo(lines: readonly IndexLine[], like: string): Buffer {
  const nothing = "0".repeat(like.length);
  const gone = lines.filter(({ mode, stage = 0 }) => stage > 0 || mode === "000000");
  const there = lines.filter(({ mode }) => mode !== "000000");
  const text = [
    ...gone.map(({ path }) => `0 ${nothing}\t${path}\0`),
    ...there.map(({ path, mode, object, stage = 0 }) => `${mode} ${object} ${String(stage)}\t${path}\0`),
  ];
  return Buffer.from(text.join(""), "latin1");
}
