import type { AnswerState } from "./answer-state.ts";
import type { JsonPaths, JsonScalar } from "./json-scanner.ts";

/** The wanted values of one JSON document, the last one of each path. */
export type JsonFields = ReadonlyMap<string, JsonScalar>;

/** Understands the answers of one API. A document is an event of a stream, an element of a streamed array, or a whole body. */
export interface AnswerReader {
  readonly paths: JsonPaths;
  /** An element of an array at a wanted path ended; its fields are forgotten afterwards. */
  readItem(path: string, fields: JsonFields, state: AnswerState): void;
  readDocument(fields: JsonFields, state: AnswerState): void;
}
