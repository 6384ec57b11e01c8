import type { Scene } from "./scene.ts";
import { setting, type Vector } from "./vector.ts";

const credential = "protocol=https\nhost=example.invalid\n\n";

function onTerminal(scene: Scene, command: string): ReturnType<Scene["program"]> {
  return scene.program("script", ["-qec", command, "/dev/null"], { environment: { TERM: "xterm" } });
}

const merge = (scene: Scene): ReturnType<Scene["plain"]> => {
  scene.plain(["checkout", "--quiet", "-f", "main"]);
  return scene.plain(["merge", "side"]);
};

const mergeTool = (scene: Scene): ReturnType<Scene["plain"]> => {
  merge(scene);
  return scene.plain(["mergetool", "--no-prompt"]);
};

const smudge = (scene: Scene): ReturnType<Scene["plain"]> => {
  scene.plain(["rm", "--quiet", "--cached", "data.evil", "large.lfs"]);
  return scene.plain(["checkout", "-f", "main", "--", "data.evil", "large.lfs"]);
};

/** Settings that name a program. */
export const configurationVectors: readonly Vector[] = [
  setting("core.fsmonitor", (trap) => `[core]\n\tfsmonitor = ${trap}`, ["status"]),
  setting("core.sshCommand", (trap) => `[core]\n\tsshCommand = ${trap}`, ["ls-remote", "ssh://example.invalid/x"]),
  setting("core.sshCommand, ssh.variant", (trap) => `[core]\n\tsshCommand = ${trap}\n[ssh]\n\tvariant = simple`, [
    "ls-remote",
    "example.invalid:x",
  ]),
  setting(
    "core.pager",
    (trap) => `[core]\n\tpager = ${trap}`,
    (scene) => onTerminal(scene, "git log"),
  ),
  setting(
    "pager.log",
    (trap) => `[pager]\n\tlog = ${trap}`,
    (scene) => onTerminal(scene, "git log"),
  ),
  setting(
    "pager.diff",
    (trap) => `[pager]\n\tdiff = ${trap}`,
    (scene) => onTerminal(scene, "git diff"),
  ),
  setting(
    "pager.status",
    (trap) => `[pager]\n\tstatus = ${trap}`,
    (scene) => onTerminal(scene, "git status"),
  ),
  setting("core.editor", (trap) => `[core]\n\teditor = ${trap}`, ["commit", "--allow-empty"]),
  setting(
    "sequence.editor",
    (trap) => `[sequence]\n\teditor = ${trap}`,
    (scene) => {
      scene.plain(["checkout", "--quiet", "-f", "main"]);
      return scene.plain(["rebase", "--interactive", "HEAD~1"]);
    },
  ),
  setting("core.gitProxy", (trap) => `[core]\n\tgitProxy = ${trap}`, ["ls-remote", "git://example.invalid/x"]),
  setting(
    "core.askPass",
    (trap) => `[core]\n\taskPass = ${trap}`,
    (scene) => scene.plain(["credential", "fill"], { input: credential }),
  ),
  setting(
    "core.alternateRefsCommand",
    (trap) => `[core]\n\talternateRefsCommand = ${trap}`,
    (scene) => {
      scene.write(`${scene.repository}/.git/objects/info/alternates`, `${scene.origin}/objects\n`);
      scene.git(["commit", "--quiet", "--allow-empty", "-m", "New"], scene.repository);
      scene.git(["push", "--quiet", scene.origin, "HEAD:refs/heads/pushed"]);
      scene.git([`--git-dir=${scene.origin}`, "commit-tree", "-m", "Newer", "HEAD^{tree}"]);
      const commit = scene.git([`--git-dir=${scene.origin}`, "commit-tree", "-m", "Newest", "HEAD^{tree}"]).trim();
      scene.git([`--git-dir=${scene.origin}`, "update-ref", "refs/heads/newest", commit]);
      return scene.plain(["fetch", `file://${scene.origin}`, "newest"]);
    },
  ),
  setting(
    "credential.helper",
    (trap) => `[credential]\n\thelper = ${trap}`,
    (scene) => scene.plain(["credential", "fill"], { input: credential }),
  ),
  setting(
    "credential.helper of a shell",
    (trap) => `[credential]\n\thelper = "!${trap}"`,
    (scene) => scene.plain(["credential", "fill"], { input: credential }),
  ),
  setting(
    "credential.URL.helper",
    (trap) => `[credential "https://example.invalid"]\n\thelper = ${trap}`,
    (scene) => scene.plain(["credential", "fill"], { input: credential }),
  ),
  setting("diff.external", (trap) => `[diff]\n\texternal = ${trap}`, ["diff"]),
  setting("diff.*.command", (trap) => `[diff "evil"]\n\tcommand = ${trap}`, ["diff"]),
  setting("diff.*.textconv", (trap) => `[diff "evil"]\n\ttextconv = ${trap}`, ["diff"]),
  setting("diff.*.textconv, cached", (trap) => `[diff "evil"]\n\ttextconv = ${trap}\n\tcachetextconv = true`, [
    "log",
    "-p",
  ]),
  setting("filter.*.clean", (trap) => `[filter "evil"]\n\tclean = ${trap}`, ["diff"]),
  setting("filter.*.clean, required", (trap) => `[filter "evil"]\n\tclean = ${trap}\n\trequired = true`, ["add", "."]),
  setting("filter.*.smudge", (trap) => `[filter "evil"]\n\tsmudge = ${trap}`, smudge),
  setting("filter.*.process", (trap) => `[filter "evil"]\n\tprocess = ${trap}`, ["add", "."]),
  setting("filter.lfs.process", (trap) => `[filter "lfs"]\n\tprocess = ${trap}\n\trequired = true`, smudge),
  setting("filter.lfs.smudge", (trap) => `[filter "lfs"]\n\tsmudge = ${trap}`, smudge),
  setting("merge.*.driver", (trap) => `[merge "evil"]\n\tdriver = ${trap} %O %A %B`, merge),
  setting(
    "merge.default",
    (trap) => `[merge]\n\tdefault = other\n[merge "other"]\n\tdriver = ${trap} %O %A %B`,
    (scene) => {
      scene.write(`${scene.repository}/.gitattributes`, "");
      scene.git(["commit", "--quiet", "-m", "Attributes", "--", ".gitattributes"]);
      return merge(scene);
    },
  ),
  setting("mergetool.*.cmd", (trap) => `[merge]\n\ttool = evil\n[mergetool "evil"]\n\tcmd = ${trap}`, mergeTool),
  setting("difftool.*.cmd", (trap) => `[diff]\n\ttool = evil\n[difftool "evil"]\n\tcmd = ${trap}`, [
    "difftool",
    "--no-prompt",
  ]),
  setting("difftool.*.path", (trap) => `[diff]\n\ttool = meld\n[difftool "meld"]\n\tpath = ${trap}`, [
    "difftool",
    "--no-prompt",
  ]),
  setting("gpg.program", (trap) => `[gpg]\n\tprogram = ${trap}\n[commit]\n\tgpgSign = true`, [
    "commit",
    "--allow-empty",
    "-m",
    "Signed",
  ]),
  setting(
    "gpg.ssh.program",
    (trap) => `[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tprogram = ${trap}\n[user]\n\tsigningKey = /dev/null`,
    ["commit", "-S", "--allow-empty", "-m", "Signed"],
  ),
  setting("gpg.ssh.defaultKeyCommand", (trap) => `[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tdefaultKeyCommand = ${trap}`, [
    "commit",
    "-S",
    "--allow-empty",
    "-m",
    "Signed",
  ]),
  setting("gpg.x509.program", (trap) => `[gpg]\n\tformat = x509\n[gpg "x509"]\n\tprogram = ${trap}`, [
    "tag",
    "-s",
    "-m",
    "Signed",
    "signed",
  ]),
  setting(
    "log.showSignature",
    (trap) => `[gpg]\n\tprogram = ${trap}\n[log]\n\tshowSignature = true`,
    (scene) => {
      const head = scene.git(["cat-file", "commit", "HEAD"]);
      const signed = head.replace(
        "\n\n",
        "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n\n",
      );
      scene.write(`${scene.root}/signed`, signed);
      const commit = scene.git(["hash-object", "-t", "commit", "-w", `${scene.root}/signed`]).trim();
      return scene.plain(["log", "-1", commit]);
    },
  ),
  setting("alias", (trap) => `[alias]\n\tst = "!${trap}"`, ["st"]),
  setting(
    "url.insteadOf",
    (trap) => `[protocol "ext"]\n\tallow = always\n[url "ext::${trap} "]\n\tinsteadOf = https://example.invalid/`,
    ["ls-remote", "https://example.invalid/x"],
  ),
  setting(
    "url.pushInsteadOf",
    (trap) => `[protocol "ext"]\n\tallow = always\n[url "ext::${trap} "]\n\tpushInsteadOf = https://example.invalid/`,
    ["push", "https://example.invalid/x", "main"],
  ),
  setting(
    "protocol.ext.allow",
    (trap) => `[protocol "ext"]\n\tallow = always\n[remote "origin"]\n\turl = ext::${trap}`,
    ["fetch"],
  ),
  setting("protocol.allow", (trap) => `[protocol]\n\tallow = always\n[remote "origin"]\n\turl = ext::${trap}`, [
    "fetch",
  ]),
  setting(
    "remote.*.vcs",
    (trap) => `[protocol "ext"]\n\tallow = always\n[remote "origin"]\n\tvcs = ext\n\turl = ${trap}`,
    ["fetch"],
  ),
  setting(
    "remote.*.uploadpack",
    (trap, { origin }) => `[remote "origin"]\n\turl = file://${origin}\n\tuploadpack = ${trap}`,
    ["fetch"],
  ),
  setting(
    "remote.*.receivepack",
    (trap, { origin }) => `[remote "origin"]\n\turl = file://${origin}\n\treceivepack = ${trap}`,
    ["push", "origin", "main"],
  ),
  setting(
    "submodule.*.update",
    (trap, { origin }) => `[submodule "inner"]\n\turl = ${origin}\n\tactive = true\n\tupdate = "!${trap}"`,
    (scene) => {
      scene.write(`${scene.repository}/.gitmodules`, `[submodule "inner"]\n\tpath = inner\n\turl = ${scene.origin}\n`);
      scene.git(["update-index", "--add", "--cacheinfo", `160000,${scene.git(["rev-parse", "HEAD"]).trim()},inner`]);
      return scene.plain(["submodule", "update"]);
    },
  ),
  setting(
    "interactive.diffFilter",
    (trap) => `[interactive]\n\tdiffFilter = ${trap}`,
    (scene) => onTerminal(scene, "git -c color.ui=always add --patch < /dev/null"),
  ),
  setting(
    "trailer.*.command",
    (trap) => `[trailer "evil"]\n\tkey = Evil\n\tcommand = ${trap}`,
    (scene) => scene.plain(["interpret-trailers", "--trailer", "evil=x"], { input: "Subject\n" }),
  ),
  setting(
    "trailer.*.cmd",
    (trap) => `[trailer "evil"]\n\tkey = Evil\n\tcmd = ${trap}`,
    (scene) => scene.plain(["interpret-trailers", "--trailer", "evil=x"], { input: "Subject\n" }),
  ),
  setting("tar.*.command", (trap) => `[tar "evil"]\n\tcommand = ${trap}`, ["archive", "--format=evil", "HEAD"]),
  setting("man.*.cmd", (trap) => `[man]\n\tviewer = evil\n[man "evil"]\n\tcmd = ${trap}`, ["help", "--man", "git"]),
  setting("browser.*.cmd", (trap) => `[browser "evil"]\n\tcmd = ${trap}`, [
    "web--browse",
    "--browser=evil",
    "https://example.invalid/",
  ]),
  setting(
    "include.path",
    (trap, scene) => {
      scene.write(`${scene.root}/included`, `[core]\n\tfsmonitor = ${trap}\n`);
      return `[include]\n\tpath = ${scene.root}/included`;
    },
    ["status"],
  ),
  setting(
    "includeIf gitdir",
    (trap, scene) => {
      scene.write(`${scene.root}/included`, `[core]\n\tfsmonitor = ${trap}\n`);
      return `[includeIf "gitdir:**"]\n\tpath = ${scene.root}/included`;
    },
    ["status"],
  ),
  setting(
    "includeIf onbranch",
    (trap, scene) => {
      scene.write(`${scene.root}/included`, `[diff]\n\texternal = ${trap}\n`);
      return `[includeIf "onbranch:**"]\n\tpath = ${scene.root}/included`;
    },
    ["diff"],
  ),
  setting(
    "core.attributesFile",
    (trap, scene) => {
      scene.write(`${scene.root}/attributes`, "*.txt filter=other\n");
      return `[core]\n\tattributesFile = ${scene.root}/attributes\n[filter "other"]\n\tclean = ${trap}`;
    },
    ["diff"],
  ),
  setting(
    "core.hooksPath",
    (_trap, scene) => {
      scene.hook("post-index-change", `${scene.root}/hooks`);
      scene.hook("post-checkout", `${scene.root}/hooks`);
      scene.hook("reference-transaction", `${scene.root}/hooks`);
      return `[core]\n\thooksPath = ${scene.root}/hooks`;
    },
    ["add", "."],
  ),
];
