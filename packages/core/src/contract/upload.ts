/** Where files lie that were put into a session, below a directory with its id; relative to the workspace. Git sees nothing of them, and they are not the session's work. */
export const uploadsDirectory: string = ".clauderon/uploads";

/** A file for a session. */
export interface UploadFile {
  /** Without a directory; what the file is called inside ends with it. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** A file that was put into a session; the object of `clauderon upload --json`. Stable: fields are only added. */
export interface SessionUpload {
  readonly schemaVersion: 1;
  /** Of the session. */
  readonly session: string;
  /** As it was given. */
  readonly name: string;
  /** Absolute, as the agent sees it. */
  readonly path: string;
  readonly sizeBytes: number;
}
