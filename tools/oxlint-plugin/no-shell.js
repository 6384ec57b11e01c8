/** Argument arrays only: a string that a shell parses turns data into commands. */

const SHELLS = /(?:^|\/)(?:ba|da|z|k)?sh$/;
const COMMAND_FLAG = /^-[a-z]*c$/;
const EXEC = new Set(["exec", "execSync"]);
const CHILD_PROCESS = /^(?:node:)?child_process$/;

const messages = {
  shellOption: "`shell` makes a string into commands. Pass the program and an argument array.",
  exec: "`{{name}}` runs a shell. Use the CommandRunner, or execFile/spawn with an argument array.",
  dynamicScript:
    "This builds a shell script from values. Pass them as arguments after a constant script ('sh', '-c', script, 'sh', value).",
};

function propertyName(node) {
  return node.key?.type === "Identifier" && !node.computed ? node.key.name : node.key?.value;
}

function isDynamicString(node) {
  if (node?.type === "TemplateLiteral") {
    return node.expressions.length > 0;
  }
  return node?.type === "BinaryExpression" && node.operator === "+" && !isConstantString(node);
}

function isConstantString(node) {
  if (node.type === "BinaryExpression") {
    return isConstantString(node.left) && isConstantString(node.right);
  }
  return node.type === "Literal" || (node.type === "TemplateLiteral" && node.expressions.length === 0);
}

function literal(node) {
  return node?.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

/** `[…, "sh", "-c", `…${value}`]` or `run("sh", ["-c", …])`: the script after `-c`, when the program is a shell. */
function shellScript(nodes, shellBefore) {
  for (let index = 0; index < nodes.length; index += 1) {
    const isFlag = COMMAND_FLAG.test(literal(nodes[index]) ?? "");
    const program = index === 0 ? shellBefore : literal(nodes[index - 1]);
    if (isFlag && program !== undefined && SHELLS.test(program)) {
      return nodes[index + 1];
    }
  }
  return undefined;
}

export const noShell = {
  meta: { type: "problem", messages, schema: [] },
  create(context) {
    const namespaces = new Set();

    function checkScript(nodes, shellBefore) {
      const script = shellScript(nodes, shellBefore);
      if (isDynamicString(script)) {
        context.report({ node: script, messageId: "dynamicScript" });
      }
    }

    return {
      ImportDeclaration(node) {
        if (!CHILD_PROCESS.test(node.source.value)) {
          return;
        }
        for (const specifier of node.specifiers) {
          const imported = specifier.imported?.name;
          if (specifier.type !== "ImportSpecifier") {
            namespaces.add(specifier.local.name);
          } else if (EXEC.has(imported)) {
            context.report({ node: specifier, messageId: "exec", data: { name: imported } });
          }
        }
      },
      Property(node) {
        if (propertyName(node) === "shell" && node.parent?.type === "ObjectExpression" && node.value.value === true) {
          context.report({ node, messageId: "shellOption" });
        }
      },
      ArrayExpression(node) {
        const call = node.parent?.type === "CallExpression" ? node.parent : undefined;
        checkScript(node.elements.filter(Boolean), literal(call?.arguments[0]));
      },
      CallExpression(node) {
        const { callee } = node;
        if (
          callee.type === "MemberExpression" &&
          callee.object.type === "Identifier" &&
          namespaces.has(callee.object.name) &&
          EXEC.has(callee.property.name)
        ) {
          context.report({ node, messageId: "exec", data: { name: callee.property.name } });
        }
        checkScript(node.arguments, undefined);
      },
    };
  },
};
