import type { ModelEventBody } from "@clauderon/core/contract";
import type { TapRecord } from "@clauderon/proxy/client";

/** What the proxy saw as the event of a session that is stored. */
export function modelEvent({ vendor, exchangeId, event }: TapRecord): ModelEventBody {
  const exchange = { vendor, exchangeId };
  switch (event.type) {
    case "turn.started": {
      const { model, promptHash, cause, isSideCall } = event;
      return { type: "model.turn-started", ...exchange, model, promptHash, cause, isSideCall };
    }
    case "text":
      return { type: "model.text", ...exchange, characters: event.characters };
    case "tool.use":
      return { type: "model.tool-used", ...exchange, tool: event.name };
    case "waiting":
      return { type: "model.waiting", ...exchange, reason: event.reason, tool: event.tool };
    case "usage":
      return { type: "model.usage", ...exchange, model: event.model, usage: event.usage };
    case "error":
      return { type: "model.error", ...exchange, class: event.class, status: event.status, code: event.code };
    case "turn.ended":
      return { type: "model.turn-ended", ...exchange, reason: event.reason };
    default:
      return event satisfies never;
  }
}
