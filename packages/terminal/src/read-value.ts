import { HostError } from "./host-protocol.ts";

export type Message = Readonly<Record<string, unknown>>;

const longestText = 4096;
const latestMs = 8_640_000_000_000_000;

export function refusal(what: string): HostError {
  return new HostError("internal", `What was answered is not ${what}`, "start the session again");
}

export function object(value: unknown, what: string): Message {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refusal(what);
  return value as Message;
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestText;
}

export function text(value: unknown): string {
  if (!isText(value)) throw refusal("text");
  return value;
}

export function count(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw refusal("a whole number");
  return value;
}

/** Milliseconds since 1970 that a date can hold. */
export function instant(value: unknown): number {
  const milliseconds = count(value);
  if (milliseconds > latestMs) throw refusal("a time");
  return milliseconds;
}

export function list<Value>(value: unknown, most: number, read: (value: unknown) => Value): readonly Value[] {
  if (!Array.isArray(value) || value.length > most) throw refusal(`a list of at most ${most}`);
  return value.map((one) => read(one));
}

export function oneOf<Value extends string>(value: unknown, values: readonly Value[]): Value {
  const found = values.find((one) => one === value);
  if (found === undefined) throw refusal("one of the known states");
  return found;
}

/** Absent where the host left it out, or wrote `null` for it. */
export function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | undefined {
  return value === undefined || value === null ? undefined : read(value);
}
