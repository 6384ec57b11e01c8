/** Git on this machine runs in two modes, each one function: whatever else starts it would read what a repository says. */

const GIT = /(?:^|[/\\])git(?:\.exe)?$/;

/** What starts programs is called so. */
const STARTS = /^(?:run|start|stream|spawn|exec|fork)/;

const messages = {
  git: "This starts git beside its two modes. Use `inspect` or `act` of packages/workspaces/src/git.ts.",
};

function text(node) {
  if (node?.type === "Literal" && typeof node.value === "string") {
    return node.value;
  }
  return node?.type === "TemplateLiteral" && node.expressions.length === 0 ? node.quasis[0].value.cooked : undefined;
}

function calleeName({ callee }) {
  return callee.type === "MemberExpression" ? callee.property.name : callee.name;
}

/** `git --version` touches no repository. */
function asksVersion(node) {
  return node?.type === "ArrayExpression" && node.elements.length === 1 && text(node.elements[0]) === "--version";
}

export const oneGit = {
  meta: { type: "problem", messages, schema: [] },
  create(context) {
    /** Names of constants that hold git's name. */
    const constants = new Set();

    function isGit(node) {
      return GIT.test(text(node) ?? "") || (node?.type === "Identifier" && constants.has(node.name));
    }

    function check(node) {
      const [program, args] = node.arguments;
      if (STARTS.test(calleeName(node) ?? "") && isGit(program) && !asksVersion(args)) {
        context.report({ node: program, messageId: "git" });
      }
    }

    return {
      VariableDeclarator(node) {
        if (node.id.type === "Identifier" && GIT.test(text(node.init) ?? "")) {
          constants.add(node.id.name);
        }
      },
      CallExpression: check,
      NewExpression: check,
    };
  },
};
