/** What a GraphQL document holds, as far as access needs it. */
export interface GraphqlSummary {
  /** Of every operation of the document, whichever one is asked for. */
  readonly operations: readonly ("query" | "mutation" | "subscription")[];
  /** Every name in the document outside strings and comments. */
  readonly names: ReadonlySet<string>;
}

const token =
  /"""(?:[^"\\]|\\"""|\\|"(?!""))*"""|"(?:[^"\\\n\r]|\\.)*"|#[^\n\r]*|[A-Za-z_]\w*|\.\.\.|[{}]|[\s,\uFEFF]+|[!$&()=:@[\]|\d.eE+-]/gy;

/**
 * Reads the operations of a document without a schema (GraphQL, October 2021, §2): names at depth 0 that begin a definition. `undefined` when it is not one that
 * can be read for certain.
 */
export function summarizeGraphql(document: string): GraphqlSummary | undefined {
  const operations: GraphqlSummary["operations"][number][] = [];
  const names = new Set<string>();
  let depth = 0;
  let position = 0;
  let isDefinitionStart = true;
  let brackets = 0;
  token.lastIndex = 0;
  for (let match = token.exec(document); match !== null; match = token.exec(document)) {
    const [text] = match;
    position = token.lastIndex;
    const first = text[0] ?? "";
    if (/["#\s,\uFEFF]/.test(first)) continue;
    if (first === "(" || first === "[") brackets += 1;
    if (first === ")" || first === "]") brackets -= 1;
    if (/[A-Za-z_]/.test(first)) names.add(text);
    if (depth === 0 && brackets === 0 && isDefinitionStart) {
      if (first === "{") operations.push("query");
      else if (text === "query" || text === "mutation" || text === "subscription") operations.push(text);
      else if (text !== "fragment") return undefined;
      isDefinitionStart = false;
    }
    if (first === "{") depth += 1;
    if (first === "}") depth -= 1;
    if (depth < 0 || brackets < 0) return undefined;
    if (first === "}" && depth === 0 && brackets === 0) isDefinitionStart = true;
  }
  if (position !== document.length || depth !== 0 || brackets !== 0 || !isDefinitionStart) return undefined;
  return operations.length === 0 ? undefined : { operations, names };
}
