import { createHash } from "node:crypto";

import { WorkspaceError } from "@clauderon/core/contract";

const schemes = new Set(["https", "http", "ssh", "file"]);

/** True for what is meant as an address rather than a path: `scheme://…`, `helper::…`, `user@host:path`. */
export function isRepositoryUrl(text: string): boolean {
  return (
    /^[A-Za-z][A-Za-z0-9+.-]*:(?:\/\/|:)/u.test(text) || /^[^/\s:]+@[^/:\s]+:/u.test(text) || /^-[^/]*:\/\//u.test(text)
  );
}

/** Rejects what could make git run a program, read an option, or confuse a credential helper. */
export function validateRepositoryUrl(url: string): void {
  const reason = whyRefused(url);
  if (reason === undefined) return;
  throw new WorkspaceError({
    code: "repository.not-found",
    message: "This address of a repository is refused",
    why: reason,
    fix: [
      "give it as https://host/path, ssh://user@host/path, user@host:path or file:///path",
      "or clone it yourself and give the path",
    ],
    context: { url: redactUrl(JSON.stringify(url)) },
  });
}

function whyRefused(url: string): string | undefined {
  if (/\p{Cc}/u.test(url) || /%(?:0[0-9a-f]|1[0-9a-f]|7f)/iu.test(url))
    return "it holds a control character, plain or encoded";
  if (url.startsWith("-")) return "it starts with a dash, which git would read as an option";
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//u.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const short = /^([^/\s:@]+)@([^/:\s]+):(.+)$/u.exec(url);
    if (short === null) return "it names a transport that may run programs";
    return short.slice(1).some((part) => part.startsWith("-"))
      ? "a part of it starts with a dash, which ssh or git would read as an option"
      : undefined;
  }
  if (!schemes.has(scheme))
    return `${scheme}:// is not among the transports that are used (${[...schemes].join(", ")})`;
  const authority = url.slice(scheme.length + 3).split(/[/?#]/u, 1)[0] ?? "";
  if (authority === "" && scheme !== "file") return "it names no host";
  const parts = decoded(authority).split(/[@:]/u);
  return parts.some((part) => part.startsWith("-"))
    ? "its user or host starts with a dash, which ssh would read as an option"
    : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone `%` is no encoding: the text stands for itself.
    return text;
  }
}

/** A directory name for its clone: readable, and different for different addresses. */
export function repositoryIdOf(url: string): string {
  const canonical = url.replace(/\/+$/u, "").replace(/\.git$/u, "");
  const name = (canonical.split(/[/:]/u).at(-1) ?? "")
    .replaceAll(/[^A-Za-z0-9._-]+/gu, "-")
    .replace(/^[.-]+/u, "")
    .slice(0, 40);
  return `${name === "" ? "repository" : name}-${createHash("sha256").update(canonical).digest("hex").slice(0, 16)}`;
}

/** Without user names, passwords and tokens. */
export function redactUrl(text: string): string {
  return text.replaceAll(/([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/@\s'"]+@/gu, "$1");
}
