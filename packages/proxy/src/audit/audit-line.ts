import type { AuditEntry, AuditRecord } from "./audit-entry.ts";

const longestPath = 2048;
const longestWord = 256;
const redacted = "[redacted]";

/** Credentials with a shape of their own, wherever they stand: vendors' prefixes and JSON web tokens. Before them stands no letter, except that of a JSON escape. */
const credentialShape =
  /(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt]))(?:sk-[\w-]{20,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|npm_\w{30,}|pypi-Ag[\w-]{16,}|xox[abprs]-[\w-]{16,}|AIza[\w-]{30,}|AKIA[A-Z0-9]{16}|dckr_pat_[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)/;
const credentialShapes = new RegExp(credentialShape, "g");

/** An entry as one line of ASCII JSON with its newline: values of the query and credentials are redacted, long texts cut, and nothing in it can begin a new line or move a terminal's cursor. */
export function auditLine(entry: AuditEntry, time: Date): string {
  return plainLine(entry, time) ?? anyLine(entry, time);
}

/** Printable ASCII without what JSON escapes, and short enough that nothing is cut. */
const plainText = /^[ !#-[\]-~]{0,256}$/;
const plainTextLimit = 1000;

/** Paths come again; each is looked at once. */
const knownTexts = new Map<string, boolean>();

function isKnownPlain(text: string): boolean {
  const known = knownTexts.get(text);
  if (known !== undefined) return known;
  const isPlain = isPlainText(text);
  if (knownTexts.size >= plainTextLimit) knownTexts.clear();
  knownTexts.set(text, isPlain);
  return isPlain;
}

function isPlainText(text: string): boolean {
  return plainText.test(text) && !credentialShape.test(text);
}

let stampMs = Number.NaN;
let stamp = "";

/** Lines come many to the millisecond. */
function timestamp(time: Date): string {
  const timeMs = time.getTime();
  if (timeMs === stampMs) return stamp;
  stamp = time.toISOString();
  stampMs = timeMs;
  return stamp;
}

/** Of the proxy's own making; nothing of this shape is a credential. */
const ownCorrelation = /^[0-9a-f]{12}-[0-9a-z]{1,8}$/;

/** What the lines of one session's requests to one host have in common, between what differs. */
interface LineShape {
  readonly of: AuditEntry;
  readonly beforePath: string;
  readonly beforeStatus: string;
  readonly beforeSizes: string;
}

const shapes: LineShape[] = [];
const shapeLimit = 16;
let nextShape = 0;

/** The shape of an entry whose texts need no care. */
function shapeOf(entry: AuditEntry): LineShape | undefined {
  for (const shape of shapes) if (hasShape(entry, shape.of)) return shape;
  const { sessionId, sessionName, scheme, ruleId, secret, reason, host, method } = entry;
  for (const text of [host, method, sessionId, sessionName, scheme, ruleId, secret, reason])
    if (text !== undefined && !isPlainText(text)) return undefined;
  const shape: LineShape = {
    of: entry,
    beforePath: `","session_id":${sessionId === undefined ? "null" : `"${sessionId}"`},"service":"${host}","method":"${method}","path":"`,
    beforeStatus: `","auth_injected":${entry.decision === "injected"},"response_code":`,
    beforeSizes:
      `,"decision":"${entry.decision}","kind":"${entry.kind}"${member("session_name", sessionName)}${member("scheme", scheme)},"port":${entry.port}` +
      `${member("rule", ruleId)}${member("secret", secret)}${member("reason", reason)}`,
  };
  shapes[nextShape] = shape;
  nextShape = (nextShape + 1) % shapeLimit;
  return shape;
}

function hasShape(entry: AuditEntry, of: AuditEntry): boolean {
  return (
    entry.host === of.host &&
    entry.sessionId === of.sessionId &&
    entry.method === of.method &&
    entry.decision === of.decision &&
    entry.kind === of.kind &&
    entry.port === of.port &&
    entry.ruleId === of.ruleId &&
    entry.secret === of.secret &&
    entry.reason === of.reason &&
    entry.scheme === of.scheme &&
    entry.sessionName === of.sessionName
  );
}

/** The line of an entry whose texts need no care, as nearly all do: the same as `anyLine` writes, in an eighth of the time. */
function plainLine(entry: AuditEntry, time: Date): string | undefined {
  const { correlationId, durationMs, path = "" } = entry;
  if ((entry.query !== undefined && entry.query !== "") || entry.missing !== undefined) return undefined;
  if (!isKnownPlain(path) || !(ownCorrelation.test(correlationId) || isPlainText(correlationId))) return undefined;
  const shape = shapeOf(entry);
  if (shape === undefined) return undefined;
  const duration = durationMs === undefined ? null : Math.round(durationMs * 1000) / 1000;
  return (
    `{"timestamp":"${timestamp(time)}","correlation_id":"${correlationId}${shape.beforePath}${path}` +
    `${shape.beforeStatus}${entry.status ?? null},"duration_ms":${duration}${shape.beforeSizes}` +
    `${count("bytes_sent", entry.bytesSent)}${count("bytes_received", entry.bytesReceived)}}\n`
  );
}

function member(name: string, text: string | undefined): string {
  return text === undefined ? "" : `,"${name}":"${text}"`;
}

function count(name: string, value: number | undefined): string {
  return value === undefined ? "" : `,"${name}":${value}`;
}

/** The line of any entry. */
export function anyLine(entry: AuditEntry, time: Date): string {
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
    missing: entry.missing,
  };
  const json = JSON.stringify(record);
  const isSuspect = credentialShape.test(fromClient(record));
  return `${ascii(isSuspect ? json.replaceAll(credentialShapes, redacted) : json)}\n`;
}

/** Every text that does not come from here. */
function fromClient(record: AuditRecord): string {
  const { service, method, path, correlation_id, session_id, session_name, reason, rule, secret } = record;
  return `${service}\n${method}\n${path}\n${correlation_id}\n${session_id ?? ""}\n${session_name ?? ""}\n${reason ?? ""}\n${rule ?? ""}\n${secret ?? ""}`;
}

/** A path with the names of its parameters and none of their values. */
function redactPath(path: string, query: string): string {
  const visible = cut(path, longestPath);
  if (query === "") return visible;
  const names = cut(query, longestPath)
    .split("&")
    .map((pair) => {
      const at = pair.indexOf("=");
      // Without a name the whole text may be a value.
      return at <= 0 ? redacted : `${pair.slice(0, at)}=${redacted}`;
    });
  return `${visible}?${names.join("&")}`;
}

function word(text: string): string {
  return cut(text, longestWord);
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
