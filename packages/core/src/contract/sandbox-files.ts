import type { CallOptions } from "./call-options.ts";

export interface FileStatus {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly sizeBytes: number;
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
  readonly modifiedAt: Date;
  /** For a symlink: its target as written, not followed. */
  readonly target?: string | undefined;
}

export interface DirectoryEntry extends FileStatus {
  readonly name: string;
}

export interface WriteFileOptions extends CallOptions {
  /** Permission bits of a file that is made or replaced; default 0o644. */
  readonly mode?: number | undefined;
}

/**
 * The sandbox's files. Paths are POSIX, relative to the workspace or absolute inside the sandbox. On a backend without isolation only the
 * workspace can be reached. A path that leads out (`..`, absolute, or through a symlink) rejects with `path.refused`, whatever races with it; a
 * missing one with `file.not-found`. Works while the sandbox is stopped where the backend can, else rejects with `sandbox.not-running`.
 */
export interface SandboxFiles {
  read(path: string, options?: CallOptions): Promise<Uint8Array>;
  /** The file's bytes as they are read; cancel it to stop early. */
  readStream(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** Whole file or nothing: readers see the old or the new content. Missing directories are made. A symlink at the path is replaced, not followed. */
  write(path: string, content: Uint8Array | ReadableStream<Uint8Array>, options?: WriteFileOptions): Promise<void>;
  /** Of the path itself: a symlink is reported, not followed. */
  stat(path: string, options?: CallOptions): Promise<FileStatus>;
  /** Entries sorted by name, without `.` and `..`. */
  list(path: string, options?: CallOptions): Promise<readonly DirectoryEntry[]>;
  /** With parents; no error when it is there. */
  makeDirectory(path: string, options?: CallOptions): Promise<void>;
  /** A file, symlink or whole directory; no error when it is gone already. Never follows a symlink. */
  remove(path: string, options?: CallOptions): Promise<void>;
  /** A tar archive (POSIX pax) of the path's content, modes and symlinks kept; names relative to it. */
  archive(path: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  /** Unpacks a tar archive below the path. An entry that would land or point outside rejects with `path.refused`; entries before it stay. */
  extract(path: string, archive: ReadableStream<Uint8Array>, options?: CallOptions): Promise<void>;
}
