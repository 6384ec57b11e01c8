import type { AnswerReader } from "./answer-reader.ts";
import type { AnswerState } from "./answer-state.ts";
import { createJsonScanner, type JsonScalar, type JsonScanner } from "./json-scanner.ts";
import { createSseSplitter } from "./sse-splitter.ts";

export interface AnswerParser {
  write(chunk: Uint8Array): void;
}

/** Feeds the documents of an answer to its reader. */
export function createAnswerParser(reader: AnswerReader, state: AnswerState, isEventStream: boolean): AnswerParser {
  const documents = createDocumentScanner(reader, state);
  if (!isEventStream) return documents;
  return createSseSplitter({
    onData: (piece) => documents.write(piece),
    onEvent: () => documents.reset(),
  });
}

/** A body is one document, or an array of them. */
function createDocumentScanner(reader: AnswerReader, state: AnswerState): JsonScanner {
  const fields = new Map<string, JsonScalar>();
  const scanner = createJsonScanner(reader.paths, {
    onValue: (path, value) => fields.set(withoutArray(path), value),
    onClose: (path) => {
      const inner = withoutArray(path);
      if (inner === "") {
        reader.readDocument(fields, state);
        fields.clear();
        return;
      }
      reader.readItem(inner, fields, state);
      for (const name of fields.keys()) {
        if (name.startsWith(inner)) fields.delete(name);
      }
    },
  });
  return {
    write: (bytes) => scanner.write(bytes),
    reset() {
      fields.clear();
      scanner.reset();
    },
  };
}

function withoutArray(path: string): string {
  return path.startsWith("[]") ? path.replace(/^\[\]\.?/, "") : path;
}
