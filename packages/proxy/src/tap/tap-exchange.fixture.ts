import { readFileSync } from "node:fs";

import type { ExchangeContext } from "../exchange/exchange-observer.ts";
import { createModelTap } from "./create-model-tap.ts";
import type { ModelVendor, TapEvent } from "./tap-event.ts";

/** What a vendor was sent and answered, as recorded. */
export interface Recording {
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly prompt: string;
  readonly request: string;
  readonly answer: string;
}

export const vendors: readonly ["anthropic", "openai", "gemini"] = ["anthropic", "openai", "gemini"];

export function recording(name: string): Recording {
  const file = new URL(`../../test/fixtures/model/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Recording;
}

export function contextOf(
  vendor: ModelVendor,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): ExchangeContext {
  const policy = { accessMode: "read-write", network: "open", allow: [], deny: [], isIsolated: true } as const;
  return {
    identity: { sessionId: "id-1", sessionName: "fix", policy },
    request: {
      target: { scheme: "https", host: "model.example", port: 443 },
      method: headers["upgrade"] === undefined ? "POST" : "GET",
      path,
      query: "",
      headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
      isUpgrade: headers["upgrade"] !== undefined,
    },
    rule: { id: vendor, description: "", host: "model.example", protocol: vendor },
  };
}

/** One exchange as the tap sees it, in pieces. */
export interface Exchange {
  readonly context: ExchangeContext;
  readonly request: readonly Uint8Array[];
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer: readonly Uint8Array[];
  readonly outcome?: "complete" | "aborted-by-client" | "failed-upstream";
}

export function watch({
  context,
  request,
  status = 200,
  headers = {},
  answer,
  outcome = "complete",
}: Exchange): readonly TapEvent[] {
  const events: TapEvent[] = [];
  const tap = createModelTap({ onRecord: (record) => events.push(record.event) });
  const observer = tap.createObserver(context);
  for (const chunk of request) observer?.onRequestBody(chunk);
  observer?.onResponseHead({ status, headers });
  for (const chunk of answer) observer?.onResponseBody(chunk);
  observer?.onEnd(outcome);
  return events;
}

export function replay(
  vendor: ModelVendor,
  { path, status, contentType, request, answer }: Recording,
  sizes: readonly number[] = [1 << 20],
): readonly TapEvent[] {
  return watch({
    context: contextOf(vendor, path),
    request: pieces(request, sizes),
    status,
    headers: { "content-type": contentType },
    answer: pieces(answer, sizes),
  });
}

export function pieces(text: string | Uint8Array, sizes: readonly number[]): readonly Buffer[] {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
}

export const types = (events: readonly TapEvent[]): readonly string[] =>
  events.map(({ type }) => type).filter((type, index, all) => type !== "text" || all[index - 1] !== "text");
export const find = <Type extends TapEvent["type"]>(
  events: readonly TapEvent[],
  type: Type,
): Extract<TapEvent, { type: Type }> | undefined =>
  events.find((event): event is Extract<TapEvent, { type: Type }> => event.type === type);
/** How many text events there are depends on how the bytes came. */
export const merged = (events: readonly TapEvent[]): readonly unknown[] => [
  events.filter(({ type }) => type !== "text"),
  types(events),
  characters(events),
];
export const characters = (events: readonly TapEvent[]): number =>
  events.reduce((sum, event) => sum + (event.type === "text" ? event.characters : 0), 0);
export const tools: Readonly<Record<ModelVendor, string>> = {
  anthropic: "Bash",
  openai: "exec_command",
  gemini: "run_shell_command",
};
