/** The names and values of a query as the most lenient server reads them: `&` and `;` separate, `+` is a space, escapes are decoded, names in lower case. */
export function queryPairs(query: string): readonly (readonly [name: string, value: string])[] {
  if (query === "") return [];
  return query.split(/[&;]/).map((pair) => {
    const at = pair.indexOf("=");
    const name = at === -1 ? pair : pair.slice(0, at);
    return [decodeForm(name).trim().toLowerCase(), at === -1 ? "" : decodeForm(pair.slice(at + 1))];
  });
}

function decodeForm(text: string): string {
  return text
    .replaceAll("+", " ")
    .replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
}
