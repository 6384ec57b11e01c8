import { readFileSync } from "node:fs";

/** Of this package, as published. */
export const version: string = readVersion(new URL("../package.json", import.meta.url));

function readVersion(url: URL): string {
  const [, found] = /"version":\s*"([^"]+)"/.exec(readFileSync(url, "utf8")) ?? [];
  if (found === undefined) throw new Error(`${url.pathname} names no version`);
  return found;
}
