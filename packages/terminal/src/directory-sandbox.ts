import { type Sandbox, type SandboxFiles, unsupportedPowers } from "@clauderon/core/contract";
import { createDirectoryFiles } from "@clauderon/core/host";

/** What sandboxes of this machine have in common: the workspace's directory is their files, and they have none of the optional powers. */
export abstract class DirectorySandbox {
  readonly sandboxId: string;
  readonly name: string;
  readonly workspacePath: string;
  readonly files: SandboxFiles;
  readonly network: Sandbox["network"];
  readonly hibernate: Sandbox["hibernate"];
  readonly wake: Sandbox["wake"];
  readonly checkpoints: Sandbox["checkpoints"];
  readonly refresh: Sandbox["refresh"];
  readonly usage: Sandbox["usage"];

  constructor(backendId: string, record: Pick<Sandbox, "sandboxId" | "name" | "workspacePath">) {
    this.sandboxId = record.sandboxId;
    this.name = record.name;
    this.workspacePath = record.workspacePath;
    this.files = createDirectoryFiles({ root: record.workspacePath });
    const powers = unsupportedPowers(backendId);
    this.network = powers.network;
    this.hibernate = powers.hibernate;
    this.wake = powers.wake;
    this.checkpoints = powers.checkpoints;
    this.refresh = powers.refresh;
    this.usage = powers.usage;
  }
}
