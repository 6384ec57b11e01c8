/** Finds the line of a key in a TOML text; a number in the path counts the `[[tables]]` of one name. */
export type TomlLineOf = (path: readonly PropertyKey[]) => number;

interface Place {
  readonly path: string;
  readonly line: number;
}

const word = String.raw`(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)`;
const dotted = String.raw`${word}(?:[ \t]*\.[ \t]*${word})*`;
const header = new RegExp(String.raw`^[ \t]*(\[\[?)[ \t]*(${dotted})[ \t]*\]`);
const assignment = new RegExp(String.raw`^[ \t]*(${dotted})[ \t]*=(.*)$`);

/** Reads where tables and keys stand. The text is valid TOML. Keys within inline tables have the line of the key that holds them. */
export function tomlLines(text: string): TomlLineOf {
  const places: Place[] = [];
  const counts = new Map<string, number>();
  let table: readonly PropertyKey[] = [];
  let ending: string | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const line = index + 1;
    if (ending !== undefined) {
      if (content.includes(ending)) ending = undefined;
      continue;
    }
    const table_ = header.exec(content);
    if (table_ !== null) {
      table = tablePath(words(table_[2] ?? ""), { isArray: table_[1] === "[[", counts });
      places.push({ path: pathKey(table), line });
      continue;
    }
    const [, key, value = ""] = assignment.exec(content) ?? [];
    if (key === undefined) continue;
    places.push({ path: pathKey([...table, ...words(key)]), line });
    const quote = /^[ \t]*("""|''')/.exec(value)?.[1];
    if (quote !== undefined && !value.trimStart().slice(3).includes(quote)) ending = quote;
  }
  return (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const place = places.find((entry) => entry.path === pathKey(path.slice(0, length)));
      if (place !== undefined) return place.line;
    }
    return 1;
  };
}

function tablePath(
  names: readonly string[],
  { isArray, counts }: { readonly isArray: boolean; readonly counts: Map<string, number> },
): readonly PropertyKey[] {
  const path: PropertyKey[] = [];
  for (const [index, name] of names.entries()) {
    path.push(name);
    const key = pathKey(path);
    const count = counts.get(key);
    if (isArray && index === names.length - 1) {
      counts.set(key, (count ?? -1) + 1);
      path.push((count ?? -1) + 1);
    } else if (count !== undefined) {
      path.push(count);
    }
  }
  return path;
}

function words(key: string): readonly string[] {
  return (key.match(new RegExp(word, "g")) ?? []).map((part) => part.replace(/^["'](.*)["']$/, "$1"));
}

function pathKey(path: readonly PropertyKey[]): string {
  return path.map(String).join("\0");
}
