import { pipeline, type Transform } from "node:stream";

import type { Redactor } from "../redact/create-redactor.ts";
import { redactBody } from "../redact/redact-body.ts";

/** Where the bytes of an answer go once they may. */
export interface AnswerSink {
  /** False = wait for `resume`. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  fail(error: Error): void;
  /** More may come. */
  resume(): void;
}

/** Stands between the upstream's bytes and the client's. */
export interface AnswerBody {
  /** True when the body comes out without its content encoding. */
  readonly isDecoded: boolean;
  /** False = do not send more until the sink was told to resume. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  /** The client takes more. */
  resume(): void;
  destroy(): void;
}

/** The bytes as they are. */
export function plainBody(sink: AnswerSink): AnswerBody {
  return {
    isDecoded: false,
    write: (chunk) => sink.write(chunk),
    end: () => sink.end(),
    resume: () => sink.resume(),
    destroy: () => undefined,
  };
}

/** The bytes without the secrets; `undefined` = they come in an encoding that nobody here reads. */
export function redactedBody(
  redactor: Redactor,
  contentEncoding: string | undefined,
  sink: AnswerSink,
): AnswerBody | undefined {
  // Nearly every answer: no streams are made for it.
  if (contentEncoding === undefined) return streamedBody(redactor, sink);
  const redaction = redactBody(redactor, contentEncoding);
  if (redaction === undefined) return undefined;
  return redaction.isDecoded ? stagedBody(redaction.stages, sink) : streamedBody(redactor, sink);
}

function streamedBody(redactor: Redactor, sink: AnswerSink): AnswerBody {
  const stream = redactor.start();
  const pass = (chunks: readonly Uint8Array[]): boolean => {
    let wantsMore = true;
    for (const chunk of chunks) wantsMore = sink.write(chunk);
    return wantsMore;
  };
  return {
    isDecoded: false,
    write: (chunk) => pass(stream.write(chunk)),
    end() {
      pass(stream.end());
      sink.end();
    },
    resume: () => sink.resume(),
    destroy: () => undefined,
  };
}

function stagedBody(stages: readonly Transform[], sink: AnswerSink): AnswerBody | undefined {
  const [first] = stages;
  const last = stages.at(-1);
  if (first === undefined || last === undefined) return undefined;
  if (first !== last)
    pipeline([...stages], (error) => {
      if (error !== null && error !== undefined) sink.fail(error);
    });
  last.on("data", (chunk: Buffer) => {
    if (!sink.write(chunk)) last.pause();
  });
  last.once("end", () => sink.end());
  first.on("drain", () => sink.resume());
  return {
    isDecoded: true,
    write: (chunk) => first.write(chunk),
    end: () => first.end(),
    resume: () => last.resume(),
    destroy: () => first.destroy(),
  };
}
