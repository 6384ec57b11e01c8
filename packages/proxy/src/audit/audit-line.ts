import type { AuditEntry, AuditRecord } from "./audit-entry.ts";

const longestPath = 2048;
const longestWord = 256;
const redacted = "[redacted]";

/** Credentials with a shape of their own, wherever they stand: vendors' prefixes and JSON web tokens. */
const credentialShapes =
  /(?:sk-(?:ant-)?[\w-]{8,}|gh[opsur]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|npm_\w{8,}|pypi-[\w-]{8,}|xox[abprs]-[\w-]{8,}|AIza[\w-]{20,}|AKIA[A-Z0-9]{12,}|dckr_pat_[\w-]{8,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)/g;

/** An entry as one line of ASCII JSON with its newline: values of the query and credentials are redacted, long texts cut, and nothing in it can begin a new line or move a terminal's cursor. */
export function auditLine(entry: AuditEntry, time: Date): string {
  const record: AuditRecord = {
    timestamp: time.toISOString(),
    correlation_id: word(entry.correlationId),
    session_id: entry.sessionId === undefined ? null : word(entry.sessionId),
    service: word(entry.host),
    method: word(entry.method),
    path: redactPath(entry.path ?? "", entry.query ?? ""),
    auth_injected: entry.decision === "injected",
    response_code: entry.status ?? null,
    duration_ms: entry.durationMs === undefined ? null : Math.round(entry.durationMs * 1000) / 1000,
    decision: entry.decision,
    kind: entry.kind,
    session_name: entry.sessionName === undefined ? undefined : word(entry.sessionName),
    scheme: entry.scheme === undefined ? undefined : word(entry.scheme),
    port: entry.port,
    rule: entry.ruleId === undefined ? undefined : word(entry.ruleId),
    secret: entry.secret === undefined ? undefined : word(entry.secret),
    reason: entry.reason === undefined ? undefined : word(entry.reason),
    bytes_sent: entry.bytesSent,
    bytes_received: entry.bytesReceived,
  };
  return `${ascii(JSON.stringify(record))}\n`;
}

/** A path with the names of its parameters and none of their values. */
export function redactPath(path: string, query: string): string {
  const visible = cut(path, longestPath).replaceAll(credentialShapes, redacted);
  if (query === "") return visible;
  const names = cut(query, longestPath)
    .split("&")
    .map((pair) => {
      const at = pair.indexOf("=");
      // Without a name the whole text may be a value.
      return at <= 0 ? redacted : `${pair.slice(0, at).replaceAll(credentialShapes, redacted)}=${redacted}`;
    });
  return `${visible}?${names.join("&")}`;
}

function word(text: string): string {
  return cut(text, longestWord).replaceAll(credentialShapes, redacted);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…(${text.length} characters)`;
}

// JSON leaves DEL, the C1 controls (8-bit escape sequences), line separators and direction marks as they are.
function ascii(json: string): string {
  return json.replaceAll(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
