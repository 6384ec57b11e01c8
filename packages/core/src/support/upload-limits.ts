import { RequestError } from "../contract/errors/request-error.ts";
import { UsageError } from "../contract/errors/usage-error.ts";

const MIB = 1024 * 1024;

/** A file, and all files of a session together. */
export const uploadLimits: {
  readonly fileBytes: number;
  readonly sessionBytes: number;
  readonly sessionFiles: number;
  readonly nameBytes: number;
} = { fileBytes: 32 * MIB, sessionBytes: 256 * MIB, sessionFiles: 1000, nameBytes: 200 };

/** Names with which some system means something else than a file, or the file that keeps git away. */
const RESERVED = /^(?:\.{1,2}|\.git.*|(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?)$/iu;

/** Throws `usage.invalid` for what is no plain name of a file, `request.too-large` for one that is too large. */
export function checkUpload(name: string, sizeBytes: number): void {
  const why = whyNoName(name);
  if (why !== undefined)
    throw new UsageError({
      message: `A file cannot be put into a session as ${JSON.stringify(name.slice(0, 80))}`,
      why,
      fix: ["give it another name, without a directory: cp FILE NAME, and upload that"],
      context: { name: name.slice(0, 200) },
    });
  if (sizeBytes > uploadLimits.fileBytes)
    throw tooLarge(
      `${JSON.stringify(name)} is too large to be put into a session`,
      `it has ${mib(sizeBytes)}, ${mib(uploadLimits.fileBytes)} are the most`,
    );
}

/** Throws `request.too-large` when there would be too much. */
export function checkUploads(there: { readonly files: number; readonly bytes: number }, sizeBytes: number): void {
  const { sessionFiles, sessionBytes } = uploadLimits;
  if (there.files >= sessionFiles)
    throw tooLarge("No more files can be put into this session", `it has ${String(there.files)}, which are the most`);
  if (there.bytes + sizeBytes > sessionBytes)
    throw tooLarge(
      "No more can be put into this session",
      `its files have ${mib(there.bytes)} by now, ${mib(sessionBytes)} are the most`,
    );
}

function whyNoName(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (/[/\\]/u.test(name)) return "it names a directory";
  if (/\p{Cc}/u.test(name)) return "it holds a control character";
  if (!name.isWellFormed()) return "it is no text";
  if (Buffer.byteLength(name) > uploadLimits.nameBytes) return `${String(uploadLimits.nameBytes)} bytes are the most`;
  if (RESERVED.test(name) || /[. ]$/u.test(name)) return "such a name means something else";
  return undefined;
}

function tooLarge(message: string, why: string): RequestError {
  return new RequestError({
    code: "request.too-large",
    message,
    why,
    fix: [
      "remove files that it does not need any more: clauderon exec NAME -- ls -l .clauderon/uploads",
      "bring large files in otherwise: commit them, or name them in .worktreeinclude and create a session",
    ],
  });
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
