import { ClauderonError, type ClauderonErrorOptions } from "./clauderon-error.ts";

/** A configuration file that cannot be read or says something unknown. */
export class SettingsError extends ClauderonError<"settings.invalid" | "settings.unreadable"> {
  constructor(
    options: Omit<ClauderonErrorOptions, "code"> & { readonly code?: "settings.invalid" | "settings.unreadable" },
  ) {
    super({ code: "settings.invalid", ...options });
  }
}
