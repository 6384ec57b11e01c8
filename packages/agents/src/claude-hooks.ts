/** Where Claude Code stops to tell: turns, tools, questions, and its own beginning and end. */
const events = [
  "SessionStart",
  "UserPromptSubmit",
  "PreToolUse",
  "PermissionRequest",
  "PostToolUse",
  "Notification",
  "SubagentStop",
  "Stop",
  "SessionEnd",
];
/** Seconds; the command itself gives up far earlier. */
const timeout = 5;

/** The `hooks` of its settings, each running the command. A shell reads it. */
export function claudeHooks(command: readonly string[]): Readonly<Record<string, readonly object[]>> {
  const hooks = [{ type: "command", command: command.map(quoted).join(" "), timeout }];
  return Object.fromEntries(events.map((event) => [event, [{ hooks }]]));
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
