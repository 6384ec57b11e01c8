/** The session's one pane. */
export interface PaneCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * The layout of a session: the agent's pane without frames and bars, held when its command has ended. The key bindings in it are laid over the
 * user's own: zellij merges what a layout says into the configuration and the layout wins. A user who works in zellij's locked mode keeps every key.
 */
export function zellijLayout(command: PaneCommand): string {
  return [
    "layout {",
    `    pane command=${quoteKdl(command.program)} name="agent" close_on_exit=false borderless=true {`,
    `        args ${command.args.map(quoteKdl).join(" ")}`,
    "    }",
    "}",
    "keybinds {",
    '    shared_except "locked" "pane" {',
    '        bind "Ctrl p" { SwitchToMode "Pane"; }',
    "    }",
    "    pane {",
    '        bind "d" { Detach; }',
    '        bind "q" { Quit; }',
    "    }",
    "}",
    "",
  ].join("\n");
}

// oxlint-disable-next-line no-control-regex -- control characters are what has to be escaped
const special = /[\\"\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/gu;

/** A KDL string that means exactly the text. */
export function quoteKdl(text: string): string {
  return `"${text.replace(special, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  if (character === "\\" || character === '"') return `\\${character}`;
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
