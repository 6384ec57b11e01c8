/** One setting of a git configuration file; a key without `=` has the value `true`. */
export interface GitConfigEntry {
  /** Lower case but for the subsection: `remote.Origin.url`. */
  readonly key: string;
  readonly value: string;
}

/** Reads the text of a git configuration file (git-config(1), "Syntax"). Includes are not followed; a line that makes no sense ends the reading. */
export function parseGitConfig(text: string): readonly GitConfigEntry[] {
  const entries: GitConfigEntry[] = [];
  const reader = { text: text.replace(/^\uFEFF/u, "").replaceAll("\r\n", "\n"), at: 0 };
  let section = "";
  for (;;) {
    skip(reader, /[\s]*/uy);
    if (reader.at >= reader.text.length) return entries;
    if (take(reader, /[#;][^\n]*/uy) !== undefined) continue;
    const header = take(reader, /\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\\n]|\\[^\n])*)")?\]/uy);
    if (header !== undefined) {
      const subsection = header[2]?.replaceAll(/\\(.)/gu, "$1");
      section = (header[1] ?? "").toLowerCase() + (subsection === undefined ? "" : `.${subsection}`);
      continue;
    }
    const name = take(reader, /[A-Za-z][A-Za-z0-9-]*/uy)?.[0];
    if (name === undefined || section === "") return entries;
    skip(reader, /[ \t]*/uy);
    const value = take(reader, /=/uy) === undefined ? "true" : readValue(reader);
    if (value === undefined) return entries;
    entries.push({ key: `${section}.${name.toLowerCase()}`, value });
  }
}

/** The text of a configuration file with these settings. */
export function formatGitConfig(entries: readonly GitConfigEntry[]): string {
  return entries.map(formatEntry).join("");
}

function formatEntry({ key, value }: GitConfigEntry): string {
  const first = key.indexOf(".");
  const last = key.lastIndexOf(".");
  const subsection = first === last ? "" : ` "${escapeQuoted(key.slice(first + 1, last))}"`;
  const quoted = escapeQuoted(value)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\t", String.raw`\t`);
  return `[${key.slice(0, first)}${subsection}]\n\t${key.slice(last + 1)} = "${quoted}"\n`;
}

function escapeQuoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', String.raw`\"`);
}

interface Reader {
  readonly text: string;
  at: number;
}

function take(reader: Reader, sticky: RegExp): RegExpExecArray | undefined {
  sticky.lastIndex = reader.at;
  const match = sticky.exec(reader.text);
  if (match === null) return undefined;
  reader.at += match[0].length;
  return match;
}

function skip(reader: Reader, sticky: RegExp): void {
  take(reader, sticky);
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", '"': '"', "\\": "\\", "\n": "" };

function readValue(reader: Reader): string | undefined {
  let value = "";
  let kept = 0;
  let isQuoted = false;
  skip(reader, /[ \t]*/uy);
  for (; reader.at < reader.text.length; reader.at += 1) {
    const character = reader.text.charAt(reader.at);
    if (character === "\n") break;
    if (character === '"') {
      isQuoted = !isQuoted;
      kept = value.length;
    } else if (character === "\\") {
      reader.at += 1;
      const escaped = escapes[reader.text.charAt(reader.at)];
      if (escaped === undefined) return undefined;
      value += escaped;
      kept = value.length;
    } else if (!isQuoted && (character === "#" || character === ";")) {
      skip(reader, /[^\n]*/uy);
      break;
    } else {
      value += character;
      if (isQuoted || !/\s/u.test(character)) kept = value.length;
    }
  }
  return isQuoted ? undefined : value.slice(0, kept);
}
