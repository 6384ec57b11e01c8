import type { Duplex } from "node:stream";

import type { CallOptions } from "@clauderon/core/contract";

import { recordOf } from "../endpoint/docker-config.ts";
import { hasStatus } from "./engine-error.ts";
import type { EngineTransport } from "./engine-transport.ts";
import type { ContainerEntry, ContainerStatus, EngineFacts, ImageFacts } from "./engine-types.ts";
import { readContainer, readEntries, readImage } from "./read-answers.ts";

/** What is made of a container: the body of the engine's own call. */
export interface ContainerBody extends Readonly<Record<string, unknown>> {
  readonly Image: string;
}

/** Ends later than the engine's own grace. */
const stopMarginMs = 20_000;

/** The engine, as far as sandboxes need it. Calls that are done already are no errors; everything else rejects with an `EngineError`. */
export class EngineClient {
  readonly transport: EngineTransport;
  readonly facts: EngineFacts;

  constructor(transport: EngineTransport, facts: EngineFacts) {
    this.transport = transport;
    this.facts = facts;
  }

  get socketPath(): string {
    return this.transport.socketPath;
  }

  /** The id, and what the engine warns of. */
  async createContainer(
    name: string,
    body: ContainerBody,
    { signal }: CallOptions = {},
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    const answer = await this.transport.request({
      method: "POST",
      path: "/containers/create",
      query: { name },
      body,
      signal,
    });
    const { Id: id, Warnings: warnings } = recordOf(answer.body);
    return { id: String(id), warnings: Array.isArray(warnings) ? warnings.map(String) : [] };
  }

  async startContainer(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.transport.request({ method: "POST", path: `/containers/${id}/start`, accept: [304], signal });
  }

  async stopContainer(id: string, { graceMs, signal }: CallOptions & { readonly graceMs: number }): Promise<void> {
    const t = Math.max(0, Math.ceil(graceMs / 1000));
    await this.transport.request({
      method: "POST",
      path: `/containers/${id}/stop`,
      query: { t },
      accept: [304, 404],
      timeoutMs: t * 1000 + stopMarginMs,
      signal,
    });
  }

  /** With its anonymous volumes, running or not; also when somebody else is removing it. */
  async removeContainer(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.transport.request({
      method: "DELETE",
      path: `/containers/${id}`,
      query: { force: 1, v: 1 },
      accept: [404, 409],
      signal,
    });
  }

  /** By id or name. */
  async inspectContainer(id: string, { signal }: CallOptions = {}): Promise<ContainerStatus | undefined> {
    const answer = await this.#found(`/containers/${id}/json`, signal);
    return answer === undefined ? undefined : readContainer(answer);
  }

  /** Those with all of the labels, running or not. */
  async listContainers(
    labels: Readonly<Record<string, string>>,
    { signal }: CallOptions = {},
  ): Promise<readonly ContainerEntry[]> {
    const filters = { label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) };
    const answer = await this.transport.request({
      method: "GET",
      path: "/containers/json",
      query: { all: 1, filters },
      signal,
    });
    return readEntries(answer.body);
  }

  /** `undefined` when the engine does not have it. */
  async inspectImage(reference: string, { signal }: CallOptions = {}): Promise<ImageFacts | undefined> {
    const answer = await this.#found(`/images/${reference}/json`, signal);
    return answer === undefined ? undefined : readImage(answer);
  }

  /** Standard input and output of a program that is started in a running container; its output is framed. */
  async startExec(
    id: string,
    { argv, user }: { readonly argv: readonly string[]; readonly user: string },
    { signal }: CallOptions = {},
  ): Promise<Duplex> {
    const made = await this.transport.request({
      method: "POST",
      path: `/containers/${id}/exec`,
      body: { AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false, Cmd: argv, User: user },
      signal,
    });
    const exec = String(recordOf(made.body)["Id"]);
    return this.transport.upgrade({
      method: "POST",
      path: `/exec/${exec}/start`,
      body: { Detach: false, Tty: false },
      signal,
    });
  }

  /** The latest lines that the main process wrote, both streams in one. */
  async lastLines(id: string, lines: number, { signal }: CallOptions = {}): Promise<string> {
    const query = { stdout: 1, stderr: 1, tail: lines };
    const stream = await this.transport.stream({ method: "GET", path: `/containers/${id}/logs`, query, signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk as Uint8Array);
    return unframed(Buffer.concat(chunks));
  }

  async connectNetwork(network: string, id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.transport.request({
      method: "POST",
      path: `/networks/${network}/connect`,
      body: { Container: id },
      signal,
    });
  }

  async disconnectNetwork(network: string, id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.transport.request({
      method: "POST",
      path: `/networks/${network}/disconnect`,
      body: { Container: id, Force: true },
      signal,
    });
  }

  async #found(path: string, signal: AbortSignal | undefined): Promise<Readonly<Record<string, unknown>> | undefined> {
    try {
      return recordOf((await this.transport.request({ method: "GET", path, signal })).body);
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }
}

const headBytes = 8;

function unframed(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + headBytes <= bytes.length;) {
    const end = at + headBytes + bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + headBytes, end));
    at = end;
  }
  return Buffer.concat(parts).toString("utf8");
}
