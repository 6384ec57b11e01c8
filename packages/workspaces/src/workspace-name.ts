import { UsageError } from "@clauderon/core/contract";

/** The name of a workspace is the name of its directory: nothing that leads elsewhere, that a command takes for an option, or that hides. */
export function validateWorkspaceName(name: string): void {
  if (/^[^-./\\\p{Cc}][^/\\\p{Cc}]*$/u.test(name) && Buffer.byteLength(name) <= 255) return;
  throw new UsageError({
    message: `${JSON.stringify(name.slice(0, 100))} cannot be the name of a workspace`,
    why: "it is the name of one directory: without slashes and control characters, and no dash or dot first",
    fix: ["use letters, digits and dashes, for example fix-login"],
    context: { name: name.slice(0, 100) },
  });
}
