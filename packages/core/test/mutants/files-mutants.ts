import { access, appendFile, readFile, writeFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";

import { ClauderonError, FileError, type Sandbox, type SandboxFiles } from "../../src/contract/index.ts";
import { overlay, sandboxMutant, type Mutant } from "./mutant.ts";

/** A mutant whose files are broken. */
function filesMutant(
  mutant: Omit<Mutant, "breaks"> & {
    readonly change: (files: SandboxFiles, sandbox: Sandbox) => Partial<SandboxFiles>;
  },
): Mutant {
  const { change, ...rest } = mutant;
  return sandboxMutant({
    ...rest,
    change: (sandbox) => ({ files: overlay(sandbox.files, change(sandbox.files, sandbox)) }),
  });
}

/** Reads around every guard when the path is one of the sort. */
const readsOutside =
  (isSort: (path: string) => boolean) =>
  (files: SandboxFiles, sandbox: Sandbox): Partial<SandboxFiles> => ({
    read: async (path, options) => {
      try {
        return await files.read(path, options);
      } catch (error) {
        if (!ClauderonError.isInstance(error, "path.refused") || !isSort(path)) throw error;
        return readFile(resolve(sandbox.workspacePath, path));
      }
    },
  });

function withoutLastBytes(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let held: Uint8Array | undefined;
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        if (held !== undefined) controller.enqueue(held);
        held = chunk;
      },
      flush: (controller) => {
        if (held !== undefined && held.length > 4096) controller.enqueue(held.subarray(0, -4096));
      },
    }),
  );
}

export const filesMutants: readonly Mutant[] = [
  filesMutant({
    name: "follows a symlink when it writes",
    fails: ["files:write:symlink"],
    change: (files) => ({
      write: async (path, content, options) => {
        const target = await files.stat(path).then(
          (status) => status.target,
          () => undefined,
        );
        const place = target === undefined ? path : resolve("/", path, "..", target).slice(1);
        return files.write(place, content, options);
      },
    }),
  }),
  filesMutant({
    name: "ignores the mode",
    fails: ["files:mode:asked", "files:mode:executable"],
    change: (files) => ({ write: (path, content) => files.write(path, content) }),
  }),
  filesMutant({
    name: "ignores aborts of writes",
    fails: ["abort:files"],
    change: (files) => ({
      write: (path, content, options = {}) => {
        const { signal: _ignored, ...rest } = options;
        return files.write(path, content, rest);
      },
    }),
  }),
  filesMutant({
    name: "accepts .. in a path",
    fails: ["files:escape:dot-dot"],
    change: readsOutside((path) => path.includes("../..")),
  }),
  filesMutant({
    name: "accepts absolute paths outside",
    fails: ["files:escape:absolute"],
    change: readsOutside((path) => isAbsolute(path)),
  }),
  filesMutant({
    name: "follows symlinks to the outside",
    fails: ["files:escape:symlink"],
    mayFail: ["files:escape:race"],
    change: readsOutside((path) => !isAbsolute(path) && !path.includes("..")),
  }),
  filesMutant({
    name: "writes in two steps that readers see",
    fails: ["files:write:readers-see-whole"],
    change: (files, sandbox) => {
      let wasRead = Promise.withResolvers<void>();
      let wasSeen = false;
      return {
        read: async (path, options) => {
          const { resolve: tell } = wasRead;
          const bytes = await files.read(path, options);
          tell();
          return bytes;
        },
        write: async (path, content, options) => {
          const place = resolve(sandbox.workspacePath, path);
          const isNew = await access(place).then(
            () => false,
            () => true,
          );
          if (isNew || wasSeen || !(content instanceof Uint8Array) || content.length < 100_000) {
            return files.write(path, content, options);
          }
          await writeFile(place, content.subarray(0, content.length / 2));
          // Whoever replaces a large file in these cases has a reader.
          wasRead = Promise.withResolvers();
          await wasRead.promise;
          wasSeen = true;
          return appendFile(place, content.subarray(content.length / 2));
        },
      };
    },
  }),
  filesMutant({
    name: "leaves half of what it could not write",
    fails: ["files:write:whole-or-nothing"],
    change: (files, sandbox) => ({
      write: async (path, content, options) => {
        try {
          return await files.write(path, content, options);
        } catch (error) {
          if (content instanceof ReadableStream)
            await writeFile(resolve(sandbox.workspacePath, `${path}.part`), "half");
          throw error;
        }
      },
    }),
  }),
  filesMutant({
    name: "does not write empty files",
    fails: ["files:bytes:empty"],
    change: (files) => ({
      write: async (path, content, options) =>
        content instanceof Uint8Array && content.length === 0 ? undefined : files.write(path, content, options),
    }),
  }),
  filesMutant({
    name: "lists in the reverse order",
    fails: ["files:list:sorted"],
    change: (files) => ({ list: async (path, options) => (await files.list(path, options)).toReversed() }),
  }),
  filesMutant({
    name: "rejects when there is nothing to remove",
    fails: ["files:remove:twice"],
    change: (files) => ({
      remove: async (path, options) => {
        if (path.endsWith("/file")) await files.stat(path);
        return files.remove(path, options);
      },
    }),
  }),
  filesMutant({
    name: "skips archive entries that lead out without a word",
    fails: [
      "files:tar:escape:dot-dot",
      "files:tar:escape:absolute",
      "files:tar:escape:symlink",
      "files:tar:escape:hardlink",
      "files:escape:symlink",
    ],
    change: (files) => ({
      extract: async (path, archive, options) => {
        try {
          await files.extract(path, archive, options);
        } catch (error) {
          if (!ClauderonError.isInstance(error, "path.refused")) throw error;
        }
      },
    }),
  }),
  filesMutant({
    name: "loses the end of what it reads as a stream",
    fails: ["files:stream:100-mebibytes"],
    change: (files) => ({
      readStream: async (path, options) => withoutLastBytes(await files.readStream(path, options)),
    }),
  }),
  filesMutant({
    name: "tells a missing file as a failure",
    fails: ["files:read:missing"],
    change: (files) => ({
      read: async (path, options) => {
        try {
          return await files.read(path, options);
        } catch (error) {
          if (!ClauderonError.isInstance(error, "file.not-found")) throw error;
          throw new FileError({ code: "file.failed", message: "it failed", fix: ["try again"], cause: error });
        }
      },
    }),
  }),
];
