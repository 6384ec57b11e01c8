import { SettingsError } from "@clauderon/core/contract";

/** The table `[backends.zellij]`. */
export interface ZellijSettings {
  /** Absolute path of zellij; default: the first one on PATH. */
  readonly program?: string | undefined;
}

/** Rejects what is unknown. */
export function parseZellijSettings(settings: Readonly<Record<string, unknown>>): ZellijSettings {
  for (const [key, value] of Object.entries(settings)) {
    if (key !== "program") {
      throw new SettingsError({
        message: `The zellij backend has no setting "${key}"`,
        fix: ['remove it; "program" is the only one'],
        context: { key },
      });
    }
    if (typeof value !== "string" || value === "") {
      throw new SettingsError({
        message: 'The setting "program" of the zellij backend must be a path',
        fix: ['write it as text: program = "/usr/local/bin/zellij"'],
        context: { key },
      });
    }
  }
  const { program } = settings;
  return typeof program === "string" ? { program } : {};
}
