import { HostError, type HostTerminalSize } from "./host-protocol.ts";

type Parameters = Readonly<Record<string, unknown>>;

const refused = (name: string, wanted: string): HostError =>
  new HostError("request.refused", `The parameter ${name} must be ${wanted}`);

/** Reads of a request's parameters: the border where a peer's JSON becomes typed. */
export const parameter = {
  text(from: Parameters, name: string): string {
    const value = from[name];
    if (typeof value !== "string" || value === "" || value.includes("\0")) throw refused(name, "text");
    return value;
  },

  optionalText(from: Parameters, name: string): string | undefined {
    return from[name] === undefined ? undefined : parameter.text(from, name);
  },

  count(from: Parameters, name: string, fallback: number): number {
    const value = from[name] ?? fallback;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw refused(name, "a whole number");
    return value;
  },

  argv(from: Parameters, name: string): readonly [string, ...string[]] {
    const value = from[name];
    const isList = Array.isArray(value) && value.every((item) => typeof item === "string" && !item.includes("\0"));
    if (!isList || value.length === 0) throw refused(name, "a list of texts without NUL, at least one");
    return value as [string, ...string[]];
  },

  environment(from: Parameters, name: string): Readonly<Record<string, string>> | undefined {
    const value = from[name];
    if (value === undefined) return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused(name, "an object of texts");
    for (const [key, text] of Object.entries(value)) {
      if (typeof text !== "string" || text.includes("\0") || key === "" || /[=\0]/.test(key))
        throw refused(name, "an object of texts without NUL");
    }
    return value as Record<string, string>;
  },

  size(from: Parameters, name: string): HostTerminalSize | undefined {
    const value = from[name];
    if (value === undefined) return undefined;
    const { columns, rows } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
    if (!isExtent(columns) || !isExtent(rows)) throw refused(name, "a size of 1 to 10000 columns and rows");
    return { columns, rows };
  },
};

function isExtent(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 10_000;
}
